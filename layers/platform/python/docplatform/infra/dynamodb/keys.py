"""The base of the item keys of every capability, and the keys of idempotency and audit records.

A capability's own keys are in its ``adapters/keys.py``. ``docs/access-patterns.md`` lists all keys.
"""

from __future__ import annotations

import hashlib
import zlib
from datetime import datetime
from typing import NamedTuple

from docplatform.core import ids

AUDIT_SHARDS = 16
"""Partitions of a tenant's audit records of one day. The number may grow, and never shrink: records stay where they are."""


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

    # -- audit table
    def audit(self, at: datetime, record_id: str) -> Key:
        """The key of an audit record. A day has several partitions, because one takes 1,000 writes a second, and its reads
        fail too above that. The record's id chooses the partition, so a repeated write meets the first one."""
        return Key(self.audit_shard(at, zlib.crc32(record_id.encode()) % AUDIT_SHARDS), record_id)

    def audit_shard(self, at: datetime, shard: int) -> str:
        """A partition of a day's audit records."""
        return f"{self._prefix}{at:%Y-%m-%d}#{shard:02d}"


def audit_partitions(keys: TenantKeys, at: datetime) -> list[str]:
    """All partitions of a day's audit records. The first one has those of earlier versions, which had one partition for each day."""
    return [f"{keys.tenant_id}#{at:%Y-%m-%d}", *(keys.audit_shard(at, shard) for shard in range(AUDIT_SHARDS))]


def hashed(text: str) -> str:
    """SHA-256 in hexadecimal, for data that must not appear in a key, because streams and metrics carry keys. A lone
    surrogate, which a filter can hold, is hashed too: it is the key of nothing, because no body with one is accepted."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
