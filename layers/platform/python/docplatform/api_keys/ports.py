"""Ports of the use cases for API keys."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.api_keys.model import ApiKey
from docplatform.core.audit import AuditRecord
from docplatform.core.idempotency import IdempotencyStore, IdempotencyWrites
from docplatform.identity.model import User
from docplatform.identity.security_settings import SecuritySettings


class ApiKeyChanges(IdempotencyWrites, Protocol):
    """Changes of one transaction: all are stored and audited, or none."""

    def hold_owner(self, owner: User) -> None:
        """Require that the owner of a new key is active, and that no keys of the owner were ended since ``owner`` was
        read. Raises ChangedMeanwhile when committed."""

    def add_key(self, key: ApiKey) -> None: ...

    def revoke_key(self, key: ApiKey, at: datetime) -> None:
        """Raises ChangedMeanwhile when committed if the key was revoked meanwhile."""

    def add_service_account(self, account: User) -> None: ...

    def retire_service_account(self, account: User, at: datetime) -> None: ...

    def record(self, record: AuditRecord) -> None: ...


class ApiKeys(Protocol):
    """The API keys and service accounts of one tenant."""

    def key(self, key_id: str) -> ApiKey | None: ...

    def keys_of(self, user_id: str, *, limit: int, cursor: str) -> tuple[tuple[ApiKey, ...], str]:
        """The user's keys, the newest first, and the cursor of the next page. Raises InvalidCursor."""

    def record_use(self, key: ApiKey, at: datetime) -> None: ...

    def owner(self, user_id: str) -> User | None:
        """A person or a service account."""

    def owner_and_settings(self, user_id: str) -> tuple[User | None, SecuritySettings]:
        """A person or a service account, and the tenant's security settings. One call."""

    def service_accounts(self, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """Service accounts in order of creation, and the cursor of the next page. Raises InvalidCursor."""

    def idempotency(self, user_id: str, at: datetime) -> IdempotencyStore: ...

    def begin(self) -> AbstractContextManager[ApiKeyChanges]: ...

    def record(self, record: AuditRecord) -> None: ...
