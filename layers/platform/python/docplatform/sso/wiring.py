"""Wiring of a tenant's identity provider and of the gate before its passwords."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from docplatform.core.tenant import Tenant
from docplatform.core.time import now
from docplatform.identity.wiring.users import people
from docplatform.infra.credentials import own_client
from docplatform.infra.mail import SesSender
from docplatform.infra.outbound import TIMEOUT, OutboundHttp
from docplatform.runtime.settings import IdentitySettings, load
from docplatform.runtime.tenant_access import table
from docplatform.runtime.tenant_resolution import address_of
from docplatform.sso.adapters.mail import SesOutageMail
from docplatform.sso.adapters.store import DynamoSso
from docplatform.sso.model import Connection, Kind
from docplatform.sso.outages import Outages, SsoPasswordGate
from docplatform.sso.ports import Provider

METADATA, ACS, CALLBACK = "/v1/sso/metadata", "/v1/sso/acs", "/v1/sso/callback"
_PROBE = 2.5  # seconds for each request of a probe: three probes of two requests end before API Gateway does


def store(tenant: Tenant) -> DynamoSso:
    return DynamoSso(table(tenant))


def outages(tenant: Tenant, request_id: str) -> Outages:
    mail = SesOutageMail(SesSender(own_client("sesv2"), load(IdentitySettings).mail_sender))
    return Outages(
        tenant, request_id, store(tenant), people(tenant), partial(provider, tenant, timeout=_PROBE), mail, now
    )


def password_gate(tenant: Tenant, request_id: str) -> SsoPasswordGate:
    return SsoPasswordGate(tenant, request_id, store(tenant), outages(tenant, request_id), now)


def provider(
    tenant: Tenant,
    connection: Connection,
    secret: Callable[[Connection], str] | None = None,
    timeout: float = TIMEOUT,
) -> Provider:
    """``secret`` decrypts the client secret; without it the provider can be checked but signs nobody in. The libraries
    for XML and JOSE slow a cold start, so each is imported only for the kind of provider that needs it."""
    outbound = OutboundHttp(loopback=load(IdentitySettings).sso_loopback == "yes", timeout=timeout, lane=tenant.id)
    address = address_of(tenant)
    if connection.kind is Kind.OIDC:
        from docplatform.sso.adapters.oidc import OidcProvider

        def client_secret() -> str:
            return secret(connection) if secret and connection.sealed_secret else ""

        return OidcProvider(connection, outbound, callback=address + CALLBACK, secret=client_secret)
    from docplatform.sso.adapters.saml import SamlProvider

    return SamlProvider(connection, outbound, entity=address + METADATA, acs=address + ACS)
