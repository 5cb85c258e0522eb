"""The WebSocket API's REQUEST authorizer: a ticket, looked up among those of the host's tenant, and used up by being shown. What it
says of whose connection this is, API Gateway repeats with every message, and no client can say otherwise
(docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html).
"""

from docplatform.core.audit import Action
from docplatform.core.errors import DomainError
from docplatform.core.time import now
from docplatform.identity.wiring.users import people
from docplatform.realtime.connections import admit
from docplatform.realtime.errors import InvalidTicket
from docplatform.realtime.wiring import live
from docplatform.runtime import tenant_resolution
from docplatform.runtime.authorizer import AuthorizerRequest, Policy, Unauthorized, authorizer, policy
from docplatform.runtime.telemetry import tenant_in_hand


@authorizer("live-admission")
def handler(asked: AuthorizerRequest) -> Policy:
    try:
        tenant = tenant_resolution.tenant_of(asked.host)
    except DomainError as stray:
        asked.line.note(stray=stray.code)
        raise Unauthorized from stray
    tenant_in_hand.set(tenant.id)
    try:
        session, user = admit(live(tenant), people(tenant), asked.query.get("ticket", ""), now())
    except InvalidTicket as refused:
        asked.line.note(refused=str(refused))
        asked.record_refusal(tenant, Action.LIVE_TICKET_REFUSED, str(refused))
        raise Unauthorized from refused
    facts = {"tenant_id": tenant.id, "user_id": user.id, "session_id": session.id, "role": user.role.value}
    return policy("Allow", user.id, asked.method_arn, facts)
