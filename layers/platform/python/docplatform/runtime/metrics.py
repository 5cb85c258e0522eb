"""Business metrics in CloudWatch's embedded metric format. They travel in the log line of the invocation that they are about
(docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).

A metric's dimensions are ``service`` (the function) and at most one more, whose values are a closed vocabulary. A tenant, user or document
is never a dimension: each value of a dimension is a metric of its own, for which AWS charges, and whoever sees metrics sees those of all
tenants. docs/operations.md lists every metric.
"""

from __future__ import annotations

import os
import re
from contextvars import ContextVar
from enum import Enum, StrEnum
from typing import Any, NamedTuple

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "docplatform"
SERVICE = "service"
"""The dimension that every metric has: the function's name in its spec."""

_CODE, _LONGEST_CODE = re.compile(r"[a-z]+(?:[_-][a-z]+)*"), 50
_OTHER = "other"
"""Counted instead of a value that cannot be of a vocabulary. A code has no digit; every document's and user's id has one."""


class Metric(Enum):
    """A metric's name, its unit, and its dimension beside ``service``, if it has one."""

    UPLOADS_ANNOUNCED = ("UploadsAnnounced", MetricUnit.Count, "plan")
    UPLOADS_RECEIVED = ("UploadsReceived", MetricUnit.Count, "plan")
    DOCUMENTS_READY = ("DocumentsReady", MetricUnit.Count, "")
    DOCUMENTS_FAILED = ("DocumentsFailed", MetricUnit.Count, "code")
    PROCESSING_SECONDS = ("ProcessingSeconds", MetricUnit.Seconds, "")
    SEARCHES = ("Searches", MetricUnit.Count, "")
    SIGN_INS = ("SignIns", MetricUnit.Count, "method")
    REFUSALS = ("Refusals", MetricUnit.Count, "code")

    def __init__(self, title: str, unit: MetricUnit, dimension: str) -> None:
        self.title, self.unit, self.dimension = title, unit, dimension


class SignInMethod(StrEnum):
    """The step that opened the session. A second factor is shown after a password or after single sign-on."""

    PASSWORD = "password"
    SECOND_FACTOR = "second-factor"
    MFA_ENROLMENT = "mfa-enrolment"
    PASSKEY = "passkey"
    INVITATION = "invitation"
    OIDC = "oidc"
    SAML = "saml"


class _Measurement(NamedTuple):
    metric: Metric
    value: float
    by: str


_recorded: ContextVar[list[_Measurement] | None] = ContextVar("recorded_metrics", default=None)


def begin() -> None:
    """Forget what an invocation before this one recorded: warm environments remember."""
    _recorded.set([])


def count(metric: Metric, *, by: str = "") -> None:
    """It has happened once more. ``by`` is the value of the metric's dimension."""
    measure(metric, 1, by=by)


def measure(metric: Metric, value: float, *, by: str = "") -> None:
    """Outside an invocation nothing is recorded."""
    if (measurements := _recorded.get()) is not None:
        measurements.append(_Measurement(metric, value, _known_code(by) if metric.dimension else ""))


def _known_code(value: str) -> str:
    return value if len(value) <= _LONGEST_CODE and _CODE.fullmatch(value) else _OTHER


def service() -> str:
    """The function's name in its spec."""
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or NAMESPACE


def collected() -> list[dict[str, Any]]:
    """What was recorded since ``begin``, as documents of the format: one, unless a dimension has had two values. Forgets it."""
    measurements = _recorded.get() or []
    _recorded.set([])
    groups: dict[tuple[str, str], list[_Measurement]] = {}
    for measurement in measurements:
        groups.setdefault((measurement.metric.dimension, measurement.by), []).append(measurement)
    return [_document(dimension, by, group) for (dimension, by), group in groups.items()]


def _document(dimension: str, by: str, measurements: list[_Measurement]) -> dict[str, Any]:
    own = service()
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=own, default_dimensions={SERVICE: own})
    for measurement in measurements:
        metrics.add_metric(measurement.metric.title, measurement.metric.unit, measurement.value)
    if dimension:
        metrics.add_dimensions(**{dimension: by})
    return dict(metrics.serialize_metric_set())
