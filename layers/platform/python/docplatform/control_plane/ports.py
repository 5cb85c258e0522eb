"""Ports of the control plane: the first items of a tenant, its search collection, and the registry."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from docplatform.control_plane.model import Collection
from docplatform.core.audit import AuditRecord
from docplatform.core.tenant import Tenant
from docplatform.identity.model import Invitation, User
from docplatform.identity.ports import Registry


class TenantSetupChanges(Protocol):
    """The transaction that sets up a tenant. An error of a failed condition is raised at the commit."""

    def create_tenant(self, admin: User) -> None:
        """Adds the tenant's first items and the admin. Raises ChangedMeanwhile if another call has added them."""

    def invite(self, invitation: Invitation) -> None: ...

    def record(self, record: AuditRecord) -> None: ...


class TenantSetup(Protocol):
    """The first items of one tenant."""

    def first_admin(self) -> User | None:
        """The user whom the operator invited; None if the tenant is in the registry only."""

    def begin(self) -> AbstractContextManager[TenantSetupChanges]: ...


class SearchCollections(Protocol):
    """The search collections of the region's tenants: at most one of each."""

    def of(self, tenant_id: str) -> Collection | None:
        """The tenant's collection; None if there is none."""

    def create(self, tenant_id: str) -> Collection:
        """Begins to make the tenant's collection; it takes minutes. Raises CollectionNotMade."""

    def delete(self, collection_id: str) -> None:
        """Begins to delete a collection with all its entries. Safe to repeat."""


class TenantRegistry(Registry, Protocol):
    def change(self, before: Tenant, after: Tenant) -> None:
        """Replaces a tenant's status and search collection. Raises ChangedMeanwhile if they are not those of ``before``."""
