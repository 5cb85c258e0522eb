"""Wiring of the use cases for the administration of users and invitations."""

from __future__ import annotations

from docplatform.core.actor import Actor
from docplatform.core.time import now
from docplatform.identity.account_admin import AccountService
from docplatform.identity.adapters.mail import SesUserMail
from docplatform.identity.members import MemberService
from docplatform.identity.wiring.users import people
from docplatform.infra.credentials import own_client
from docplatform.infra.mail import SesSender
from docplatform.runtime.settings import IdentitySettings, load
from docplatform.runtime.tenant_resolution import address_of


def accounts(actor: Actor) -> AccountService:
    return AccountService(actor, people(actor.tenant), _mail(), address_of(actor.tenant), now)


def members(actor: Actor) -> MemberService:
    return MemberService(actor, people(actor.tenant), _mail(), address_of(actor.tenant), now)


def _mail() -> SesUserMail:
    return SesUserMail(SesSender(own_client("sesv2"), load(IdentitySettings).mail_sender))
