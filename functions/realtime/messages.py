"""Events of live connections: connect, disconnect and messages.

The message ``{"action": "ping"}`` is answered with ``{"type": "pong"}``, any other message with a problem document.
The connection stays open in both cases.
"""

import json
from typing import Any

from docplatform.core.actor import Actor, Role
from docplatform.core.errors import DomainError
from docplatform.core.tenant import tenant_scope
from docplatform.http import problems
from docplatform.http.problems import MalformedRequest
from docplatform.http.request import json_of
from docplatform.realtime.errors import InvalidTicket
from docplatform.realtime.model import is_connection_id
from docplatform.realtime.wiring import connections
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.telemetry import LogRecord
from docplatform.runtime.triggers import tenant_of

_LARGEST = 4_096  # characters of a message


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    with tenant_scope():
        return _respond(event)


def _respond(event: dict[str, Any]) -> dict[str, Any]:
    context = event["requestContext"]
    line = LogRecord("live", context.get("requestId") or "")
    line.add(event=context["eventType"])
    try:
        return _answer(context, _actor(context), event.get("body") or "")
    except DomainError as error:
        line.add(problem=error.code)
        count(Metric.REFUSALS, by=error.code)
        return {"statusCode": int(problems.status_of(type(error))), "body": _problem(error, context)}
    except Exception as error:
        line.add_error(error)
        return {"statusCode": 500, "body": _problem(DomainError("It has been logged under the request's id."), context)}
    finally:
        line.write()


def _answer(context: dict[str, Any], actor: Actor, body: str) -> dict[str, Any]:
    connection_id, address = context["connectionId"], (context.get("identity") or {}).get("sourceIp") or ""
    if not is_connection_id(connection_id):
        raise InvalidTicket("That is no connection.")
    service = connections(actor, address)
    match context["eventType"]:
        case "CONNECT":
            service.open(connection_id)
        case "DISCONNECT":
            service.close(connection_id)
        case _:
            if service.serves(connection_id):
                return {"statusCode": 200, "body": _reply_to(body)}
    return {"statusCode": 200}


def _actor(context: dict[str, Any]) -> Actor:
    """The user of the connection, with the tenant as it is now. Raises InvalidTicket for a connection that the
    authorizer did not let in, and TenantNotFound."""
    claims = context.get("authorizer") or {}
    if not claims.get("user_id"):
        raise InvalidTicket("It was opened without a ticket.")
    return Actor(
        tenant=tenant_of(claims["tenant_id"]),
        user_id=claims["user_id"],
        session_id=claims["session_id"],
        role=Role(claims["role"]),
        request_id=context.get("requestId") or "",
    )


def _reply_to(body: str) -> str:
    """The reply to a message. Raises MalformedRequest."""
    if len(body) > _LARGEST:
        raise MalformedRequest(f"A message has at most {_LARGEST:,} characters.")
    if json_of(body).get("action") != "ping":
        raise MalformedRequest("The one action that there is, is 'ping'.")
    return '{"type":"pong"}'


def _problem(error: DomainError, context: dict[str, Any]) -> str:
    return json.dumps({"type": "problem", "problem": problems.document(error, context.get("requestId") or "")})
