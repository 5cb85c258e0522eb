"""A tenant's users and a clock that tests set: the use cases of identity with the real adapters for the database."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TypeVar

import boto3

from docplatform.authentication.adapters.totp import Totp
from docplatform.authentication.adapters.webauthn import WebAuthnPasskeys
from docplatform.authentication.lockout import Lockout
from docplatform.authentication.mfa_enrolment import OwnFactors
from docplatform.authentication.mfa_sign_in import MfaSignIn
from docplatform.authentication.passwords import LostPassword, OwnPassword
from docplatform.authentication.reset_requests import ResetRequest, ResetRequests
from docplatform.authentication.sessions import OwnSessions, SessionService
from docplatform.authentication.sign_in import IssuedTokens, RequestOrigin, SignIn
from docplatform.authentication.step_up import StepUp
from docplatform.authentication.verification import FactorVerifier
from docplatform.control_plane.adapters.store import OnboardingStore
from docplatform.control_plane.first_admin import FirstAdmin
from docplatform.control_plane.model import Collection, CollectionState
from docplatform.control_plane.onboarding import TenantService
from docplatform.control_plane.provisioning import Provisioning
from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.errors import MailNotSent
from docplatform.core.tenant import Plan, Tenant, TenantStatus, enter_tenant
from docplatform.directory.adapters.provisioning_store import DynamoDirectory
from docplatform.directory.provisioning import DirectoryService
from docplatform.identity.account_admin import AccountService
from docplatform.identity.adapters.attempt_store import DynamoAttempts, DynamoRequestCounts
from docplatform.identity.devices import claim_of
from docplatform.identity.members import MemberService
from docplatform.identity.model import Session, User
from docplatform.identity.ports import People
from docplatform.identity.request_limits import RequestLimits
from docplatform.identity.wiring.users import people
from docplatform.infra.encryption import KmsSecrets
from docplatform.runtime.tenant_access import record, table
from tests.support.mocked_aws import REGION

D = TypeVar("D", bound=SignIn)

HOME = "https://acme.example"
PASSWORD = "correct horse battery staple"


@dataclass
class Clock:
    at: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def passes(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class PlainPasswords:
    """Readable hashes; ``current`` is the form that is not outdated."""

    current: str = "v2"

    def common(self, password: str) -> bool:
        return password == "everybody knows it"

    def hash(self, password: str) -> str:
        return f"{self.current}:{password}"

    def fits(self, password: str, hashed: str) -> bool:
        return hashed.partition(":")[2] == password and bool(hashed)

    def outdated(self, hashed: str) -> bool:
        return not hashed.startswith(self.current)


@dataclass
class PlainTokens:
    works: bool = True

    def access_token(self, session: Session, user: User, now: datetime, life: timedelta) -> str:
        if not self.works:
            raise ConnectionError("the signer does not answer")
        return f"{user.id} {session.id} {user.role}"


@dataclass
class Mailbox:
    works: bool = True
    invitations: list[tuple[str, str]] = field(default_factory=list)
    resets: list[tuple[str, str]] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)

    def invite(self, email: str, *, organisation: str, address: str, token: str, days: int) -> None:
        if not self.works:
            raise MailNotSent("")
        self.invitations.append((email, token))

    def reset_password(self, email: str, *, organisation: str, address: str, token: str, minutes: int) -> None:
        if not self.works:
            raise MailNotSent("")
        self.resets.append((email, token))

    def second_factor_reset(self, email: str, *, organisation: str, address: str) -> None:
        if not self.works:
            raise MailNotSent("")
        self.notices.append((email, "second factor reset"))

    def address_changed(self, email: str, *, organisation: str, address: str, hours: int) -> None:
        if not self.works:
            raise MailNotSent("")
        self.notices.append((email, f"address changed, {hours} hours"))

    def password_reset(self, email: str, *, organisation: str, address: str, api_keys: int) -> None:
        if not self.works:
            raise MailNotSent("")
        self.notices.append((email, f"password reset, {api_keys} API keys left"))

    def new_device(self, email: str, *, organisation: str, address: str, agent: str, at: datetime) -> None:
        if not self.works:
            raise MailNotSent("")
        self.notices.append((email, f"new device: {agent}"))

    @property
    def token(self) -> str:
        return self.invitations[-1][1]


@dataclass
class MemoryRegistry:
    tenants: dict[str, Tenant] = field(default_factory=dict)

    def by_subdomain(self, subdomain: str) -> Tenant | None:
        return self.tenants.get(subdomain)

    def by_id(self, tenant_id: str) -> Tenant | None:
        return next((tenant for tenant in self.tenants.values() if tenant.id == tenant_id), None)

    def add(self, tenant: Tenant) -> None:
        from docplatform.tenancy.errors import SubdomainTaken

        if tenant.subdomain in self.tenants:
            raise SubdomainTaken("taken")
        self.tenants[tenant.subdomain] = tenant

    def change(self, before: Tenant, after: Tenant) -> None:
        self.tenants[before.subdomain] = after


@dataclass
class MemoryCollections:
    """Collections that are active at once."""

    made: dict[str, Collection] = field(default_factory=dict)

    def of(self, tenant_id: str) -> Collection | None:
        return self.made.get(tenant_id)

    def create(self, tenant_id: str) -> Collection:
        return self.made.setdefault(tenant_id, Collection(f"collection{len(self.made):010}", CollectionState.ACTIVE))

    def delete(self, collection_id: str) -> None:
        self.made = {tenant: each for tenant, each in self.made.items() if each.id != collection_id}


class PasswordsAllowed:
    """The gate of a tenant without single sign-on."""

    def check(self) -> None: ...

    def admits(self, user: User) -> bool:
        return True

    def check_first_password(self) -> None: ...


@dataclass
class Company:
    clock: Clock = field(default_factory=Clock)
    passwords: PlainPasswords = field(default_factory=PlainPasswords)
    tokens: PlainTokens = field(default_factory=PlainTokens)
    mail: Mailbox = field(default_factory=Mailbox)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    collections: MemoryCollections = field(default_factory=MemoryCollections)
    tenant: Tenant = field(init=False)

    def __post_init__(self) -> None:
        self.tenant = self.operator().create(
            subdomain="acme", name="Acme", plan=Plan.STANDARD, admin_email="ann@acme.example"
        )
        enter_tenant(self.tenant)

    def operator(self) -> TenantService:
        first_admin = FirstAdmin(setup, self.mail, lambda _: HOME, self.clock)
        return TenantService(
            self.registry,
            first_admin,
            Provisioning(self.registry, self.collections, first_admin),
            REGION,
            "operator:olga",
            "r",
            self.clock,
            tuple,
            record,
        )

    @property
    def people(self) -> People:
        return people(self.tenant)

    @property
    def door(self) -> SessionService:
        return self.way_in(SessionService)

    @property
    def steps(self) -> MfaSignIn:
        return self.way_in(MfaSignIn)

    def door_for(self, address: str = "192.0.2.7", agent: str = "curl", cookie: str = "") -> SessionService:
        return self.way_in(SessionService, address, agent, cookie)

    def way_in(self, kind: type[D], address: str = "192.0.2.7", agent: str = "curl", cookie: str = "") -> D:
        origin = RequestOrigin(self.tenant, "r", address, agent, claim_of(cookie))
        return kind(
            origin,
            self.people,
            self.passwords,
            self.tokens,
            self.clock,
            self.lockout(address),
            self.verifier,
            self.mail,
            HOME,
            PasswordsAllowed(),
        )

    def lockout(self, address: str = "192.0.2.7") -> Lockout:
        return Lockout(self.tenant, address, DynamoAttempts(table(self.tenant)), self.clock)

    @property
    def verifier(self) -> FactorVerifier:
        secrets = KmsSecrets(lambda: boto3.client("kms"), os.environ["DATA_KEY_ARN"], self.tenant.id)
        return FactorVerifier(secrets, Totp(), WebAuthnPasskeys(HOME, self.tenant.name))

    @property
    def lost_password(self) -> LostPassword:
        return LostPassword(
            self.tenant, "r", self.people, self.passwords, self.mail, HOME, self.clock, PasswordsAllowed()
        )

    def asks_for_reset(self, email: str, address: str = "192.0.2.7") -> None:
        """Ask, and have the queue's consumer send the mail."""
        limits = RequestLimits(self.tenant, address, DynamoRequestCounts(table(self.tenant)), self.clock)
        queued: list[str] = []
        queue = SimpleNamespace(send=queued.append)
        ResetRequests(self.tenant, "r", self.people, queue, self.clock, limits).request_link(email)
        for message in queued:
            request = ResetRequest.of(message, self.tenant.id)
            self.lost_password.send_link(request.email, request.asked_at)

    def own_password(self, entry: IssuedTokens) -> OwnPassword:
        return OwnPassword(self.actor(entry), self.people, self.passwords, self.lockout(), self.clock)

    def own_factors(self, entry: IssuedTokens) -> OwnFactors:
        return OwnFactors(self.actor(entry), self.people, self.verifier, self.clock)

    def step_up(self, entry: IssuedTokens) -> StepUp:
        return StepUp(
            self.actor(entry),
            self.people,
            self.passwords,
            self.verifier,
            self.lockout(),
            self.clock,
            PasswordsAllowed(),
        )

    def accounts(self, entry: IssuedTokens) -> AccountService:
        return AccountService(self.actor(entry), self.people, self.mail, HOME, self.clock)

    def directory(self, entry: IssuedTokens) -> DirectoryService:
        return self.directory_of(self.actor(entry))

    def directory_of(self, actor: Actor) -> DirectoryService:
        return DirectoryService(actor, DynamoDirectory(table(self.tenant)), self.mail, HOME, self.clock)

    def moves_in(self, token: str = "", name: str = "Ann") -> IssuedTokens:
        return self.door.accept_invitation(token or self.mail.token, name, PASSWORD)

    def actor(self, entry: IssuedTokens) -> Actor:
        user_id, session_id, role = entry.access_token.split()
        return Actor(self.tenant, user_id, session_id, Role(role), "r")

    def members(self, entry: IssuedTokens) -> MemberService:
        return MemberService(self.actor(entry), self.people, self.mail, "https://acme.example", self.clock)

    def open_sessions(self, entry: IssuedTokens) -> tuple[Session, ...]:
        return self.own_sessions(entry).list(limit=100, cursor="")[0]

    def own_sessions(self, entry: IssuedTokens) -> OwnSessions:
        return OwnSessions(self.actor(entry), self.people, self.clock)


def at_once(threads: int) -> ThreadPoolExecutor:
    """Threads that run in the test's tenant context."""
    return ThreadPoolExecutor(threads, initializer=_continue, initargs=(copy_context(),))


def _continue(context: Context) -> None:
    for variable, value in context.items():
        variable.set(value)


def setup(tenant: Tenant) -> OnboardingStore:
    return OnboardingStore(table(tenant))


def another_tenant() -> Tenant:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return Tenant(ids.new_tenant(), "other", "Other", Plan.STANDARD, REGION, TenantStatus.ACTIVE, "c0llect10n", at)
