"""The first items of a new tenant, which belong to several capabilities, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docplatform.core import ids
from docplatform.core.errors import ChangedMeanwhile
from docplatform.identity.adapters.user_store import DynamoPeople, DynamoUserChanges
from docplatform.identity.model import User
from docplatform.infra.dynamodb.store import TenantStore
from docplatform.library.adapters.changes import create_root


class OnboardingStore(TenantStore):
    def first_admin(self) -> User | None:
        """The user whom the operator invited; None while the tenant is registered and no more.

        A tenant that is older than its own item is known by its root folder, which the first admin owns."""
        known = self._table.get(self._keys.tenant())
        root = None if known else self._table.get(self._keys.folder(ids.ROOT_FOLDER))
        user_id = known["first_admin"] if known else root["created_by"] if root else ""
        return DynamoPeople(self._table).user(user_id)

    @contextmanager
    def begin(self) -> Iterator[OnboardingChanges]:
        with self._table.begin() as transaction:
            yield OnboardingChanges(self._table, transaction)


class OnboardingChanges(DynamoUserChanges):
    def create_tenant(self, admin: User) -> None:
        """Add the root folder, the counters and the first admin. Raises ChangedMeanwhile when committed and they exist."""
        exists = ChangedMeanwhile("The same tenant is being created by another call; repeat yours.")
        create_root(self._writes, self._keys, created_by=admin.id, at=admin.created_at)
        usage = {"documents": 0, "bytes": 0, "folders": 0, "users": 1}
        self._writes.put(self._keys.usage(), usage, error_if_exists=exists)
        self.create_first_admin(admin)
