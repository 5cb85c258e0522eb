"""The first items of a new tenant in DynamoDB. They belong to several capabilities, and one transaction adds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docplatform.core import ids
from docplatform.core.errors import ChangedMeanwhile
from docplatform.identity.adapters.user_store import DynamoPeople, DynamoUserChanges
from docplatform.identity.model import User
from docplatform.infra.dynamodb.store import TenantStore
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.library.adapters.changes import create_root
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.tenancy.adapters.keys import TenancyKeys


class OnboardingStore(TenantStore):
    def __init__(self, table: TenantTable) -> None:
        super().__init__(table)
        self._library_keys = LibraryKeys(table.keys.tenant_id)
        self._tenancy_keys = TenancyKeys(table.keys.tenant_id)

    def first_admin(self) -> User | None:
        """The user whom the operator invited; None if the tenant is in the registry only.

        Older tenants have no item of their own. For them it is the owner of the root folder."""
        known = self._table.get(self._tenancy_keys.tenant())
        root = None if known else self._table.get(self._library_keys.folder(ids.ROOT_FOLDER))
        user_id = known["first_admin"] if known else root["created_by"] if root else ""
        return DynamoPeople(self._table).user(user_id)

    @contextmanager
    def begin(self) -> Iterator[OnboardingChanges]:
        with self._table.begin() as transaction:
            yield OnboardingChanges(self._table, transaction)


class OnboardingChanges(DynamoUserChanges):
    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        super().__init__(table, transaction)
        self._library_keys = LibraryKeys(table.keys.tenant_id)

    def create_tenant(self, admin: User) -> None:
        """Adds the root folder, the counters and the first admin. The commit raises ChangedMeanwhile if they exist."""
        exists = ChangedMeanwhile("The same tenant is being created by another call; repeat yours.")
        create_root(self._writes, self._library_keys, created_by=admin.id, at=admin.created_at)
        usage = {"documents": 0, "bytes": 0, "folders": 0, "users": 1}
        self._writes.put(self._tenancy_keys.usage(), usage, error_if_exists=exists)
        self.create_first_admin(admin)
