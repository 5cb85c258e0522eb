"""The base of the item keys of every capability, and the keys of idempotency and audit records.

A capability's own keys are in its ``adapters/keys.py``. ``docs/access-patterns.md`` lists all keys.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

from docplatform.core import ids


class Key(NamedTuple):
    pk: str
    sk: str


class TenantKeys:
    """The keys of one tenant. Every partition key that a subclass makes, also for an index, begins with ``<tenant>#``.
    The tenant role's condition on ``dynamodb:LeadingKeys`` refuses every other key."""

    def __init__(self, tenant_id: str) -> None:
        """Raises ValueError for a text that is not a tenant id: a ``#`` or ``*`` must never get into a key."""
        if not ids.is_tenant(tenant_id):
            raise ValueError("not a tenant id")
        self.tenant_id = tenant_id
        self._prefix = f"{tenant_id}#"

    def idempotency(self, user_id: str, key: str) -> Key:
        return Key(f"{self._prefix}idempotency#{user_id}", hashed(key))

    def isolation_attempts(self, actor: str) -> Key:
        return Key(f"{self._prefix}isolation-attempts#{hashed(actor)}", "attempts")

    # -- audit table
    def audit(self, at: datetime, record_id: str) -> Key:
        """The key of an audit record. There is one partition for each day, so no partition receives too many writes,
        and the archive can read day by day."""
        return Key(self.audit_day(at), record_id)

    def audit_day(self, at: datetime) -> str:
        return f"{self._prefix}{at:%Y-%m-%d}"


def hashed(text: str) -> str:
    """SHA-256 in hexadecimal, for data that must not appear in a key, because streams and metrics carry keys. A lone
    surrogate, which a filter can hold, is hashed too: it is the key of nothing, because no body with one is accepted."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
