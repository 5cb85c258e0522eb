"""Wiring of the single sign-on function's use cases."""

from __future__ import annotations

from functools import partial

from docplatform.authentication.sign_in import RequestOrigin
from docplatform.authentication.sso_account import AccountResolver
from docplatform.authentication.sso_session import SsoSignIn
from docplatform.authentication.sso_sign_in import SsoService
from docplatform.authentication.wiring.sign_in import kms_secrets, request_limits, sign_in
from docplatform.core.actor import Actor
from docplatform.core.tenant import Tenant
from docplatform.core.time import now
from docplatform.identity.devices import DeviceClaim
from docplatform.identity.wiring.users import people
from docplatform.runtime.tenant_access import table
from docplatform.runtime.tenant_resolution import address_of
from docplatform.sso.adapters.group_store import DynamoSsoGroups
from docplatform.sso.connection import CLIENT_SECRET, ConnectionService
from docplatform.sso.group_sync import GroupSync
from docplatform.sso.links import AccountLinks
from docplatform.sso.model import Connection
from docplatform.sso.wiring import ACS, METADATA, outages, provider, store


def _secret(tenant: Tenant, connection: Connection) -> str:
    return kms_secrets(tenant).decrypt(connection.sealed_secret, CLIENT_SECRET)


def sign_on(tenant: Tenant, *, request_id: str, address: str, agent: str, device: DeviceClaim | None) -> SsoService:
    return SsoService(
        RequestOrigin(tenant, request_id, address, agent, device),
        store(tenant),
        sign_in(SsoSignIn, tenant, request_id=request_id, address=address, agent=agent, device=device),
        partial(provider, tenant, secret=partial(_secret, tenant)),
        outages(tenant, request_id),
        GroupSync(DynamoSsoGroups(table(tenant)), now),
        AccountResolver(store(tenant), people(tenant), now),
        now,
        request_limits(tenant, address),
    )


def connection(actor: Actor) -> ConnectionService:
    tenant = actor.tenant
    known = partial(provider, tenant, secret=partial(_secret, tenant))
    return ConnectionService(actor, store(tenant), people(tenant), kms_secrets(tenant), known, now)


def links(actor: Actor) -> AccountLinks:
    tenant = actor.tenant
    return AccountLinks(actor, store(tenant), people(tenant), now)


def metadata(tenant: Tenant) -> str:
    """The platform's SAML metadata, for the admin of an identity provider."""
    from docplatform.sso.adapters.saml import service_metadata

    address = address_of(tenant)
    return service_metadata(entity=address + METADATA, acs=address + ACS)
