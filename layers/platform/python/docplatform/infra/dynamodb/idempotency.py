"""Idempotency keys in DynamoDB: what a user has done under which key, for a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from docplatform.core.errors import AlreadyDone
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction

KEPT = timedelta(hours=24)


class DynamoIdempotency:
    """Of one user, as it is ``at`` a moment. A key that is out of date counts as forgotten, for TTL deletes late."""

    def __init__(self, table: TenantTable, user_id: str, at: datetime) -> None:
        self._table, self._user_id, self._at = table, user_id, at

    def lookup(self, key: str) -> tuple[str, str] | None:
        """The request's digest and its result."""
        item = self._table.get(self._table.keys.idempotency(self._user_id, key))
        if item is None or item["expires"] <= self._at.timestamp():
            return None
        return item["request"], item["result"]

    def record_key(self, writes: Transaction, key: str, request: str, result: str) -> None:
        """In the transaction of what was done. Raises AlreadyDone when committed and the key is taken."""
        writes.update(
            self._table.keys.idempotency(self._user_id, key),
            values={"request": request, "result": result, "expires": int((self._at + KEPT).timestamp())},
            at_most={"expires": int(self._at.timestamp())},
            error=AlreadyDone("The same request is under way."),
            must_exist=False,
        )
