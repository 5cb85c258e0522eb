"""The groups that a provider's subject has joined by group sync, in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docplatform.core.errors import ChangedMeanwhile
from docplatform.directory.adapters.group_store import DynamoGroupChanges
from docplatform.directory.adapters.keys import DirectoryKeys
from docplatform.directory.group import Group
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.adapters.membership import groups_from
from docplatform.infra.dynamodb.mapper import from_item
from docplatform.infra.dynamodb.store import TenantStore
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.sso.adapters.keys import SsoKeys
from docplatform.sso.model import ExternalIdentity


class DynamoSsoGroups(TenantStore):
    def __init__(self, table: TenantTable) -> None:
        super().__init__(table)
        self._sso_keys = SsoKeys(table.keys.tenant_id)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)
        self._directory_keys = DirectoryKeys(table.keys.tenant_id)

    def named(self, names: tuple[str, ...]) -> dict[str, Group]:
        found = self._table.get_many(self._directory_keys.group_name(name) for name in names)
        return self.known(frozenset(item["group"] for item in found.values()))

    def known(self, group_ids: frozenset[str]) -> dict[str, Group]:
        found = self._table.get_many(self._identity_keys.group(each) for each in sorted(group_ids))
        return {item["id"]: from_item(Group, item) for item in found.values()}

    def joined(self, identity: ExternalIdentity) -> frozenset[str]:
        item = self._table.get(self._sso_keys.subject(identity.issuer, identity.subject)) or {}
        return frozenset(item.get("groups", ()))

    def groups_of(self, user_id: str) -> frozenset[str]:
        return groups_from(self._table.get(self._identity_keys.user(user_id)) or {})

    @contextmanager
    def begin(self) -> Iterator[DynamoGroupSyncChanges]:
        with self._table.begin() as transaction:
            yield DynamoGroupSyncChanges(self._table, transaction)


class DynamoGroupSyncChanges(DynamoGroupChanges):
    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        super().__init__(table, transaction)
        self._sso_keys = SsoKeys(table.keys.tenant_id)

    def keep_joined(self, identity: ExternalIdentity, group_ids: frozenset[str]) -> None:
        """Raises ChangedMeanwhile when committed if the subject is not linked."""
        self._writes.update(
            self._sso_keys.subject(identity.issuer, identity.subject),
            values={"groups": sorted(group_ids)},
            error=ChangedMeanwhile("Try again."),
        )
