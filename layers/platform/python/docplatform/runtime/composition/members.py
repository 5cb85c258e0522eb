"""The rooms of identity and of the operators, which hash passwords and send mail."""

from __future__ import annotations

import os
from functools import cache
from typing import TypeVar

from docplatform.adapters.argon2_passwords import Argon2Passwords
from docplatform.adapters.dynamo_attempts import DynamoAttempts
from docplatform.adapters.kms_secrets import KmsSecrets
from docplatform.adapters.onboarding_store import OnboardingStore
from docplatform.adapters.registry import Registry
from docplatform.adapters.ses_mail import SesMail
from docplatform.adapters.totp import Totp
from docplatform.adapters.webauthn_passkeys import WebAuthnPasskeys
from docplatform.domain.identity import Actor
from docplatform.domain.tenants import Tenant
from docplatform.runtime.composition.core import clients, now, table
from docplatform.runtime.composition.identity import TenantTokens, people
from docplatform.runtime.composition.sso_gate import password_gate
from docplatform.runtime.credentials import own_client
from docplatform.runtime.routing import address_of
from docplatform.runtime.settings import IdentitySettings, OperatorSettings, load
from docplatform.services.accounts import AccountService
from docplatform.services.door import Door, Visitor
from docplatform.services.factors import OwnFactors
from docplatform.services.lockout import Lockout
from docplatform.services.members import MemberService
from docplatform.services.passwords import LostPassword, OwnPassword
from docplatform.services.proofs import Proofs
from docplatform.services.second_steps import SecondSteps
from docplatform.services.sessions import OwnSessions, SessionService
from docplatform.services.step_up import StepUp
from docplatform.services.tenants import TenantService


@cache
def _passwords() -> Argon2Passwords:
    return Argon2Passwords()


def _mail() -> SesMail:
    return SesMail(own_client("sesv2"), load(IdentitySettings).mail_sender)


def _lockout(tenant: Tenant, address: str) -> Lockout:
    return Lockout(tenant, address, DynamoAttempts(table(tenant)), now)


def kms_secrets(tenant: Tenant) -> KmsSecrets:
    return KmsSecrets(lambda: clients(tenant).client("kms"), load(IdentitySettings).data_key_arn, tenant.id)


def _proofs(tenant: Tenant) -> Proofs:
    return Proofs(kms_secrets(tenant), Totp(), WebAuthnPasskeys(address_of(tenant), tenant.name))


D = TypeVar("D", bound=Door)


def door(kind: type[D], tenant: Tenant, *, request_id: str, address: str, agent: str) -> D:
    """A way in: SessionService, SecondSteps or SsoDoor."""
    return kind(
        Visitor(tenant, request_id, address, agent),
        people(tenant),
        _passwords(),
        TenantTokens(tenant),
        now,
        _lockout(tenant, address),
        _proofs(tenant),
        _mail(),
        address_of(tenant),
        password_gate(tenant, request_id),
    )


def sessions(tenant: Tenant, *, request_id: str, address: str, agent: str) -> SessionService:
    return door(SessionService, tenant, request_id=request_id, address=address, agent=agent)


def second_steps(tenant: Tenant, *, request_id: str, address: str, agent: str) -> SecondSteps:
    return door(SecondSteps, tenant, request_id=request_id, address=address, agent=agent)


def own_sessions(actor: Actor) -> OwnSessions:
    return OwnSessions(actor, people(actor.tenant), now)


def lost_password(tenant: Tenant, request_id: str) -> LostPassword:
    gate = password_gate(tenant, request_id)
    return LostPassword(tenant, request_id, people(tenant), _passwords(), _mail(), address_of(tenant), now, gate)


def own_password(actor: Actor, address: str) -> OwnPassword:
    return OwnPassword(actor, people(actor.tenant), _passwords(), _lockout(actor.tenant, address), now)


def own_factors(actor: Actor) -> OwnFactors:
    return OwnFactors(actor, people(actor.tenant), _proofs(actor.tenant), now)


def step_up(actor: Actor, address: str) -> StepUp:
    lockout = _lockout(actor.tenant, address)
    return StepUp(actor, people(actor.tenant), _passwords(), _proofs(actor.tenant), lockout, now)


def accounts(actor: Actor) -> AccountService:
    return AccountService(actor, people(actor.tenant), _mail(), address_of(actor.tenant), now)


def members(actor: Actor) -> MemberService:
    return MemberService(actor, people(actor.tenant), _mail(), address_of(actor.tenant), now)


@cache
def _home_registry() -> Registry:
    settings = load(OperatorSettings)
    return Registry(own_client("dynamodb", settings.registry_home_region), settings.registry_table)


def _tenant_setup(tenant: Tenant) -> OnboardingStore:
    return OnboardingStore(table(tenant))


def tenants(operator: str, request_id: str) -> TenantService:
    mail = SesMail(own_client("sesv2"), load(OperatorSettings).mail_sender)
    region = os.environ["AWS_REGION"]
    return TenantService(_home_registry(), _tenant_setup, mail, address_of, region, operator, request_id, now)
