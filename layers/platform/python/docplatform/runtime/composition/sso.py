"""The room of single sign-on."""

from __future__ import annotations

from functools import partial

from docplatform.adapters.dynamo_sso_groups import DynamoSsoGroups
from docplatform.domain.identity import Actor
from docplatform.domain.sso import Connection
from docplatform.domain.tenants import Tenant
from docplatform.runtime.composition.core import now, table
from docplatform.runtime.composition.identity import people
from docplatform.runtime.composition.members import door, kms_secrets
from docplatform.runtime.composition.sso_gate import ACS, METADATA, outages, provider, store
from docplatform.runtime.routing import address_of
from docplatform.services.door import Visitor
from docplatform.services.sso import SsoService
from docplatform.services.sso_connection import CLIENT_SECRET, ConnectionService
from docplatform.services.sso_door import SsoDoor
from docplatform.services.sso_groups import GroupFollower


def _secret(tenant: Tenant, connection: Connection) -> str:
    return kms_secrets(tenant).open(connection.sealed_secret, CLIENT_SECRET)


def sign_on(tenant: Tenant, *, request_id: str, address: str, agent: str) -> SsoService:
    return SsoService(
        Visitor(tenant, request_id, address, agent),
        store(tenant),
        people(tenant),
        door(SsoDoor, tenant, request_id=request_id, address=address, agent=agent),
        partial(provider, tenant, secret=partial(_secret, tenant)),
        outages(tenant, request_id),
        GroupFollower(DynamoSsoGroups(table(tenant)), now),
        now,
    )


def connection(actor: Actor) -> ConnectionService:
    tenant = actor.tenant
    known = partial(provider, tenant, secret=partial(_secret, tenant))
    return ConnectionService(actor, store(tenant), people(tenant), kms_secrets(tenant), known, now)


def metadata(tenant: Tenant) -> str:
    """Ours, for the admin of a SAML provider."""
    from docplatform.adapters.sso.saml import service_metadata

    address = address_of(tenant)
    return service_metadata(entity=address + METADATA, acs=address + ACS)
