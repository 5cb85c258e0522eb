"""A tenant's search collection: made while the tenant is set up, and removed when the tenant has ended.

AWS takes minutes to make a collection. So the call that creates a tenant begins it and waits a moment, and a job completes
what is not ready then (docs/adr/0018).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from docplatform.control_plane.errors import CollectionNotMade
from docplatform.control_plane.first_admin import FirstAdmin
from docplatform.control_plane.model import CollectionState
from docplatform.control_plane.ports import SearchCollections, TenantRegistry
from docplatform.core.actor import Actor
from docplatform.core.errors import ChangedMeanwhile, MailNotSent, raises
from docplatform.core.tenant import Tenant, TenantStatus

_DELETABLE = (CollectionState.ACTIVE, CollectionState.FAILED)


@dataclass(frozen=True, slots=True)
class Settled:
    """What one run of the job has done. ``errors``: those of single tenants."""

    unsettled: int
    activated: int
    removed: int
    errors: tuple[Exception, ...]


class Provisioning:
    def __init__(self, registry: TenantRegistry, collections: SearchCollections, first_admin: FirstAdmin) -> None:
        self._registry, self._collections, self._first_admin = registry, collections, first_admin

    @raises(ChangedMeanwhile, CollectionNotMade, MailNotSent)
    def advance(self, actor: Actor) -> Tenant:
        """Takes the next step for the actor's tenant and returns the tenant as it is then. Safe to repeat.

        A tenant that is being set up gets a collection; once that is active, the first admin is invited and the tenant
        becomes active. A tenant that is closed loses its collection; the registry forgets it once it is gone. A collection
        that could not be made is deleted: a later step makes another."""
        tenant = actor.tenant
        if tenant.is_settled:
            return tenant
        if tenant.status is TenantStatus.CLOSED:
            return self._remove(tenant)
        found = self._collections.of(tenant.id) or self._collections.create(tenant.id)
        if found.state is CollectionState.FAILED:
            self._collections.delete(found.id)
            raise CollectionNotMade(
                "The tenant is registered; its collection failed, and is made again in some minutes."
            )
        if found.state is not CollectionState.ACTIVE:
            return tenant
        ready = replace(tenant, collection=found.id, status=TenantStatus.ACTIVE)
        self._first_admin.invite(actor)
        self._registry.change(tenant, ready)
        return ready

    def settle(self, actors: Iterable[Actor]) -> Settled:
        """Takes the next step for each actor's tenant. A failure of one tenant keeps no other from its step."""
        before, after, errors = [], [], []
        for actor in actors:
            before.append(actor.tenant)
            try:
                after.append(self.advance(actor))
            except Exception as error:  # the caller raises it, after the others
                errors.append(error)
        done = [tenant for tenant in after if tenant.is_settled]
        activated = sum(tenant.status is TenantStatus.ACTIVE for tenant in done)
        return Settled(len(before), activated, len(done) - activated, tuple(errors))

    def _remove(self, tenant: Tenant) -> Tenant:
        found = self._collections.of(tenant.id)
        if found is not None:
            if found.state in _DELETABLE:
                self._collections.delete(found.id)
            return tenant
        removed = replace(tenant, collection="")
        self._registry.change(tenant, removed)
        return removed
