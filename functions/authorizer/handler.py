"""The REST API's REQUEST authorizer.

It checks an access token: the signature, the token's tenant against the host's, the session and the user. It looks up
an API key among the keys of the host's tenant, so another tenant's key is unknown.

A request to the wrong place (unknown tenant, another region, suspended tenant) is let through without a user: the
function's own routing explains the reason in the product's words (docs/adr/0004). API Gateway caches the answer for
half a minute by Authorization and Host. So the functions read the user and the session again (docs/adr/0017).
"""

from docplatform.api_keys.model import looks_like_a_key
from docplatform.api_keys.verification import KeyRefused, admit
from docplatform.api_keys.wiring import keys_of
from docplatform.authentication.access_token import TokenRefused
from docplatform.authentication.wiring.access_tokens import tokens
from docplatform.core.audit import UNKNOWN_USER, Action
from docplatform.core.errors import DomainError
from docplatform.core.isolation import AttemptKind
from docplatform.core.tenant import Tenant, enter_tenant
from docplatform.core.time import now, rfc3339
from docplatform.identity.model import alive
from docplatform.identity.wiring.users import people
from docplatform.runtime import tenant_resolution
from docplatform.runtime.authorizer import AuthorizerRequest, Policy, Unauthorized, authorizer, policy
from docplatform.runtime.isolation import actor_of
from docplatform.tenancy.items import to_text


@authorizer("authorize")
def handler(request: AuthorizerRequest) -> Policy:
    try:
        tenant = tenant_resolution.tenant_of(request.host)
    except DomainError as error:
        request.log.add(stray=error.code)
        return _policy(request, "Allow", UNKNOWN_USER, {})
    enter_tenant(tenant)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        request.log.add(refused="no bearer token")
        request.record_refusal(tenant, Action.TOKEN_REFUSED, "no bearer token")
        raise Unauthorized
    return (_authorize_api_key if looks_like_a_key(token) else _authorize_session)(request, tenant, token)


def _authorize_session(request: AuthorizerRequest, tenant: Tenant, token: str) -> Policy:
    """Decide by an access token and its session. Raises Unauthorized."""
    try:
        claims = tokens().read(token, now())
    except TokenRefused as refused:
        request.log.add(refused=str(refused))
        request.record_refusal(tenant, Action.TOKEN_REFUSED, str(refused))
        raise Unauthorized from refused
    if claims.tenant_id != tenant.id:
        request.log.add(refused="another tenant's token")
        request.record_refusal(tenant, Action.TOKEN_REFUSED, "another tenant's token")
        request.record_attempt(tenant, AttemptKind.TOKEN, actor_of(claims.tenant_id, claims.user_id, request.address))
        return _policy(request, "Deny", UNKNOWN_USER, {})
    session, user, settings = people(tenant).bearer(claims.session_id, claims.user_id)
    if user is None or not alive(session, user, now()):
        request.log.add(refused="session or user is not active")
        request.record_refusal(tenant, Action.TOKEN_REFUSED, "session or user is not active", claims.user_id)
        raise Unauthorized
    since = rfc3339(user.sessions_since) if user.sessions_since else ""
    facts = {"tenant": to_text(tenant), "user_id": user.id, "session_id": claims.session_id, "role": user.role.value}
    facts |= {"sessions_since": since, "address_ranges": " ".join(settings.address_ranges)}
    return _policy(request, "Allow", user.id, facts)


def _authorize_api_key(request: AuthorizerRequest, tenant: Tenant, text: str) -> Policy:
    """Decide by an API key. Raises Unauthorized."""
    keys, at = keys_of(tenant), now()
    try:
        owner, key, settings = admit(text, keys, at)
    except KeyRefused as refused:
        request.log.add(refused=str(refused), api_key=refused.key_id)
        who, target = refused.owner_id or UNKNOWN_USER, refused.key_id or "api"
        request.record_refusal(tenant, Action.API_KEY_REFUSED, str(refused), who, target)
        if refused.is_unknown:
            request.record_attempt(tenant, AttemptKind.API_KEY, actor_of(tenant.id, UNKNOWN_USER, request.address))
        raise Unauthorized from refused
    request.log.add(api_key=key.id)
    if key.should_record_use(at):
        try:
            keys.record_use(key, at)
        except Exception as error:  # the key is valid even if its use cannot be recorded
            request.log.add_error(error)
    facts = {"tenant": to_text(tenant), "user_id": owner.id, "session_id": key.id, "role": owner.role.value}
    facts |= {"scopes": " ".join(sorted(key.scopes)), "address_ranges": " ".join(settings.address_ranges)}
    return _policy(request, "Allow", owner.id, facts)


def _policy(request: AuthorizerRequest, effect: str, principal: str, context: dict[str, str]) -> Policy:
    """A policy for the whole stage, because the cached answer serves every path of this token and host."""
    api, stage = request.method_arn.split("/")[:2]
    return policy(effect, principal, f"{api}/{stage}/*", context)
