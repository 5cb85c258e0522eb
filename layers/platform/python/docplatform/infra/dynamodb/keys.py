"""What the keys of every capability have in common, and the keys of what the ground itself stores.

A capability's own keys stand in its ``adapters/keys.py``; ``docs/access-patterns.md`` lists them all.
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
    """The keys of one tenant. Each partition key that a subclass makes, those of the indexes included, begins with ``<tenant>#``:
    the tenant role's ``dynamodb:LeadingKeys`` condition lets nothing else through."""

    def __init__(self, tenant_id: str) -> None:
        """Raises ValueError for what is not a tenant id: a ``#`` or ``*`` must never get into a key."""
        if not ids.is_tenant(tenant_id):
            raise ValueError("not a tenant id")
        self.tenant_id = tenant_id
        self._prefix = f"{tenant_id}#"

    def idempotency(self, user_id: str, key: str) -> Key:
        return Key(f"{self._prefix}idempotency#{user_id}", hashed(key))

    # -- audit table
    def audit(self, at: datetime, record_id: str) -> Key:
        """One partition a day: small enough to write to, and the order of the archive."""
        return Key(self.audit_day(at), record_id)

    def audit_day(self, at: datetime) -> str:
        return f"{self._prefix}{at:%Y-%m-%d}"


def hashed(text: str) -> str:
    """SHA-256 in hexadecimal, for what must not stand in a key: streams and metrics carry keys."""
    return hashlib.sha256(text.encode()).hexdigest()
