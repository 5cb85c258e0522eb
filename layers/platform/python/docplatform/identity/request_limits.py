"""Limits on requests that need no log-in and cause work: a mail, or calls of an identity provider.

They are counted for what they name, for the source address and for the tenant, in windows of 15 minutes, apart from
failed sign-ins: who asks too often keeps nobody from signing in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from docplatform.core.errors import TooManyAttempts
from docplatform.core.tenant import Tenant
from docplatform.identity.attempts import source_of, tenant_cap, window_of


class LimitedOperation(StrEnum):
    PASSWORD_RESET = "password-reset"
    SSO_LOGIN = "sso-login"


@dataclass(frozen=True, slots=True)
class RequestCaps:
    """The most requests in one window: for one subject, from one source, and of the tenant. 0: not counted."""

    of_subject: int
    from_source: int
    of_tenant: int


def caps_of(operation: LimitedOperation, tenant: Tenant) -> RequestCaps:
    """A whole company may sign in behind one address in the morning, and few people forget their password."""
    match operation:
        case LimitedOperation.PASSWORD_RESET:
            return RequestCaps(5, 100, tenant_cap(tenant))
        case LimitedOperation.SSO_LOGIN:
            most = max(1_000, 3 * min(tenant.limits.users, 100_000))
            return RequestCaps(0, most, 3 * most)


class RequestCounts(Protocol):
    def count(self, operation: str, of: str, most: int, at: datetime) -> bool:
        """Count a request in the window of ``at``. Returns False if there are ``most`` already. One call."""


class RequestLimits:
    def __init__(self, tenant: Tenant, address: str, counts: RequestCounts, now: Callable[[], datetime]) -> None:
        """``address``: the IP address that the request comes from."""
        self._tenant, self._source, self._counts, self._now = tenant, source_of(address), counts, now

    def admit(self, operation: LimitedOperation, subject: str = "") -> None:
        """Count a request and let it through. ``subject``: what it names, whether that exists or not. The narrowest count
        comes first, so that a source that asks too often does not use up the tenant's. Raises TooManyAttempts."""
        at, caps = self._now(), caps_of(operation, self._tenant)
        counted = (
            (f"source:{self._source}", caps.from_source),
            (f"subject:{subject.strip().lower()}", caps.of_subject),
            ("tenant", caps.of_tenant),
        )
        for of, most in counted:
            if most and not self._counts.count(operation.value, of, most, at):
                raise TooManyAttempts((window_of(at)[1] - at).total_seconds())
