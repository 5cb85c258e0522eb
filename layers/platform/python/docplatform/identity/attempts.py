"""How often somebody may try: the lock-out of an account, and the caps on a source address and on a tenant.

An account is whatever address was typed, whether anybody has it or not, so that the lock-out tells nothing (OWASP ASVS 5.0 §6.3.1).
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
    """Of one account. ``recent``: the attempts of the last 15 minutes that were not right; ``locks``: how often it has been locked since
    somebody got in; ``revision`` counts the writes."""

    recent: tuple[datetime, ...] = ()
    locks: int = 0
    locked_until: datetime | None = None
    revision: int = 0

    def with_attempt(self, at: datetime) -> AttemptCount:
        """Counted as failed before it is looked at, so that a hundred at once are no more than one after another. The tenth failure
        locks for a minute; each one after that for twice as long, up to an hour. Raises TooManyAttempts while it is locked."""
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
        """Of the lock that the newest attempt has brought; 0 without one."""
        return int(min(FIRST_LOCK * 2 ** (self.locks - 1), LONGEST_LOCK).total_seconds()) if self.locks else 0


def window_of(at: datetime) -> tuple[int, datetime]:
    """The quarter of an hour that ``at`` lies in: its number, and when it ends."""
    length = int(WINDOW.total_seconds())
    number = int(at.timestamp()) // length
    return number, datetime.fromtimestamp((number + 1) * length, UTC)


def tenant_cap(tenant: Tenant) -> int:
    """Failures in a quarter of an hour: one in a hundred users' may mistype once."""
    return max(_TENANT_FAILURES, tenant.limits.users // 100)


def source_of(address: str) -> str:
    """What one subscriber holds: an IPv4 address, or the first 64 bits of an IPv6 address (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
