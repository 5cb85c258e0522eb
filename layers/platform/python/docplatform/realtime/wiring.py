"""Builds the use cases of live connections."""

from __future__ import annotations

from functools import cache
from urllib.parse import urlencode

from docplatform.core.actor import Actor
from docplatform.core.tenant import Tenant
from docplatform.core.time import now
from docplatform.identity.wiring.users import people
from docplatform.infra.credentials import own_client
from docplatform.realtime.adapters.gateway import LiveGateway
from docplatform.realtime.adapters.store import DynamoLive
from docplatform.realtime.connections import ConnectionRevocation, LiveConnections, LiveTickets
from docplatform.runtime.settings import LiveSettings, RegionSettings, load
from docplatform.runtime.tenant_access import table


def live(tenant: Tenant) -> DynamoLive:
    return DynamoLive(table(tenant))


def tickets(actor: Actor) -> LiveTickets:
    return LiveTickets(actor, live(actor.tenant), now)


def address(tenant: Tenant, ticket: str) -> str:
    """The WebSocket URL that opens a connection with the ticket. Its host is ``<subdomain>.live`` in the region."""
    pattern = load(RegionSettings).region_addresses[tenant.region].replace("{tenant}", f"{tenant.subdomain}.live")
    return f"{pattern.replace('http', 'ws', 1)}/?{urlencode({'ticket': ticket})}"


def connections(actor: Actor, address: str) -> LiveConnections:
    """``address``: the IP address that the connection comes from."""
    return LiveConnections(actor, live(actor.tenant), people(actor.tenant), _gateway(), now, address)


def revocation(actor: Actor) -> ConnectionRevocation:
    return ConnectionRevocation(actor, live(actor.tenant), people(actor.tenant), _gateway(), now)


@cache
def _gateway() -> LiveGateway:
    return LiveGateway(own_client("apigatewaymanagementapi", endpoint=load(LiveSettings).live_endpoint))
