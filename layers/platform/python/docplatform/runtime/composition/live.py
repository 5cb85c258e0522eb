"""Live connections."""

from __future__ import annotations

from functools import cache
from urllib.parse import urlencode

from docplatform.adapters.dynamo_live import DynamoLive
from docplatform.adapters.live_gateway import LiveGateway
from docplatform.domain.identity import Actor
from docplatform.domain.tenants import Tenant
from docplatform.runtime.composition.core import now, table
from docplatform.runtime.composition.identity import people
from docplatform.runtime.credentials import own_client
from docplatform.runtime.settings import LiveSettings, RegionSettings, load
from docplatform.services.live import LiveConnections, LiveEnds, LiveTickets


def live(tenant: Tenant) -> DynamoLive:
    return DynamoLive(table(tenant))


def tickets(actor: Actor) -> LiveTickets:
    return LiveTickets(actor, live(actor.tenant), now)


def address(tenant: Tenant, ticket: str) -> str:
    """Where the ticket opens a connection: the tenant's host name, one level lower."""
    pattern = load(RegionSettings).region_addresses[tenant.region].replace("{tenant}", f"{tenant.subdomain}.live")
    return f"{pattern.replace('http', 'ws', 1)}/?{urlencode({'ticket': ticket})}"


def connections(actor: Actor) -> LiveConnections:
    return LiveConnections(actor, live(actor.tenant), people(actor.tenant), _gateway(), now)


def ends(actor: Actor) -> LiveEnds:
    return LiveEnds(actor, live(actor.tenant), people(actor.tenant), _gateway(), now)


@cache
def _gateway() -> LiveGateway:
    return LiveGateway(own_client("apigatewaymanagementapi", endpoint=load(LiveSettings).live_endpoint))
