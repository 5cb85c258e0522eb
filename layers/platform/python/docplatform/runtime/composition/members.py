"""The rooms of identity and of the operators, which hash passwords and send mail."""

from __future__ import annotations

import os
from functools import cache

from docplatform.adapters.argon2_passwords import Argon2Passwords
from docplatform.adapters.registry import Registry
from docplatform.adapters.ses_mail import SesMail
from docplatform.domain.identity import Actor
from docplatform.domain.tenants import Tenant
from docplatform.runtime.composition.core import now
from docplatform.runtime.composition.identity import TenantTokens, people
from docplatform.runtime.composition.sso_gate import password_gate
from docplatform.runtime.credentials import own_client
from docplatform.runtime.routing import address_of
from docplatform.runtime.settings import IdentitySettings, OperatorSettings, load
from docplatform.services.members import MemberService
from docplatform.services.sessions import OwnSessions, SessionService, Visitor
from docplatform.services.tenants import TenantService


@cache
def _passwords() -> Argon2Passwords:
    return Argon2Passwords()


def sessions(tenant: Tenant, *, request_id: str, address: str, agent: str) -> SessionService:
    visitor = Visitor(tenant, request_id, address, agent)
    return SessionService(
        visitor, people(tenant), _passwords(), TenantTokens(tenant), now, password_gate(tenant, request_id)
    )


def own_sessions(actor: Actor) -> OwnSessions:
    return OwnSessions(actor, people(actor.tenant), now)


def members(actor: Actor) -> MemberService:
    mail = SesMail(own_client("sesv2"), load(IdentitySettings).mail_sender)
    return MemberService(actor, people(actor.tenant), mail, address_of(actor.tenant), now)


@cache
def _home_registry() -> Registry:
    settings = load(OperatorSettings)
    return Registry(own_client("dynamodb", settings.registry_home_region), settings.registry_table)


def tenants(operator: str, request_id: str) -> TenantService:
    mail = SesMail(own_client("sesv2"), load(OperatorSettings).mail_sender)
    region = os.environ["AWS_REGION"]
    return TenantService(_home_registry(), people, mail, address_of, region, operator, request_id, now)
