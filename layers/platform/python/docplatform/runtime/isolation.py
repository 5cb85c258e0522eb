"""A finding: one actor who attempts to reach other tenants again and again (``core/isolation.py``)."""

from __future__ import annotations

from datetime import timedelta

from docplatform.core.audit import Action, AuditIdentity, record_of
from docplatform.core.tenant import tenant_context
from docplatform.core.time import now
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.tenant_access import table

WINDOW = timedelta(minutes=10)
ALLOWED = 5
"""Attempts of one actor within WINDOW. One more is a finding: a metric and a record in the trail of the tenant whose
address was called."""
FINDING = "cross-tenant-attempts"


def count_attempt(subject: AuditIdentity, actor: str) -> None:
    """Count an attempt at the tenant of ``subject``. ``actor``: who attempts, a text that stays the same; only its hash is
    stored, because it may name a user of another tenant. One update, and one put for a finding."""
    at = now()
    with tenant_context(subject.tenant):
        own = table(subject.tenant)
        recent = own.append_time(own.keys.isolation_attempts(actor), at, int(WINDOW.total_seconds()))
        if recent == ALLOWED + 1:
            count(Metric.SECURITY_FINDINGS, by=FINDING)
            own.record_standalone(record_of(subject, Action.SECURITY_FINDING, FINDING, at, {"attempts": recent}))
