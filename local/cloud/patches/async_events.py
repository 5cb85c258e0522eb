"""Asynchronous invocations: an accepted event is on disk until it is done.

Lambda queues an event, retries it when the function fails, and sends it to a destination when the retries are used up
(docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html). The emulator keeps such events in threads, which a stop
ends, and tries those of EventBridge once. Here each event is a file from before the caller is answered until two things are true: the
function has succeeded, or the event went to its destination; and what that changed is stored. A start resumes the events that it finds.
S3 announces an object before it answers the upload.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from local.cloud import lifecycle, traces
from local.cloud.durability.changes import CHANGES
from local.cloud.durability.files import UNFINISHED, write_whole
from local.cloud.patches import require


def apply() -> None:
    from ministack import app
    from ministack.services import eventbridge, lambda_svc, s3

    for name in ("invoke_async_with_retry", "_execute_function", "_route_async_failure", "_get_func_record_for_ref"):
        require(lambda_svc, name)
    for name in ("_execution_record_for_config", "_LAMBDA_ASYNC_RETRY_BASE_SECONDS"):
        require(lambda_svc, name)
    require(eventbridge, "_dispatch_to_lambda")
    for name in ("_fire_s3_event_async", "_fire_s3_event", "_next_event_sequencer", "_bucket_notifications"):
        require(s3, name)
    lambda_svc.invoke_async_with_retry = accept
    eventbridge._dispatch_to_lambda = _from_eventbridge
    s3._fire_s3_event_async = _announce
    load = require(app, "_load_persisted_state")

    def load_and_resume() -> None:
        load()
        threading.Thread(target=_resume, daemon=True, name="resume-events").start()

    app._load_persisted_state = load_and_resume


def _folder() -> Path:
    folder = Path(os.environ["DOCPLATFORM_STATE"]) / "events"
    folder.mkdir(exist_ok=True)
    return folder


def accept(function: dict[str, Any], event: Any) -> None:
    """Returns when the event is on disk."""
    config = function.get("config") or function
    file = _folder() / f"{time.time_ns()}-{uuid.uuid4().hex}.json"
    trace = traces.current.get()
    noted = {"function": config["FunctionArn"], "event": event, "accepted": time.time()}
    noted["trace"] = trace.header if trace else ""
    write_whole(file, json.dumps(noted).encode())
    _start(file, function, noted)


def _start(file: Path, function: dict[str, Any], noted: dict[str, Any]) -> None:
    threading.Thread(target=_deliver, args=(file, function, noted), daemon=True, name="event").start()


def _resume() -> None:
    from ministack.services import lambda_svc

    for file in _folder().glob(f"*{UNFINISHED}"):
        file.unlink()  # nobody was told that it is accepted
    for file in _folder().glob("*.done"):  # of an earlier version: what these did may not have been stored
        file.rename(file.with_suffix(".json"))
    for file in sorted(_folder().glob("*.json")):
        try:
            noted = json.loads(file.read_text())
            _set_scope_of(noted["function"])
        except (ValueError, KeyError, TypeError):
            print(f"{file} is damaged: its event is not delivered", file=sys.stderr, flush=True)
            continue
        found, config, _name = lambda_svc._get_func_record_for_ref(noted["function"])
        if not found or not config:
            file.unlink()  # its function is gone
            continue
        function = lambda_svc._execution_record_for_config(found, config)
        _start(file, function, noted)


def _deliver(file: Path, function: dict[str, Any], noted: dict[str, Any]) -> None:
    from ministack.services import lambda_svc

    event, accepted = noted["event"], noted["accepted"]
    traces.current.set(traces.read(noted.get("trace", "")))
    config = function.get("config") or function
    _set_scope_of(config["FunctionArn"])
    rules = function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST", {}) or {}
    retries = rules.get("MaximumRetryAttempts")
    oldest = int(rules.get("MaximumEventAgeInSeconds", 6 * 3600))
    answer: dict[str, Any] = {}
    for attempt in range(1 + (2 if retries is None else int(retries))):
        if attempt:
            delay = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * 2 ** (attempt - 1)
            if time.time() + delay - accepted > oldest:
                break
            time.sleep(delay)
        answer = lambda_svc._execute_function(function, event)
        if lifecycle.stopping():
            return  # the next start delivers the event, whatever became of this call
        if not answer.get("error"):
            break
    target = (rules.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination")
    target = target or (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if answer.get("error") and target:
        lambda_svc._route_async_failure(target, config["FunctionName"], event, answer)
    with contextlib.suppress(OSError):  # a full disk: the next start delivers the event again
        lifecycle.call_in_loop(
            CHANGES.flush
        )  # what the destination got; what the function changed was stored before its calls were answered
        file.unlink()


def _set_scope_of(arn: str) -> None:
    from ministack.core.responses import set_request_account_id, set_request_region

    _arn, _aws, _lambda, region, account, *_ = arn.split(":")
    set_request_account_id(account)
    set_request_region(region)


def _from_eventbridge(arn: str, payload: str) -> None:
    from ministack.services import lambda_svc

    found, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not found or not config:
        lambda_svc.logger.warning("EventBridge has no function %s to call", name)
        return
    accept(lambda_svc._execution_record_for_config(found, config), json.loads(payload))


def _announce(
    bucket: str,
    key: str,
    event: str,
    size: int = 0,
    etag: str = "",
    deletion_type: str | None = None,
    version_id: str | None = None,
    **more: Any,
) -> None:
    """Does the work of ``s3._fire_s3_event_async``, but in the caller's thread."""
    from ministack.services import s3

    if bucket in s3._bucket_notifications:
        sequencer = s3._next_event_sequencer(event)
        s3._fire_s3_event(
            bucket, key, event, size, etag, deletion_type, version_id=version_id, sequencer=sequencer, **more
        )
