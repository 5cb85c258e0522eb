"""Traces with Powertools' Tracer and the X-Ray SDK. The SDK is imported at the first sampled invocation only
(docs/adr/0010).

A sampled invocation has one subsegment, annotated with the function and the route. Inside it, each call to AWS or to
the search engine has a subsegment with service, operation, status and request id. A trace holds neither the parameters
of a request nor the message of an error, because both may hold data. The SDK's own patch of botocore records both, so
this module uses botocore's events instead.
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

_HEADER = "_X_AMZN_TRACE_ID"  # Lambda sets it for every invocation
_DAEMON = "AWS_XRAY_DAEMON_ADDRESS"  # Lambda sets it if a daemon receives traces, and so does the local cloud
_SUBSEGMENT = "docplatform_subsegment"  # a key of the context that botocore's events of one call share

_traced: ContextVar[Any] = ContextVar("traced", default=None)
"""The subsegment of the invocation; None if it is not sampled."""


@cache
def _recorder() -> Any:
    """Imports the X-Ray SDK."""
    return Tracer(service=service(), auto_patch=False).provider


def _sampled() -> bool:
    return "Sampled=1" in os.environ.get(_HEADER, "").split(";") and _DAEMON in os.environ


def begin() -> None:
    """Begin the invocation's subsegment, if it is sampled."""
    _traced.set(_recorder().begin_subsegment(f"## {service()}") if _sampled() else None)


def end(annotations: dict[str, object]) -> None:
    """End the invocation's subsegment. X-Ray can search for ``annotations``, so they must hold no personal data."""
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
    """A subsegment for a call that does not use botocore."""
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


# -- calls to AWS: handlers of botocore's events (docs.aws.amazon.com/boto3: "Extensibility guide")


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
    own.put_http_meta("status", about.get("HTTPStatusCode", 0))  # also sets the flags: error, throttle or fault
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
