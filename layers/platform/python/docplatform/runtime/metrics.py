"""Business metrics in CloudWatch's embedded metric format. They are part of the invocation's log line
(docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).

A metric has the dimension ``service`` (the function) and at most one more, with a fixed set of values. A tenant, user
or document is never a dimension, for two reasons: AWS charges for each value of a dimension as for a separate metric,
and everybody who may see metrics sees those of all tenants. docs/operations.md lists every metric.
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
"""The name of the dimension that every metric has. Its value is the function's name in its spec."""

REGION = "region"
"""The value of that dimension for the metrics that all functions emit under one service."""

_CODE, _LONGEST_CODE = re.compile(r"[a-z]+(?:[_-][a-z]+)*"), 50
_OTHER = "other"
"""The value that replaces one which is not a code. Codes have no digits, so an id of a document or user never
counts."""


class Metric(Enum):
    """A metric's name, its unit, and the name of its second dimension ('' if it has only ``service``). ``of_region``: whether
    all functions emit it under one service, ``REGION``, so that one alarm watches them all."""

    UPLOADS_ANNOUNCED = ("UploadsAnnounced", MetricUnit.Count, "plan")
    UPLOADS_RECEIVED = ("UploadsReceived", MetricUnit.Count, "plan")
    MALWARE_SCANS = ("MalwareScans", MetricUnit.Count, "verdict")
    DOCUMENTS_READY = ("DocumentsReady", MetricUnit.Count, "")
    DOCUMENTS_FAILED = ("DocumentsFailed", MetricUnit.Count, "code")
    PROCESSING_SECONDS = ("ProcessingSeconds", MetricUnit.Seconds, "")
    SEARCHES = ("Searches", MetricUnit.Count, "")
    SIGN_INS = ("SignIns", MetricUnit.Count, "method")
    REFUSALS = ("Refusals", MetricUnit.Count, "code")
    CREDENTIALS_ISSUED = ("CredentialsIssued", MetricUnit.Count, "", True)
    JOBS_LATE = ("JobsLate", MetricUnit.Count, "")
    OPERATIONS_FAILED = ("OperationsFailed", MetricUnit.Count, "")
    BREAK_GLASS_USES = ("BreakGlassUses", MetricUnit.Count, "")
    PERIMETER_CHANGES = ("PerimeterChanges", MetricUnit.Count, "")
    FOREIGN_IDS = ("ForeignIds", MetricUnit.Count, "source")
    CROSS_TENANT_ATTEMPTS = ("CrossTenantAttempts", MetricUnit.Count, "kind", True)
    CROSS_TENANT_DETECTED = ("CrossTenantDetected", MetricUnit.Count, "", True)
    AUDIT_TAMPERED = ("AuditTampered", MetricUnit.Count, "")
    SECURITY_FINDINGS = ("SecurityFindings", MetricUnit.Count, "kind", True)

    def __init__(self, title: str, unit: MetricUnit, dimension: str, of_region: bool = False) -> None:
        self.title, self.unit, self.dimension, self.of_region = title, unit, dimension, of_region


class SignInMethod(StrEnum):
    """The step that opened the session. SECOND_FACTOR follows a password or single sign-on."""

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
    """Start an invocation without measurements. A Lambda environment may still hold those of an earlier invocation."""
    _recorded.set([])


def count(metric: Metric, *, by: str = "") -> None:
    """Count one event. ``by``: the value of the metric's second dimension."""
    measure(metric, 1, by=by)


def measure(metric: Metric, value: float, *, by: str = "") -> None:
    """Record a value in the metric's unit. Outside an invocation nothing is recorded."""
    if (measurements := _recorded.get()) is not None:
        measurements.append(_Measurement(metric, value, _known_code(by) if metric.dimension else ""))


def _known_code(value: str) -> str:
    return value if len(value) <= _LONGEST_CODE and _CODE.fullmatch(value) else _OTHER


def service() -> str:
    """The function's name in its spec."""
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or NAMESPACE


def collected() -> list[dict[str, Any]]:
    """Return and remove the measurements since ``begin``, as documents of the format: one document for each dimension
    and value."""
    measurements = _recorded.get() or []
    _recorded.set([])
    groups: dict[tuple[bool, str, str], list[_Measurement]] = {}
    for measurement in measurements:
        metric = measurement.metric
        groups.setdefault((metric.of_region, metric.dimension, measurement.by), []).append(measurement)
    return [
        _document(REGION if of_region else service(), dimension, by, group)
        for (of_region, dimension, by), group in groups.items()
    ]


def _document(own: str, dimension: str, by: str, measurements: list[_Measurement]) -> dict[str, Any]:
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=own, default_dimensions={SERVICE: own})
    for measurement in measurements:
        metrics.add_metric(measurement.metric.title, measurement.metric.unit, measurement.value)
    if dimension:
        metrics.add_dimensions(**{dimension: by})
    return dict(metrics.serialize_metric_set())
