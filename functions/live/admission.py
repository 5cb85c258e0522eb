"""The WebSocket API's REQUEST authorizer: a ticket, looked up among those of the host's tenant, and used up by being shown. What it
says of whose connection this is, API Gateway repeats with every message, and no client can say otherwise
(docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html).
"""

from typing import Any

from docplatform.adapters.registry import to_text
from docplatform.domain.errors import InvalidTicket, Misdirected, TenantNotFound, TenantSuspended
from docplatform.runtime import routing
from docplatform.runtime.composition.core import now
from docplatform.runtime.composition.identity import people
from docplatform.runtime.composition.live import live
from docplatform.runtime.telemetry import Line, tenant_in_hand
from docplatform.services.live import admit


class Unauthorized(Exception):
    """API Gateway answers 401 for exactly this text, and 500 for any other error."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    line = Line("live-admission", (event.get("requestContext") or {}).get("requestId") or "")
    try:
        return _decide(event)
    except (InvalidTicket, TenantNotFound, Misdirected, TenantSuspended) as refused:
        line.note(refused=refused.code)
        raise Unauthorized from refused
    except Exception as error:
        line.fault(error)
        raise
    finally:
        line.write()


def _decide(event: dict[str, Any]) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    tenant = routing.tenant_of(headers.get("host", ""))
    tenant_in_hand.set(tenant.id)
    ticket = (event.get("queryStringParameters") or {}).get("ticket") or ""
    session, user = admit(live(tenant), people(tenant), ticket, now())
    facts = {"tenant": to_text(tenant), "user_id": user.id, "session_id": session.id, "role": user.role.value}
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": user.id, "policyDocument": document, "context": facts}
