"""The WebSocket API's REQUEST authorizer: a ticket, used up by being shown. What it says of whose connection this is, API Gateway repeats
with every message of the connection, and no client can say otherwise
(docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html).
"""

import os
from typing import Any

from docplatform.adapters.registry import to_text
from docplatform.domain import ids
from docplatform.domain.errors import InvalidTicket, TenantNotFound
from docplatform.domain.tenants import Tenant, TenantStatus
from docplatform.runtime.composition.core import now
from docplatform.runtime.composition.identity import people
from docplatform.runtime.composition.live import live
from docplatform.runtime.telemetry import Line
from docplatform.runtime.workflow import tenant_of
from docplatform.services.live import admit


class Unauthorized(Exception):
    """API Gateway answers 401 for exactly this text, and 500 for any other error."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    line = Line("live-admission", (event.get("requestContext") or {}).get("requestId") or "")
    try:
        return _decide(event)
    except (InvalidTicket, TenantNotFound) as refused:
        line.note(refused=refused.code)
        raise Unauthorized from refused
    except Exception as error:
        line.fault(error)
        raise
    finally:
        line.write()


def _decide(event: dict[str, Any]) -> dict[str, Any]:
    tenant, secret = _split((event.get("queryStringParameters") or {}).get("ticket") or "")
    session, user = admit(live(tenant), people(tenant), secret, now())
    facts = {"tenant": to_text(tenant), "user_id": user.id, "session_id": session.id, "role": user.role.value}
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": user.id, "policyDocument": document, "context": facts}


def _split(ticket: str) -> tuple[Tenant, str]:
    """Raises InvalidTicket, TenantNotFound."""
    tenant_id, _, secret = ticket.partition(".")
    if not ids.is_tenant(tenant_id) or not secret:
        raise InvalidTicket("It is none.")
    tenant = tenant_of(tenant_id)
    if tenant.region != os.environ["AWS_REGION"] or tenant.status is not TenantStatus.ACTIVE:
        raise InvalidTicket("It is of another region, or of nobody who may come in.")
    return tenant, secret
