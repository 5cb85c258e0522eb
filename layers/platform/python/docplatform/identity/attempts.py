"""Limits on failed sign-in attempts: the lock-out of an account, and the caps per source address and per tenant.

Attempts are counted for every e-mail address that is typed, whether it has an account or not. The lock-out therefore
does not reveal which accounts exist (OWASP ASVS 5.0 §6.3.1).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from docplatform.core.errors import TooManyAttempts
from docplatform.core.tenant import Tenant

WINDOW = timedelta(minutes=15)
FAILURES = 10
FIRST_LOCK, LONGEST_LOCK = timedelta(minutes=1), timedelta(hours=1)
LOCKS_REMEMBERED = timedelta(hours=24)

SOURCE_FAILURES = 100
_TENANT_FAILURES = 1_000


@dataclass(frozen=True, slots=True)
class AttemptCount:
    """The failed attempts at one account. ``recent``: the times of those in the last 15 minutes; ``locks``: how often
    the account was locked since the last successful sign-in; ``revision``: the number of writes."""

    recent: tuple[datetime, ...] = ()
    locks: int = 0
    locked_until: datetime | None = None
    revision: int = 0

    def with_attempt(self, at: datetime) -> AttemptCount:
        """Count an attempt as failed before its password is checked, so that parallel attempts cannot pass the limit.
        The tenth failure locks the account for a minute. Each later failure doubles the time of the lock, up to an
        hour. Raises TooManyAttempts while the account is locked."""
        if self.locked_until and at < self.locked_until:
            raise TooManyAttempts((self.locked_until - at).total_seconds())
        recent = (*(each for each in self.recent if at - each < WINDOW), at)
        locks = self.locks if self.locked_until and at - self.locked_until < LOCKS_REMEMBERED else 0
        if locks or len(recent) >= FAILURES:
            until = at + min(FIRST_LOCK * 2**locks, LONGEST_LOCK)
            return AttemptCount((), locks + 1, until, self.revision + 1)
        return AttemptCount(recent, revision=self.revision + 1)

    @property
    def seconds(self) -> int:
        """Length in seconds of the lock that the newest attempt caused; 0 if it caused none."""
        return int(min(FIRST_LOCK * 2 ** (self.locks - 1), LONGEST_LOCK).total_seconds()) if self.locks else 0


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted before an attempt: of the account, and in the current window from the source and of the tenant.
    ``device``: the count of the known device that the attempt comes from; None if it comes from none."""

    account: AttemptCount
    from_source: int
    of_tenant: int
    device: AttemptCount | None = None


def window_of(at: datetime) -> tuple[int, datetime]:
    """The 15-minute window that contains ``at``: its number since 1970, and the time when it ends."""
    length = int(WINDOW.total_seconds())
    number = int(at.timestamp()) // length
    return number, datetime.fromtimestamp((number + 1) * length, UTC)


def tenant_cap(tenant: Tenant) -> int:
    """The most failures of a tenant in one window: 1,000, or one per 100 users of the plan if that is more."""
    return max(_TENANT_FAILURES, tenant.limits.users // 100)


def source_of(address: str) -> str:
    """The address range of one subscriber: an IPv4 address, or the first 64 bits of an IPv6 address (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
