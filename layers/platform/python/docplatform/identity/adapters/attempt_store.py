"""Counters of failed sign-in attempts in a tenant's partitions of DynamoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from docplatform.core import ids
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.attempts import LOCKS_REMEMBERED, WINDOW, AttemptCount, Counts, window_of
from docplatform.identity.devices import DeviceClaim
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.mapper import from_item, to_item
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction


class DynamoAttempts:
    def __init__(self, table: TenantTable) -> None:
        self._table, self._identity_keys = table, IdentityKeys(table.keys.tenant_id)

    def counts(self, account: str, source: str, at: datetime, device: DeviceClaim | None = None) -> Counts:
        """The counts before an attempt, and whether it comes from a known device of the account. One call."""
        window, _ = window_of(at)
        keys = (
            self._identity_keys.attempt_count(account),
            self._identity_keys.source_failures(source, window),
            self._identity_keys.tenant_failures(window),
        )
        claimed = self._claimed(device)
        found = self._table.get_many([*keys, *claimed])
        count, from_source, of_tenant = (found.get(key) for key in keys)
        known = bool(claimed) and _is_known(account, at, *(found.get(key) for key in claimed[:2]))
        return Counts(
            _attempt_count(count),
            (from_source or {}).get("failures", 0),
            (of_tenant or {}).get("failures", 0),
            _attempt_count(found.get(claimed[2])) if known else None,
        )

    def _claimed(self, device: DeviceClaim | None) -> tuple[Key, ...]:
        """The items that decide about a claim: the user, the device, and the device's count."""
        keys = self._identity_keys
        if device is None or not ids.is_a(ids.USER, device.user_id):
            return ()
        known = keys.device(device.user_id, device.token_hash)
        return keys.user(device.user_id), known, keys.attempt_count(device.counter)

    def keep(self, account: str, count: AttemptCount, at: datetime) -> AttemptCount | None:
        """Optimistic write: replaces the count of the revision before. Returns None on success, else the stored
        count."""
        taken = self._table.put_if_revision(
            self._identity_keys.attempt_count(account), _item(count, at), revision=count.revision - 1
        )
        return None if taken is None else _attempt_count(taken)


class DynamoRequestCounts:
    def __init__(self, table: TenantTable) -> None:
        self._table, self._identity_keys = table, IdentityKeys(table.keys.tenant_id)

    def count(self, operation: str, of: str, most: int, at: datetime) -> bool:
        """Count a request in the window of ``at``. Returns False if there are ``most`` already. One call."""
        window, end = window_of(at)
        key = self._identity_keys.requests(operation, of, window)
        return self._table.count_up_to(key, most, expires=int((end + WINDOW).timestamp()))


def reset_attempts(table: TenantTable, writes: Transaction, account: str) -> None:
    writes.delete(IdentityKeys(table.keys.tenant_id).attempt_count(account))


def count_failure(table: TenantTable, writes: Transaction, source: str, at: datetime) -> None:
    keys = IdentityKeys(table.keys.tenant_id)
    window, end = window_of(at)
    expires = {"expires": int((end + WINDOW).timestamp())}
    for key in (keys.source_failures(source, window), keys.tenant_failures(window)):
        writes.update(key, values=expires, add={"failures": 1}, must_exist=False)


def _is_known(account: str, at: datetime, profile: Item | None, device: Item | None) -> bool:
    """Whether the device is known for the account, and has not ended with the user's sessions."""
    if not profile or not device or profile.get("removed") or profile["email"] != account:
        return False
    since = profile.get("sessions_since")
    return device["expires"] > at.timestamp() and (not since or device["known_since"] >= since)


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
