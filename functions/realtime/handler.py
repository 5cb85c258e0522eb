"""HTTP routes for live connections: parse, delegate, present."""

from docplatform.core.actor import Actor, Permission
from docplatform.http.consequence import Consequence
from docplatform.http.router import Router
from docplatform.identity.wiring.authority import authority_of
from docplatform.realtime.connections import LiveTickets
from docplatform.realtime.wiring import address, tickets

from .schemas import LiveTicket

api = Router(authorities=authority_of)


@api.post(
    "/v1/live/tickets",
    response=LiveTicket,
    status=201,
    permission=Permission.READ,
    use_case=LiveTickets.issue,
    consequence=Consequence.LASTING,
)
def issue_live_ticket(actor: Actor) -> LiveTicket:
    """A ticket for a live connection (WebSocket): an address that opens one, once, within a minute. It ends with the session."""
    ticket, expires_at = tickets(actor).issue()
    return LiveTicket(url=address(actor.tenant, ticket), expires_at=expires_at)


handler = api.handler
