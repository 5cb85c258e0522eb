"""Counters of failed sign-in attempts in a tenant's partitions of DynamoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.attempts import LOCKS_REMEMBERED, WINDOW, AttemptCount, window_of
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.mapper import from_item, to_item
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction


class DynamoAttempts:
    def __init__(self, table: TenantTable) -> None:
        self._table, self._identity_keys = table, IdentityKeys(table.keys.tenant_id)

    def counts(self, account: str, source: str, at: datetime) -> tuple[AttemptCount, int, int]:
        """The account's count, and the failures in the current 15-minute window from the source and of the tenant. One
        call."""
        window, _ = window_of(at)
        keys = (
            self._identity_keys.attempt_count(account),
            self._identity_keys.source_failures(source, window),
            self._identity_keys.tenant_failures(window),
        )
        found = self._table.get_many(keys)
        count, from_source, of_tenant = (found.get(key) for key in keys)
        return _attempt_count(count), (from_source or {}).get("failures", 0), (of_tenant or {}).get("failures", 0)

    def keep(self, account: str, count: AttemptCount, at: datetime) -> AttemptCount | None:
        """Optimistic write: replaces the count of the revision before. Returns None on success, else the stored
        count."""
        taken = self._table.put_if_revision(
            self._identity_keys.attempt_count(account), _item(count, at), revision=count.revision - 1
        )
        return None if taken is None else _attempt_count(taken)


def reset_attempts(table: TenantTable, writes: Transaction, account: str) -> None:
    writes.delete(IdentityKeys(table.keys.tenant_id).attempt_count(account))


def count_failure(table: TenantTable, writes: Transaction, source: str, at: datetime) -> None:
    keys = IdentityKeys(table.keys.tenant_id)
    window, end = window_of(at)
    expires = {"expires": int((end + WINDOW).timestamp())}
    for key in (keys.source_failures(source, window), keys.tenant_failures(window)):
        writes.update(key, values=expires, add={"failures": 1}, must_exist=False)


def _item(count: AttemptCount, at: datetime) -> Item:
    until = count.locked_until
    recent = [int(each.timestamp() * 1000) for each in count.recent]
    return to_item(
        count,
        recent=recent,
        locked_until=until or "",
        expires=int((max(at, until or at) + LOCKS_REMEMBERED).timestamp()),
    )


def _attempt_count(item: Item | None) -> AttemptCount:
    if not item:
        return AttemptCount()
    recent = tuple(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=each) for each in item["recent"])
    return from_item(AttemptCount, item, recent=recent, locked_until=item["locked_until"] or None)
