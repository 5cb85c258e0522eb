"""The members of a tenant: who is there, and inviting more. The first one comes with the tenant, by the operator's call."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from docplatform.domain import ids
from docplatform.domain.audit import Action, Facts, record_of
from docplatform.domain.errors import Conflict, EmailTaken, SubdomainTaken, UserNotFound
from docplatform.domain.identity import Actor, Invitation, Role, User, UserStatus, clean_email
from docplatform.domain.tenants import Plan, Tenant, TenantStatus, check_subdomain
from docplatform.services.identity_ports import Mail, People
from docplatform.services.sessions import digest

INVITATION_LIFE = timedelta(days=7)


class MemberService:
    def __init__(self, actor: Actor, people: People, mail: Mail, address: str, now: Callable[[], datetime]) -> None:
        """``address`` is the tenant's, for links in mails."""
        self._actor, self._people, self._mail = actor, people, mail
        self._address, self._now = address, now

    def me(self) -> User:
        """Raises UserNotFound."""
        return self.read(self._actor.user_id)

    def read(self, user_id: str) -> User:
        """Raises UserNotFound."""
        user = self._people.user(user_id)
        if user is None:
            raise UserNotFound("Look at the list of users.")
        return user

    def list(self, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """In order of invitation. Raises InvalidCursor."""
        found = self._people.users(limit=limit, cursor=cursor)
        self._people.record(record_of(self._actor, Action.USERS_LISTED, "users", self._now(), {"shown": len(found[0])}))
        return found

    def invite(self, email: str, role: Role, name: str = "") -> User:
        """Raises Invalid (the address), EmailTaken, QuotaExceeded."""
        at = self._now()
        user = User(ids.new(ids.USER, at), clean_email(email), name, role, UserStatus.INVITED, at)
        token, invitation = _invitation(user, at)
        with self._people.begin() as work:
            work.add_user(user, most=self._actor.tenant.limits.users)
            work.invite(invitation)
            facts: Facts = {"role": role.value}
            work.record(record_of(self._actor, Action.USER_INVITED, user.id, at, facts))
        self._send(user, token)
        return user

    def invite_again(self, user_id: str) -> User:
        """Another mail, for one that was lost. Raises UserNotFound, Conflict (is here already)."""
        user, at = self.read(user_id), self._now()
        if user.status is not UserStatus.INVITED:
            raise Conflict("Only who has not accepted yet can be invited again.")
        token, invitation = _invitation(user, at)
        with self._people.begin() as work:
            work.invite(invitation)
            work.record(record_of(self._actor, Action.USER_INVITED, user.id, at))
        self._send(user, token)
        return user

    def _send(self, user: User, token: str) -> None:
        self._mail.invite(
            user.email,
            organisation=self._actor.tenant.name,
            address=self._address,
            token=token,
            days=INVITATION_LIFE.days,
        )


class Registry(Protocol):
    """The control plane's, in its home region."""

    def by_subdomain(self, subdomain: str) -> Tenant | None: ...

    def by_id(self, tenant_id: str) -> Tenant | None: ...

    def add(self, tenant: Tenant) -> None:
        """Raises SubdomainTaken."""


class TenantService:
    """What operators do. They see the registry, and nothing of any tenant's content."""

    def __init__(
        self,
        registry: Registry,
        people: Callable[[Tenant], People],
        mail: Mail,
        address: Callable[[Tenant], str],
        region: str,
        operator: str,
        request_id: str,
        now: Callable[[], datetime],
    ) -> None:
        self._registry, self._people, self._mail, self._address = registry, people, mail, address
        self._region, self._operator, self._request_id, self._now = region, operator, request_id, now

    def create(self, *, subdomain: str, name: str, plan: Plan, admin_email: str) -> Tenant:
        """Register a tenant in this region and invite its first admin. A call that broke off half-way is finished by repeating it,
        word for word; as long as the invitation is not accepted, that sends another. Raises Invalid, SubdomainTaken."""
        email, at = clean_email(admin_email), self._now()
        tenant = self._register(check_subdomain(subdomain), name, plan, at)
        people = self._people(tenant)
        admin = User(ids.new(ids.USER, at), email, "", Role.ADMIN, UserStatus.INVITED, at)
        operator = Actor(tenant, self._operator, "operator", Role.ADMIN, self._request_id)
        token, invitation = _invitation(admin, at)
        try:
            with people.begin() as work:
                work.found(tenant, admin)
                work.invite(invitation)
                work.record(record_of(operator, Action.TENANT_CREATED, tenant.id, at, {"plan": plan.value}))
                work.record(record_of(operator, Action.USER_INVITED, admin.id, at, {"role": admin.role.value}))
        except EmailTaken as error:
            invited = people.login_of(email)
            if invited is None or invited[0].status is not UserStatus.INVITED:
                raise SubdomainTaken(f"Choose another subdomain than '{subdomain}'.") from error
            token, invitation = _invitation(invited[0], at)
            with people.begin() as work:
                work.invite(invitation)
                work.record(record_of(operator, Action.USER_INVITED, invited[0].id, at))
        self._mail.invite(
            email, organisation=name, address=self._address(tenant), token=token, days=INVITATION_LIFE.days
        )
        return tenant

    def _register(self, subdomain: str, name: str, plan: Plan, at: datetime) -> Tenant:
        """In the registry; or what an earlier, equal call has registered. Raises SubdomainTaken."""
        tenant = Tenant(
            id=ids.new_tenant(),
            subdomain=subdomain,
            name=name,
            plan=plan,
            region=self._region,
            status=TenantStatus.ACTIVE,
            collection="pooled",
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


def _invitation(user: User, at: datetime) -> tuple[str, Invitation]:
    token = secrets.token_urlsafe(32)
    return token, Invitation(digest(token), user.id, at + INVITATION_LIFE)
