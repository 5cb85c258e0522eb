"""The WebSocket API's REQUEST authorizer: a ticket, looked up among those of the host's tenant, and used up by being shown. What it
says of whose connection this is, API Gateway repeats with every message, and no client can say otherwise
(docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html).
"""

from docplatform.domain.audit import Action
from docplatform.domain.errors import DomainError, InvalidTicket
from docplatform.runtime import routing
from docplatform.runtime.authorizing import Asked, Policy, Unauthorized, authorizer, policy
from docplatform.runtime.composition.core import now
from docplatform.runtime.composition.identity import people
from docplatform.runtime.composition.live import live
from docplatform.runtime.telemetry import tenant_in_hand
from docplatform.services.live import admit


@authorizer("live-admission")
def handler(asked: Asked) -> Policy:
    try:
        tenant = routing.tenant_of(asked.host)
    except DomainError as stray:
        asked.line.note(stray=stray.code)
        raise Unauthorized from stray
    tenant_in_hand.set(tenant.id)
    try:
        session, user = admit(live(tenant), people(tenant), asked.query.get("ticket", ""), now())
    except InvalidTicket as refused:
        asked.line.note(refused=str(refused))
        asked.refused(tenant, Action.LIVE_TICKET_REFUSED, str(refused))
        raise Unauthorized from refused
    facts = {"tenant_id": tenant.id, "user_id": user.id, "session_id": session.id, "role": user.role.value}
    return policy("Allow", user.id, asked.method_arn, facts)
