"""API Gateway's REQUEST authorizer: the token's signature, its tenant against the host's, its session and its user; or an API key, which
is looked up among the keys of the host's tenant, so that another tenant's is unknown.

Who comes to the wrong place (unknown tenant, another region, suspended) is let through without a user: the function's own routing
explains that in the product's words (docs/adr/0004). The answer is cached for half a minute by Authorization and Host: that long at most
a revoked session or a disabled user still works.
"""

from typing import Any

from docplatform.adapters.kms_tokens import TokenRefused
from docplatform.adapters.registry import to_text
from docplatform.domain.api_keys import looks_like_a_key
from docplatform.domain.audit import Action
from docplatform.domain.errors import DomainError
from docplatform.domain.identity import Actor, Role, alive
from docplatform.domain.tenants import Tenant
from docplatform.runtime import routing
from docplatform.runtime.composition.api_keys import keys_of
from docplatform.runtime.composition.core import now, record
from docplatform.runtime.composition.identity import people, tokens
from docplatform.runtime.telemetry import Line, tenant_in_hand
from docplatform.services.key_check import KeyRefused, admit

NOBODY = "unknown"


class Unauthorized(Exception):
    """API Gateway answers 401 for exactly this text, and 500 for any other error."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    request_id = (event.get("requestContext") or {}).get("requestId") or ""
    line = Line("authorize", request_id)
    try:
        return _decide(event["methodArn"], headers, request_id, line)
    except Unauthorized:
        raise
    except Exception as error:
        line.fault(error)
        raise
    finally:
        line.write()


def _decide(method_arn: str, headers: dict[str, str], request_id: str, line: Line) -> dict[str, Any]:
    try:
        tenant = routing.tenant_of(headers.get("host", ""))
    except DomainError as error:
        line.note(stray=error.code)
        return _policy("Allow", NOBODY, method_arn, {})
    tenant_in_hand.set(tenant.id)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        line.note(refused="no bearer token")
        raise Unauthorized
    if looks_like_a_key(token):
        return _by_key(tenant, token, method_arn, request_id, line)
    return _by_session(tenant, token, method_arn, request_id, line)


def _by_session(tenant: Tenant, token: str, method_arn: str, request_id: str, line: Line) -> dict[str, Any]:
    try:
        claims = tokens().read(token, now())
    except TokenRefused as refused:
        line.note(refused=str(refused))
        if not refused.expired:
            _remember(tenant, NOBODY, request_id, line, Action.TOKEN_REFUSED, str(refused))
        raise Unauthorized from refused
    if claims.tenant_id != tenant.id:
        line.note(refused="another tenant's token")
        _remember(tenant, NOBODY, request_id, line, Action.TOKEN_REFUSED, "another tenant's token")
        return _policy("Deny", NOBODY, method_arn, {})
    session, user = people(tenant).bearer(claims.session_id, claims.user_id)
    if user is None or not alive(session, user, now()):
        line.note(refused="session or user is not active")
        _remember(tenant, claims.user_id, request_id, line, Action.TOKEN_REFUSED, "session or user is not active")
        raise Unauthorized
    facts = {"tenant": to_text(tenant), "user_id": user.id, "session_id": claims.session_id, "role": user.role.value}
    return _policy("Allow", user.id, method_arn, facts)


def _by_key(tenant: Tenant, text: str, method_arn: str, request_id: str, line: Line) -> dict[str, Any]:
    keys, at = keys_of(tenant), now()
    try:
        owner, key = admit(text, keys, at)
    except KeyRefused as refused:
        line.note(refused=str(refused), api_key=refused.key_id)
        who, target = refused.owner_id or NOBODY, refused.key_id or "api"
        _remember(tenant, who, request_id, line, Action.API_KEY_REFUSED, str(refused), target)
        raise Unauthorized from refused
    line.note(api_key=key.id)
    if key.use_is_news(at):
        try:
            keys.note_use(key, at)
        except Exception as error:  # the key is good all the same
            line.fault(error)
    facts = {"tenant": to_text(tenant), "user_id": owner.id, "session_id": key.id, "role": owner.role.value}
    return _policy("Allow", owner.id, method_arn, {**facts, "scopes": " ".join(sorted(key.scopes))})


def _remember(
    tenant: Tenant, user_id: str, request_id: str, line: Line, action: Action, reason: str, target: str = "api"
) -> None:
    """In the trail of the tenant that was called. When the trail cannot be written the refusal stands, and the log has the fault."""
    visitor = Actor(tenant, user_id, "", Role.VIEWER, request_id)
    try:
        record(visitor, action, target, {"reason": reason})
    except Exception as error:
        line.fault(error)


def _policy(effect: str, principal: str, method_arn: str, context: dict[str, str]) -> dict[str, Any]:
    """For the whole stage: the cached answer serves every path of this token and host."""
    api, stage = method_arn.split("/")[:2]
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": f"{api}/{stage}/*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": principal, "policyDocument": document, "context": context}
