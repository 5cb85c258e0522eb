"""Wiring of the identity function's use cases: sign-in, credentials and sessions, which hash passwords and send
mail."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from docplatform.authentication.adapters.argon2 import Argon2Passwords
from docplatform.authentication.adapters.mail import SesSignInMail
from docplatform.authentication.adapters.totp import Totp
from docplatform.authentication.adapters.webauthn import WebAuthnPasskeys
from docplatform.authentication.lockout import Lockout
from docplatform.authentication.mfa_enrolment import OwnFactors
from docplatform.authentication.mfa_sign_in import MfaSignIn
from docplatform.authentication.passwords import LostPassword, OwnPassword
from docplatform.authentication.reset_requests import ResetRequests
from docplatform.authentication.sessions import OwnSessions, SessionService
from docplatform.authentication.sign_in import RequestOrigin, SignIn
from docplatform.authentication.step_up import StepUp
from docplatform.authentication.verification import FactorVerifier
from docplatform.authentication.wiring.access_tokens import TenantTokens
from docplatform.core.actor import Actor
from docplatform.core.tenant import Tenant
from docplatform.core.time import now
from docplatform.identity.adapters.attempt_store import DynamoAttempts, DynamoRequestCounts
from docplatform.identity.devices import DeviceClaim
from docplatform.identity.request_limits import RequestLimits
from docplatform.identity.wiring.users import people
from docplatform.infra.credentials import own_client
from docplatform.infra.encryption import KmsSecrets
from docplatform.infra.mail import SesSender
from docplatform.infra.queues import SqsQueues
from docplatform.runtime.settings import IdentitySettings, SignInSettings, load
from docplatform.runtime.tenant_access import clients, table
from docplatform.runtime.tenant_resolution import address_of
from docplatform.sso.wiring import password_gate


@cache
def _passwords() -> Argon2Passwords:
    return Argon2Passwords()


def _mail() -> SesSignInMail:
    return SesSignInMail(SesSender(own_client("sesv2"), load(IdentitySettings).mail_sender))


def _lockout(tenant: Tenant, address: str) -> Lockout:
    return Lockout(tenant, address, DynamoAttempts(table(tenant)), now)


def kms_secrets(tenant: Tenant) -> KmsSecrets:
    key = tenant.encryption_key or load(IdentitySettings).data_key_arn
    return KmsSecrets(lambda: clients(tenant).client("kms"), key, tenant.id)


def _factor_verifier(tenant: Tenant) -> FactorVerifier:
    return FactorVerifier(kms_secrets(tenant), Totp(), WebAuthnPasskeys(address_of(tenant), tenant.name))


S = TypeVar("S", bound=SignIn)


def sign_in(
    kind: type[S], tenant: Tenant, *, request_id: str, address: str, agent: str, device: DeviceClaim | None
) -> S:
    """A use case of sign-in: SessionService, MfaSignIn or SsoSignIn."""
    return kind(
        RequestOrigin(tenant, request_id, address, agent, device),
        people(tenant),
        _passwords(),
        TenantTokens(tenant),
        now,
        _lockout(tenant, address),
        _factor_verifier(tenant),
        _mail(),
        address_of(tenant),
        password_gate(tenant, request_id),
    )


def sessions(
    tenant: Tenant, *, request_id: str, address: str, agent: str, device: DeviceClaim | None
) -> SessionService:
    return sign_in(SessionService, tenant, request_id=request_id, address=address, agent=agent, device=device)


def mfa_sign_in(tenant: Tenant, *, request_id: str, address: str, agent: str, device: DeviceClaim | None) -> MfaSignIn:
    return sign_in(MfaSignIn, tenant, request_id=request_id, address=address, agent=agent, device=device)


def own_sessions(actor: Actor) -> OwnSessions:
    return OwnSessions(actor, people(actor.tenant), now)


def request_limits(tenant: Tenant, address: str) -> RequestLimits:
    return RequestLimits(tenant, address, DynamoRequestCounts(table(tenant)), now)


def lost_password(tenant: Tenant, request_id: str) -> LostPassword:
    gate = password_gate(tenant, request_id)
    return LostPassword(tenant, request_id, people(tenant), _passwords(), _mail(), address_of(tenant), now, gate)


class _ResetQueue:
    def __init__(self, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def send(self, message: str) -> None:
        SqsQueues(own_client("sqs")).send(load(SignInSettings).reset_queue_url, {self._tenant_id: message})


def reset_requests(tenant: Tenant, request_id: str, address: str) -> ResetRequests:
    limits = request_limits(tenant, address)
    return ResetRequests(tenant, request_id, people(tenant), _ResetQueue(tenant.id), now, limits)


def own_password(actor: Actor, address: str) -> OwnPassword:
    return OwnPassword(actor, people(actor.tenant), _passwords(), _lockout(actor.tenant, address), now)


def own_factors(actor: Actor) -> OwnFactors:
    return OwnFactors(actor, people(actor.tenant), _factor_verifier(actor.tenant), now)


def step_up(actor: Actor, address: str) -> StepUp:
    tenant, lockout = actor.tenant, _lockout(actor.tenant, address)
    gate = password_gate(tenant, actor.request_id)
    return StepUp(actor, people(tenant), _passwords(), _factor_verifier(tenant), lockout, now, gate)
