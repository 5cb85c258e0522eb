"""What the stores of a tenant's things, and the changes of them, have in common.

A store names its own capability's keys ``_keys``, and another's after that capability (``_identity_keys``). A class that other
capabilities extend names its own in full as well.
"""

from __future__ import annotations

from datetime import datetime

from docplatform.core.audit import AuditRecord
from docplatform.infra.dynamodb.idempotency import DynamoIdempotency
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction


class TenantStore:
    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def idempotency(self, user_id: str, at: datetime) -> DynamoIdempotency:
        return DynamoIdempotency(self._table, user_id, at)

    def record(self, record: AuditRecord) -> None:
        self._table.record_standalone(record)


class TenantChanges:
    """Changes that are stored and audited together, or not at all."""

    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        self._table, self._writes = table, transaction

    def record_key(self, user_id: str, key: str, request: str, result: str, at: datetime) -> None:
        """Raises AlreadyDone when committed."""
        DynamoIdempotency(self._table, user_id, at).record_key(self._writes, key, request, result)

    def record(self, record: AuditRecord) -> None:
        self._table.record(self._writes, record)
