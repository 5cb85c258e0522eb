"""A tenant's single sign-on in DynamoDB: the connection, sign-ins under way, and the users whom the provider's subjects
are linked to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docplatform.core.audit import AuditRecord
from docplatform.core.errors import ChangedMeanwhile
from docplatform.core.time import rfc3339
from docplatform.identity.adapters.user_store import DynamoUserChanges
from docplatform.identity.model import User
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.mapper import from_item, to_item
from docplatform.infra.dynamodb.store import TenantStore
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.sso.adapters.keys import SsoKeys
from docplatform.sso.errors import SsoRefused
from docplatform.sso.model import Connection, ExternalIdentity, Health, SsoAttempt


class DynamoSso(TenantStore):
    def __init__(self, table: TenantTable) -> None:
        super().__init__(table)
        self._sso_keys = SsoKeys(table.keys.tenant_id)

    def connection(self) -> tuple[Connection | None, Health | None]:
        connection, health = self._sso_keys.connection(), self._sso_keys.health()
        found = self._table.get_many([connection, health])
        return (
            from_item(Connection, found[connection]) if connection in found else None,
            from_item(Health, found[health]) if health in found else None,
        )

    def pop_attempt(self, state_hash: str) -> SsoAttempt | None:
        item = self._table.pop(self._sso_keys.attempt(state_hash))
        return from_item(SsoAttempt, item, reauthenticate=item["anew"]) if item else None

    def linked(self, identity: ExternalIdentity) -> str:
        item = self._table.get(self._sso_keys.subject(identity.issuer, identity.subject))
        return item["user_id"] if item else ""

    def set_health(self, before: Health | None, after: Health, record: AuditRecord | None) -> bool:
        """Store the provider's state. Returns False if somebody else has changed it first."""
        key, faster = self._sso_keys.health(), ChangedMeanwhile("Somebody else has looked.")
        try:
            with self._table.begin() as writes:
                if before is None:
                    writes.put(key, to_item(after), error_if_exists=faster)
                else:
                    seen = {"checked_at": rfc3339(before.checked_at)}
                    writes.update(key, values=to_item(after), equals=seen, error=faster)
                if record:
                    self._table.record(writes, record)
        except ChangedMeanwhile:
            return False
        return True

    @contextmanager
    def begin(self) -> Iterator[DynamoSsoChanges]:
        with self._table.begin() as transaction:
            yield DynamoSsoChanges(self._table, transaction)


class DynamoSsoChanges(DynamoUserChanges):
    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        super().__init__(table, transaction)
        self._sso_keys = SsoKeys(table.keys.tenant_id)

    def connect(self, connection: Connection, *, before: int) -> None:
        """Raises ChangedMeanwhile when committed. Also deletes the stored health, which belonged to the earlier
        connection."""
        key, changed = self._sso_keys.connection(), ChangedMeanwhile("Read the connection and try again.")
        if before:
            self._writes.update(key, values=to_item(connection), equals={"revision": before}, error=changed)
        else:
            self._writes.put(key, to_item(connection), error_if_exists=changed)
        self._writes.delete(self._sso_keys.health())

    def disconnect(self) -> None:
        self._writes.delete(self._sso_keys.connection())
        self._writes.delete(self._sso_keys.health())

    def begin_attempt(self, attempt: SsoAttempt) -> None:
        self._writes.put(
            self._sso_keys.attempt(attempt.state_hash),
            _attempt_item(attempt),
            error_if_exists=ChangedMeanwhile("Try again."),
        )

    def use_assertion(self, identity: ExternalIdentity) -> None:
        """Raises SsoRefused when committed if the assertion was used before."""
        if identity.assertion and identity.expires_at:
            self._writes.put(
                self._sso_keys.assertion(identity.issuer, identity.assertion),
                {"expires": int(identity.expires_at.timestamp()) + 1},
                error_if_exists=SsoRefused("It has been used."),
            )

    def link(self, identity: ExternalIdentity, user_id: str, *, before: str) -> None:
        """Raises ChangedMeanwhile when committed."""
        key, changed = self._sso_keys.subject(identity.issuer, identity.subject), ChangedMeanwhile("Try again.")
        if before:
            self._writes.update(
                key, values={"user_id": user_id, "groups": []}, equals={"user_id": before}, error=changed
            )
        else:
            self._writes.put(key, {"user_id": user_id}, error_if_exists=changed)

    def update_from_provider(self, before: User, after: User) -> None:
        """Raises ChangedMeanwhile when committed."""
        self._writes.update(
            self._identity_keys.user(before.id),
            values={
                "role": after.role.value,
                "status": after.status.value,
                "name": after.name,
            },
            equals={"role": before.role.value, "status": before.status.value},
            error=ChangedMeanwhile("Try again."),
        )


def _attempt_item(attempt: SsoAttempt) -> Item:
    expires = int(attempt.expires_at.timestamp())
    return to_item(attempt, without=("reauthenticate",), anew=attempt.reauthenticate, expires=expires)
