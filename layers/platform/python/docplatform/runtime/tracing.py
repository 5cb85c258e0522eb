"""Traces by Powertools' Tracer on the X-Ray SDK. The first sampled invocation imports the SDK; an environment that is never sampled never
does (docs/adr/0010).

A sampled invocation has one subsegment of its own, annotated with the function and the route, and in it one for each call to AWS and to the
search engine: service, operation, status and request id. Nothing is kept of a request's parameters, nor of an error's message: both may
hold data. The SDK's own patch of botocore keeps both, which is why botocore's events are used instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import botocore
from aws_lambda_powertools import Tracer

from docplatform.runtime.metrics import service

_HEADER = "_X_AMZN_TRACE_ID"  # Lambda sets it anew for every invocation
_DAEMON = "AWS_XRAY_DAEMON_ADDRESS"  # Lambda sets it where somebody takes traces; the local cloud does not
_SUBSEGMENT = "docplatform_subsegment"  # in the context that botocore's events of one call share

_traced: ContextVar[Any] = ContextVar("traced", default=None)
"""The subsegment of the invocation; None when it is not sampled."""


@cache
def _recorder() -> Any:
    """Imports the X-Ray SDK."""
    return Tracer(service=service(), auto_patch=False).provider


def _sampled() -> bool:
    return "Sampled=1" in os.environ.get(_HEADER, "").split(";") and _DAEMON in os.environ


def begin() -> None:
    """An invocation begins."""
    _traced.set(_recorder().begin_subsegment(f"## {service()}") if _sampled() else None)


def end(annotations: dict[str, object]) -> None:
    """The invocation ends. ``annotations`` can be searched for in X-Ray: no personal data."""
    own = _traced.get()
    if own is None:
        return
    _traced.set(None)
    recorder = _recorder()
    while recorder.current_subsegment() not in (None, own):  # left open by a call that was cut off
        recorder.end_subsegment()
    for name, value in {"function": service(), **annotations}.items():
        own.put_annotation(name, value)
    if "error" in annotations:
        own.add_fault_flag()
    recorder.end_subsegment()


@contextmanager
def subsegment(name: str, **annotations: str) -> Iterator[None]:
    """A call to something that is not reached by botocore."""
    if _traced.get() is None:
        yield
        return
    own = _recorder().begin_subsegment(name, namespace="remote")
    try:
        yield
    except BaseException as error:
        if own is not None:
            own.put_annotation("error", type(error).__name__)
            own.add_error_flag()
        raise
    finally:
        if own is not None:
            for key, value in annotations.items():
                own.put_annotation(key, value)
            _recorder().end_subsegment()


# -- calls to AWS, by botocore's events (docs.aws.amazon.com/boto3: "Extensibility guide")


def _before_call(model: Any, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if _traced.get() is None:
        return
    own = _recorder().begin_subsegment(model.service_model.endpoint_prefix, namespace="aws")
    if own is not None:
        context[_SUBSEGMENT] = own
        own.set_aws({"operation": model.name, "region": context.get("client_region", "")})
        params["headers"]["X-Amzn-Trace-Id"] = re.sub(r"Parent=[^;]+", f"Parent={own.id}", os.environ[_HEADER])


def _after_call(parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    own = context.pop(_SUBSEGMENT, None)
    if own is None:
        return
    about = parsed.get("ResponseMetadata", {})
    own.set_aws({**own.aws, "request_id": about.get("RequestId", ""), "retries": about.get("RetryAttempts", 0)})
    own.put_http_meta("status", about.get("HTTPStatusCode", 0))  # sets the flags of an error, a throttling, a fault
    if code := parsed.get("Error", {}).get("Code"):
        own.put_annotation("error", code)  # a constant of AWS
    _recorder().end_subsegment()


def _after_call_error(exception: BaseException, context: dict[str, Any], **_: object) -> None:
    own = context.pop(_SUBSEGMENT, None)
    if own is not None:
        own.put_annotation("error", type(exception).__name__)
        own.add_fault_flag()
        _recorder().end_subsegment()


def _register_events(session: Any) -> None:
    for event, handler in (
        ("before-call", _before_call),
        ("after-call", _after_call),
        ("after-call-error", _after_call_error),
    ):
        session.register(event, handler, unique_id=f"docplatform-{event}")


botocore.register_initializer(_register_events)
