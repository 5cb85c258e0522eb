"""Idempotency keys in DynamoDB, kept for a day: the request and the result of each user and key."""

from __future__ import annotations

from datetime import datetime, timedelta

from docplatform.core.errors import AlreadyDone
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction

KEPT = timedelta(hours=24)


class DynamoIdempotency:
    """The idempotency keys of one user at the time ``at``. An expired key counts as absent, because DynamoDB's TTL
    deletes items late."""

    def __init__(self, table: TenantTable, user_id: str, at: datetime) -> None:
        self._table, self._user_id, self._at = table, user_id, at

    def lookup(self, key: str) -> tuple[str, str] | None:
        """The digest of the request that used ``key``, and its result. None for a new or expired key."""
        item = self._table.get(self._table.keys.idempotency(self._user_id, key))
        if item is None or item["expires"] <= self._at.timestamp():
            return None
        return item["request"], item["result"]

    def record_key(self, writes: Transaction, key: str, request: str, result: str) -> None:
        """Store the key in the transaction of the change. The commit raises AlreadyDone if the key is taken."""
        writes.update(
            self._table.keys.idempotency(self._user_id, key),
            values={"request": request, "result": result, "expires": int((self._at + KEPT).timestamp())},
            at_most={"expires": int(self._at.timestamp())},
            error=AlreadyDone("The same request is under way."),
            must_exist=False,
        )
