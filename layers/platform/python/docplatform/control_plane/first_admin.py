"""The first admin of a new tenant: the operator names them, and they are invited by mail once the tenant is ready."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from docplatform.control_plane.ports import TenantSetup
from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.audit import Action, record_of
from docplatform.core.errors import MailNotSent
from docplatform.core.tenant import Tenant, tenant_context
from docplatform.identity.members import INVITATION_LIFE, new_invitation
from docplatform.identity.model import User, UserStatus
from docplatform.identity.ports import InvitationMail
from docplatform.tenancy.errors import SubdomainTaken


class FirstAdmin:
    def __init__(
        self,
        setup: Callable[[Tenant], TenantSetup],
        mail: InvitationMail,
        address: Callable[[Tenant], str],
        now: Callable[[], datetime],
    ) -> None:
        self._setup, self._mail, self._address, self._now = setup, mail, address, now

    def add(self, operator: Actor, email: str) -> None:
        """Stores the tenant's first items with the admin, unless an earlier call has. Raises ChangedMeanwhile, and
        SubdomainTaken if the tenant has another first admin, or if the invitation was accepted: operators cannot tell the
        two cases apart, and learn nothing about members."""
        tenant, at = operator.tenant, self._now()
        with tenant_context(tenant):  # an operator's request belongs to no tenant
            setup = self._setup(tenant)
            known = setup.first_admin()
            if known is None:
                admin = User(ids.new(ids.USER, at), email, "", Role.ADMIN, UserStatus.INVITED, at)
                with setup.begin() as changes:
                    changes.create_tenant(admin)
                    changes.record(
                        record_of(operator, Action.TENANT_CREATED, tenant.id, at, {"plan": tenant.plan.value})
                    )
            elif (known.email, known.status) != (email, UserStatus.INVITED):
                raise SubdomainTaken(f"Choose another subdomain than '{tenant.subdomain}'.")

    def invite(self, actor: Actor) -> None:
        """Invites the tenant's first admin by mail, unless an invitation was accepted. An earlier invitation stays good.
        Raises MailNotSent."""
        tenant, at = actor.tenant, self._now()
        with tenant_context(tenant):
            setup = self._setup(tenant)
            admin = setup.first_admin()
            if admin is None or admin.status is not UserStatus.INVITED:
                return
            token, invitation = new_invitation(admin.id, at)
            with setup.begin() as changes:
                changes.invite(invitation)
                changes.record(record_of(actor, Action.USER_INVITED, admin.id, at, {"role": admin.role.value}))
        try:
            self._mail.invite(
                admin.email,
                organisation=tenant.name,
                address=self._address(tenant),
                token=token,
                days=INVITATION_LIFE.days,
            )
        except MailNotSent as error:
            raise MailNotSent("The tenant is there all the same; repeat the call, and another is sent.") from error
