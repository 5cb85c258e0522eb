"""Use cases of operators: create and read tenants. Operators see the registry and no tenant's content."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.audit import Action, AuditRecord, record_of
from docplatform.core.errors import ChangedMeanwhile, Invalid, InvalidName, MailNotSent, TenantNotFound, raises
from docplatform.core.tenant import POOLED, Plan, Tenant, TenantStatus, check_subdomain, tenant_context
from docplatform.identity.members import INVITATION_LIFE, new_invitation
from docplatform.identity.model import Invitation, User, UserStatus, clean_display_name, clean_email
from docplatform.identity.ports import InvitationMail, Registry
from docplatform.tenancy.errors import SubdomainTaken


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


class TenantService:
    def __init__(
        self,
        registry: Registry,
        setup: Callable[[Tenant], TenantSetup],
        mail: InvitationMail,
        address: Callable[[Tenant], str],
        region: str,
        operator: str,
        request_id: str,
        now: Callable[[], datetime],
    ) -> None:
        self._registry, self._setup, self._mail, self._address = registry, setup, mail, address
        self._region, self._operator, self._request_id, self._now = region, operator, request_id, now

    @raises(TenantNotFound)
    def read(self, tenant_id: str) -> Tenant:
        tenant = self._registry.by_id(tenant_id) if ids.is_tenant(tenant_id) else None
        if tenant is None:
            raise TenantNotFound("Check the tenant's id.")
        return tenant

    @raises(Invalid, InvalidName, SubdomainTaken, ChangedMeanwhile, MailNotSent)
    def create(self, *, subdomain: str, name: str, plan: Plan, admin_email: str) -> Tenant:
        """Registers a tenant in this region and invites its first admin by mail.

        An interrupted call is finished by the same call again. Until the invitation is accepted, the same call sends
        another one. Of two calls at the same time, one is refused."""
        email, at = clean_email(admin_email), self._now()
        tenant = self._register(check_subdomain(subdomain), clean_display_name(name), plan, at)
        with tenant_context(tenant):  # an operator's request belongs to no tenant
            token = self._invite_first_admin(tenant, email, at)
        try:
            self._mail.invite(
                email,
                organisation=tenant.name,
                address=self._address(tenant),
                token=token,
                days=INVITATION_LIFE.days,
            )
        except MailNotSent as error:
            raise MailNotSent("The tenant is there all the same; repeat the call, and another is sent.") from error
        return tenant

    def _register(self, subdomain: str, name: str, plan: Plan, at: datetime) -> Tenant:
        """Adds the tenant to the registry, or returns the tenant of an earlier, equal call. Raises SubdomainTaken."""
        tenant = Tenant(
            id=ids.new_tenant(),
            subdomain=subdomain,
            name=name,
            plan=plan,
            region=self._region,
            status=TenantStatus.ACTIVE,
            collection=POOLED,
            created_at=at,
        )
        try:
            self._registry.add(tenant)
        except SubdomainTaken:
            begun = self._registry.by_subdomain(subdomain)
            if begun is None or (begun.name, begun.plan, begun.region) != (name, plan, self._region):
                raise
            return begun
        return tenant

    def _invite_first_admin(self, tenant: Tenant, email: str, at: datetime) -> str:
        """Stores the invitation and returns its token. Raises SubdomainTaken if the tenant has another first admin, and
        if the invitation was accepted: operators cannot tell the two cases apart, and learn nothing about members."""
        setup = self._setup(tenant)
        invited = setup.first_admin()
        admin = invited or User(ids.new(ids.USER, at), email, "", Role.ADMIN, UserStatus.INVITED, at)
        if (admin.email, admin.status) != (email, UserStatus.INVITED):
            raise SubdomainTaken(f"Choose another subdomain than '{tenant.subdomain}'.")
        operator = Actor(tenant, self._operator, "operator", Role.ADMIN, self._request_id)
        token, invitation = new_invitation(admin.id, at)
        with setup.begin() as changes:
            if invited is None:
                changes.create_tenant(admin)
                changes.record(record_of(operator, Action.TENANT_CREATED, tenant.id, at, {"plan": tenant.plan.value}))
            changes.invite(invitation)
            changes.record(record_of(operator, Action.USER_INVITED, admin.id, at, {"role": admin.role.value}))
        return token
