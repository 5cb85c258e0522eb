"""Use cases of operators: create and read tenants. Operators see the registry and no tenant's content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from docplatform.control_plane.first_admin import FirstAdmin
from docplatform.control_plane.ports import TenantRegistry
from docplatform.control_plane.provisioning import Provisioning
from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.audit import Action
from docplatform.core.errors import (
    ChangedMeanwhile,
    Invalid,
    InvalidName,
    MailNotSent,
    TenantNotFound,
    raised_by,
    raises,
)
from docplatform.core.tenant import Plan, Tenant, TenantStatus, check_subdomain, tenant_context
from docplatform.identity.model import clean_display_name, clean_email
from docplatform.tenancy.errors import SubdomainTaken


class TenantService:
    def __init__(
        self,
        registry: TenantRegistry,
        first_admin: FirstAdmin,
        provisioning: Provisioning,
        region: str,
        operator: str,
        request_id: str,
        now: Callable[[], datetime],
        pauses: Callable[[], Iterable[object]],
        record: Callable[[Actor, Action, str], None],
    ) -> None:
        """``pauses``: an iterable that waits a moment at each step, for as long as a call may wait in all. ``record``: adds
        an actor's action on a target to the trail of the actor's tenant."""
        self._registry, self._first_admin, self._provisioning = registry, first_admin, provisioning
        self._region, self._operator, self._request_id = region, operator, request_id
        self._now, self._pauses, self._record = now, pauses, record

    @raises(TenantNotFound)
    def read(self, tenant_id: str) -> Tenant:
        tenant = self._registry.by_id(tenant_id) if ids.is_tenant(tenant_id) else None
        if tenant is None:
            raise TenantNotFound("Check the tenant's id.")
        if tenant.region == self._region:  # the trail of a tenant is in its own region
            with tenant_context(tenant):
                self._record(self._operator_of(tenant), Action.TENANT_READ, tenant.id)
        return tenant

    @raises(Invalid, InvalidName, SubdomainTaken, ChangedMeanwhile, MailNotSent, *raised_by(Provisioning.advance))
    def create(self, *, subdomain: str, name: str, plan: Plan, admin_email: str) -> Tenant:
        """Registers a tenant in this region, begins to make its search collection, and invites its first admin by mail once
        that is active. A tenant whose collection takes longer than this call may wait is returned as ``provisioning``; the
        job of ``Provisioning`` completes it.

        An interrupted call is finished by the same call again. Until the invitation is accepted, the same call sends
        another one. Of two calls at the same time, one is refused."""
        email = clean_email(admin_email)
        tenant = self._register(check_subdomain(subdomain), clean_display_name(name), plan)
        self._first_admin.add(self._operator_of(tenant), email)
        if tenant.is_settled:
            self._first_admin.invite(self._operator_of(tenant))
            return tenant
        tenant = self._provisioning.advance(self._operator_of(tenant))
        for _ in self._pauses():
            if tenant.is_settled:
                break
            tenant = self._provisioning.advance(self._operator_of(tenant))
        return tenant

    def _operator_of(self, tenant: Tenant) -> Actor:
        return Actor(tenant, self._operator, "operator", Role.ADMIN, self._request_id)

    def _register(self, subdomain: str, name: str, plan: Plan) -> Tenant:
        """Adds the tenant to the registry, or returns the tenant of an earlier, equal call. Raises SubdomainTaken."""
        tenant = Tenant(
            id=ids.new_tenant(),
            subdomain=subdomain,
            name=name,
            plan=plan,
            region=self._region,
            status=TenantStatus.PROVISIONING,
            collection="",
            created_at=self._now(),
        )
        try:
            self._registry.add(tenant)
        except SubdomainTaken:
            begun = self._registry.by_subdomain(subdomain)
            if begun is None or (begun.name, begun.plan, begun.region) != (name, plan, self._region):
                raise
            return begun
        return tenant
