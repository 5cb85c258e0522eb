"""The WebSocket API's REQUEST authorizer. It looks up a ticket among those of the host's tenant and uses it up.

API Gateway repeats the returned context with every message of the connection, and no client can change it
(docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html).
"""

from docplatform.core.audit import UNKNOWN_USER, Action
from docplatform.core.errors import AddressRefused, DomainError
from docplatform.core.tenant import enter_tenant
from docplatform.core.time import now
from docplatform.identity.wiring.users import people
from docplatform.realtime.connections import admit
from docplatform.realtime.errors import InvalidTicket
from docplatform.realtime.wiring import live
from docplatform.runtime import tenant_resolution
from docplatform.runtime.authorizer import AuthorizerRequest, Policy, Unauthorized, authorizer, policy


@authorizer("live-admission")
def handler(request: AuthorizerRequest) -> Policy:
    try:
        tenant = tenant_resolution.tenant_of(request.host)
    except DomainError as stray:
        request.log.add(stray=stray.code)
        raise Unauthorized from stray
    enter_tenant(tenant)
    try:
        session, user = admit(
            live(tenant), people(tenant), request.query.get("ticket", ""), now(), address=request.address
        )
    except InvalidTicket as refused:
        request.log.add(refused=str(refused))
        request.record_refusal(tenant, Action.LIVE_TICKET_REFUSED, str(refused))
        raise Unauthorized from refused
    except AddressRefused as refused:
        request.log.add(refused=refused.code)
        request.record_refusal(tenant, Action.LIVE_TICKET_REFUSED, refused.title)
        return policy("Deny", UNKNOWN_USER, request.method_arn, {})
    facts = {"tenant_id": tenant.id, "user_id": user.id, "session_id": session.id, "role": user.role.value}
    return policy("Allow", user.id, request.method_arn, facts)
