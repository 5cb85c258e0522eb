"""What the use cases around API keys need from outside."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.api_keys.model import ApiKey
from docplatform.core.audit import AuditRecord
from docplatform.core.idempotency import IdempotencyStore, IdempotencyWrites
from docplatform.identity.model import User


class ApiKeyChanges(IdempotencyWrites, Protocol):
    """Changes that are stored and audited together, or not at all."""

    def add_key(self, key: ApiKey) -> None: ...

    def revoke_key(self, key: ApiKey, at: datetime) -> None:
        """Raises ChangedMeanwhile when committed and it was revoked just now."""

    def add_service_account(self, account: User) -> None: ...

    def retire_service_account(self, account: User) -> None: ...

    def record(self, record: AuditRecord) -> None: ...


class ApiKeys(Protocol):
    """The API keys and service accounts of one tenant."""

    def key(self, key_id: str) -> ApiKey | None: ...

    def keys_of(self, user_id: str, *, limit: int, cursor: str) -> tuple[tuple[ApiKey, ...], str]:
        """The newest first. Raises InvalidCursor."""

    def record_use(self, key: ApiKey, at: datetime) -> None: ...

    def owner(self, user_id: str) -> User | None:
        """A person or a service account."""

    def service_accounts(self, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """In order of creation. Raises InvalidCursor."""

    def memory(self, user_id: str, at: datetime) -> IdempotencyStore: ...

    def begin(self) -> AbstractContextManager[ApiKeyChanges]: ...

    def record(self, record: AuditRecord) -> None: ...
