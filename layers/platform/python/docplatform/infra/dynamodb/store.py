"""Base classes of the stores of a tenant's data and of the changes to it.

A store calls its own capability's keys ``_keys`` and another capability's keys by that capability's name
(``_identity_keys``). A class that other capabilities extend uses the full name for its own keys too.
"""

from __future__ import annotations

from datetime import datetime

from docplatform.core.audit import AuditRecord
from docplatform.infra.dynamodb.idempotency import DynamoIdempotency
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction


class TenantStore:
    """Reads of a tenant's data."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def idempotency(self, user_id: str, at: datetime) -> DynamoIdempotency:
        return DynamoIdempotency(self._table, user_id, at)

    def record(self, record: AuditRecord) -> None:
        self._table.record_standalone(record)


class TenantChanges:
    """Changes that one transaction stores together with their audit records."""

    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        self._table, self._writes = table, transaction

    def record_key(self, user_id: str, key: str, request: str, result: str, at: datetime) -> None:
        """Store an idempotency key with the changes. The commit raises AlreadyDone if the key is taken."""
        DynamoIdempotency(self._table, user_id, at).record_key(self._writes, key, request, result)

    def record(self, record: AuditRecord) -> None:
        self._table.record(self._writes, record)
