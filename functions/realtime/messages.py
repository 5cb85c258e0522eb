"""What happens on live connections. ``{"action": "ping"}`` is answered with ``{"type": "pong"}``, anything else with a problem
document; the connection stays."""

import json
from typing import Any

from docplatform.core.actor import Actor, Role
from docplatform.core.errors import DomainError
from docplatform.http import problems
from docplatform.http.problems import MalformedRequest
from docplatform.http.request import json_of
from docplatform.realtime.errors import InvalidTicket
from docplatform.realtime.model import is_connection_id
from docplatform.realtime.wiring import connections
from docplatform.runtime.telemetry import Line
from docplatform.runtime.triggers import tenant_of

_LARGEST = 4_096  # characters of a message


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    about = event["requestContext"]
    line = Line("live", about.get("requestId") or "")
    line.note(event=about["eventType"])
    try:
        return _answer(about["eventType"], about["connectionId"], _actor(about), event.get("body") or "")
    except DomainError as error:
        line.note(problem=error.code)
        return {"statusCode": int(problems.status_of(type(error))), "body": _problem(error, about)}
    except Exception as error:
        line.fault(error)
        return {"statusCode": 500, "body": _problem(DomainError("It has been logged under the request's id."), about)}
    finally:
        line.write()


def _answer(kind: str, connection_id: str, actor: Actor, body: str) -> dict[str, Any]:
    if not is_connection_id(connection_id):
        raise InvalidTicket("That is no connection.")
    own = connections(actor)
    match kind:
        case "CONNECT":
            own.open(connection_id)
        case "DISCONNECT":
            own.close(connection_id)
        case _:
            if own.serves(connection_id):
                return {"statusCode": 200, "body": _told(body)}
    return {"statusCode": 200}


def _actor(about: dict[str, Any]) -> Actor:
    """Of the tenant as it is now. Raises InvalidTicket (nobody has let it in), TenantNotFound."""
    claims = about.get("authorizer") or {}
    if not claims.get("user_id"):
        raise InvalidTicket("It was opened without a ticket.")
    return Actor(
        tenant=tenant_of(claims["tenant_id"]),
        user_id=claims["user_id"],
        session_id=claims["session_id"],
        role=Role(claims["role"]),
        request_id=about.get("requestId") or "",
    )


def _told(body: str) -> str:
    """Raises MalformedRequest."""
    if len(body) > _LARGEST:
        raise MalformedRequest(f"A message has at most {_LARGEST:,} characters.")
    if json_of(body).get("action") != "ping":
        raise MalformedRequest("The one action that there is, is 'ping'.")
    return '{"type":"pong"}'


def _problem(error: DomainError, about: dict[str, Any]) -> str:
    return json.dumps({"type": "problem", "problem": problems.document(error, about.get("requestId") or "")})
