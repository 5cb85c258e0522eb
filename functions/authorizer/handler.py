"""API Gateway's REQUEST authorizer: the token's signature, its tenant against the host's, its session and its user; or an API key, which
is looked up among the keys of the host's tenant, so that another tenant's is unknown.

Who comes to the wrong place (unknown tenant, another region, suspended) is let through without a user: the function's own routing
explains that in the product's words (docs/adr/0004). The answer is cached for half a minute by Authorization and Host: that long at most
a revoked session or a disabled user still works.
"""

from docplatform.api_keys.model import looks_like_a_key
from docplatform.api_keys.verification import KeyRefused, admit
from docplatform.api_keys.wiring import keys_of
from docplatform.authentication.access_token import TokenRefused
from docplatform.authentication.wiring.access_tokens import tokens
from docplatform.core.audit import UNKNOWN_USER, Action
from docplatform.core.errors import DomainError
from docplatform.core.tenant import Tenant, to_text
from docplatform.core.time import now
from docplatform.identity.model import alive
from docplatform.identity.wiring.users import people
from docplatform.runtime import tenant_resolution
from docplatform.runtime.authorizer import AuthorizerRequest, Policy, Unauthorized, authorizer, policy
from docplatform.runtime.telemetry import tenant_in_hand


@authorizer("authorize")
def handler(asked: AuthorizerRequest) -> Policy:
    try:
        tenant = tenant_resolution.tenant_of(asked.host)
    except DomainError as error:
        asked.line.note(stray=error.code)
        return _policy(asked, "Allow", UNKNOWN_USER, {})
    tenant_in_hand.set(tenant.id)
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        asked.line.note(refused="no bearer token")
        raise Unauthorized
    return (_by_key if looks_like_a_key(token) else _by_session)(asked, tenant, token)


def _by_session(asked: AuthorizerRequest, tenant: Tenant, token: str) -> Policy:
    try:
        claims = tokens().read(token, now())
    except TokenRefused as refused:
        asked.line.note(refused=str(refused))
        if not refused.expired:
            asked.record_refusal(tenant, Action.TOKEN_REFUSED, str(refused))
        raise Unauthorized from refused
    if claims.tenant_id != tenant.id:
        asked.line.note(refused="another tenant's token")
        asked.record_refusal(tenant, Action.TOKEN_REFUSED, "another tenant's token")
        return _policy(asked, "Deny", UNKNOWN_USER, {})
    session, user = people(tenant).bearer(claims.session_id, claims.user_id)
    if user is None or not alive(session, user, now()):
        asked.line.note(refused="session or user is not active")
        asked.record_refusal(tenant, Action.TOKEN_REFUSED, "session or user is not active", claims.user_id)
        raise Unauthorized
    facts = {"tenant": to_text(tenant), "user_id": user.id, "session_id": claims.session_id, "role": user.role.value}
    return _policy(asked, "Allow", user.id, facts)


def _by_key(asked: AuthorizerRequest, tenant: Tenant, text: str) -> Policy:
    keys, at = keys_of(tenant), now()
    try:
        owner, key = admit(text, keys, at)
    except KeyRefused as refused:
        asked.line.note(refused=str(refused), api_key=refused.key_id)
        who, target = refused.owner_id or UNKNOWN_USER, refused.key_id or "api"
        asked.record_refusal(tenant, Action.API_KEY_REFUSED, str(refused), who, target)
        raise Unauthorized from refused
    asked.line.note(api_key=key.id)
    if key.use_is_news(at):
        try:
            keys.note_use(key, at)
        except Exception as error:  # the key is good all the same
            asked.line.fault(error)
    facts = {"tenant": to_text(tenant), "user_id": owner.id, "session_id": key.id, "role": owner.role.value}
    return _policy(asked, "Allow", owner.id, {**facts, "scopes": " ".join(sorted(key.scopes))})


def _policy(asked: AuthorizerRequest, effect: str, principal: str, context: dict[str, str]) -> Policy:
    """For the whole stage: the cached answer serves every path of this token and host."""
    api, stage = asked.method_arn.split("/")[:2]
    return policy(effect, principal, f"{api}/{stage}/*", context)
