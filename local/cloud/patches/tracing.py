"""A function's segment, and one trace for all that a request starts.

Every request to a region's port begins a trace, or goes on with the one that its ``X-Amzn-Trace-Id`` names. Requests
that functions make carry that header, too, so what they start is in the same trace: functions, workflows, messages of
queues, events. A batch of messages stays in its trace when all are of one; of several it begins a new one. The records
of a stream begin a new one, as on AWS.

Each function's call is a segment, which the function's own subsegments hang on
(docs.aws.amazon.com/lambda/latest/dg/python-tracing.html). With tracing set to ``PassThrough`` a call is traced only
where its caller is.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from local.cloud import traces
from local.cloud.patches import expect, require
from local.cloud.patches.regions import API_NAME, STAGE

HEADER = b"x-amzn-trace-id"
_ATTRIBUTE = "AWSTraceHeader"
_for_worker: ContextVar[str | None] = ContextVar("header_for_worker", default=None)
_queued: ContextVar[bool] = ContextVar("queued", default=False)
"""Whether an event is on its way into a queue."""


def apply() -> None:
    from ministack.services import eventbridge, lambda_svc, sqs

    _segments_of_functions(lambda_svc)
    _traces_of_messages(lambda_svc, sqs, eventbridge)


def arrived(scope: dict[str, Any]) -> traces.Trace | None:
    """The place that the request's header names; None without one."""
    found = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == HEADER]
    return traces.read(found[0]) if found else None


async def served(application: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serves a request to a region's API as a segment of the API's stage."""
    trace = arrived(scope) or traces.begun()
    with traces.segment(f"{API_NAME}/{STAGE}", "AWS::ApiGateway::Stage", trace) as (inside, document):
        request = {"method": scope["method"], "url": scope["path"]}
        document["http"] = {"request": request}

        async def answer(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                _note_answer(document, message)
                own = (HEADER, f"Root={inside.root}".encode())
                message = {**message, "headers": [*message.get("headers", ()), own]}
            await send(message)

        await application(scope, receive, answer)


def _note_answer(document: dict[str, Any], message: dict[str, Any]) -> None:
    status = message["status"]
    headers = {name.lower(): value.decode("latin-1") for name, value in message.get("headers", ())}
    document["http"]["response"] = {"status": status}
    document["aws"] = {"request_id": headers.get(b"x-request-id") or headers.get(b"x-amzn-requestid", "")}
    document |= {"fault": status >= 500, "error": 400 <= status < 500, "throttle": status == 429}


def _segments_of_functions(lambda_svc: Any) -> None:
    dispatch = require(lambda_svc, "_execute_function_dispatch")
    require(lambda_svc, "_xray_trace_id_for_invocation")

    def dispatched(function: Any, config: dict[str, Any], event: Any, request_id: str, *more: Any) -> Any:
        trace = traces.current.get()
        if trace is None and (config.get("TracingConfig") or {}).get("Mode") == "Active":
            trace = traces.begun()
        if trace is None:
            return dispatch(function, config, event, request_id, *more)
        with traces.segment(config["FunctionName"], "AWS::Lambda::Function", trace) as (inside, document):
            before = _for_worker.set(inside.header)
            try:
                answer = dispatch(function, config, event, request_id, *more)
            finally:
                _for_worker.reset(before)
            document["aws"] = {"request_id": request_id, "function_arn": config.get("FunctionArn", "")}
            document |= {"fault": bool(answer.get("error")), "throttle": bool(answer.get("throttle"))}
        return answer

    lambda_svc._execute_function_dispatch = dispatched
    lambda_svc._xray_trace_id_for_invocation = lambda *_: _for_worker.get()


def _traces_of_messages(lambda_svc: Any, sqs: Any, eventbridge: Any) -> None:
    sent, completed = require(sqs, "_build_send_sys_attrs"), require(sqs, "_ensure_msg_fields")
    to_queue, run_batch = require(eventbridge, "_dispatch_to_sqs"), require(lambda_svc, "_run_sqs_batch")

    def sent_in_trace(*arguments: Any) -> dict[str, Any]:
        return _with_trace(sent(*arguments))

    def completed_in_trace(message: dict[str, Any]) -> None:
        completed(message)
        if _queued.get():
            _with_trace(message["sys"])

    def to_queue_in_trace(*arguments: Any, **more: Any) -> None:
        before = _queued.set(True)
        try:
            to_queue(*arguments, **more)
        finally:
            _queued.reset(before)

    def batch_in_trace(mapping: Any, function: Any, event: dict[str, Any], *more: Any) -> Any:
        found = [traces.read(each["attributes"].get(_ATTRIBUTE, "")) for each in event["Records"]]
        alike = len({each and each.root for each in found}) == 1
        traces.current.set(found[0] if alike else None)  # this thread ends with the batch
        return run_batch(mapping, function, event, *more)

    expect(_ATTRIBUTE in sent(0.0, {_ATTRIBUTE: {"StringValue": "it"}}), "sqs._build_send_sys_attrs")
    sqs._build_send_sys_attrs, sqs._ensure_msg_fields = sent_in_trace, completed_in_trace
    eventbridge._dispatch_to_sqs, lambda_svc._run_sqs_batch = to_queue_in_trace, batch_in_trace


def _with_trace(attributes: dict[str, Any]) -> dict[str, Any]:
    """What a message says about itself, with the trace of the request that sends it."""
    trace = traces.current.get()
    if trace is not None:
        attributes.setdefault(_ATTRIBUTE, trace.header)
    return attributes
