"""HTTP routes for sign-in, the user's own sessions and profile: parse, delegate, present."""

from docplatform.authentication.sessions import OwnSessions, SessionService
from docplatform.authentication.views import Tokens, device_of, tokens_of
from docplatform.authentication.wiring.access_tokens import tokens
from docplatform.authentication.wiring.sign_in import own_sessions, sessions
from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action
from docplatform.core.tenant import Tenant
from docplatform.http.consequence import Consequence
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Listing, Page, Response
from docplatform.identity.members import MemberService
from docplatform.identity.wiring.admin import members
from docplatform.identity.wiring.authority import authority_of
from docplatform.runtime.metrics import Metric, SignInMethod, count

from . import credentials, users
from .schemas import Acceptance, KeySet, Login, Me, Refresh, SessionView

KEY_SET_SECONDS = 300

api = Router(authorities=authority_of)


def _sessions(tenant: Tenant, request: Request) -> SessionService:
    device = device_of(tenant, request)
    return sessions(tenant, request_id=request.id, address=request.address, agent=request.agent, device=device)


@api.post(
    "/v1/auth/login",
    response=Tokens,
    use_case=SessionService.log_in,
)
def log_in(tenant: Tenant, body: Login, request: Request) -> Response:
    """Log in with e-mail and password.

    ``mfa_required`` and ``mfa_enrolment_required`` carry a ``challenge`` for the next step, good once within ``expires_in`` seconds."""
    issued = _sessions(tenant, request).log_in(body.email, body.password)
    count(Metric.SIGN_INS, by=SignInMethod.PASSWORD)
    return tokens_of(tenant, issued)


@api.post("/v1/auth/refresh", response=Tokens, use_case=SessionService.refresh)
def refresh(tenant: Tenant, body: Refresh, request: Request) -> Tokens:
    """Exchange a refresh token for a fresh pair. Each is good once; showing a used one ends the session."""
    return Tokens.model_validate(_sessions(tenant, request).refresh(body.refresh_token))


@api.post("/v1/auth/logout", status=204, use_case=SessionService.log_out)
def log_out(tenant: Tenant, body: Refresh, request: Request) -> None:
    """End the session."""
    _sessions(tenant, request).log_out(body.refresh_token)


@api.post(
    "/v1/auth/invitations/accept",
    response=Tokens,
    use_case=SessionService.accept_invitation,
)
def accept_invitation(tenant: Tenant, body: Acceptance, request: Request) -> Response:
    """Set the first password, and log in."""
    issued = _sessions(tenant, request).accept_invitation(body.token, body.name, body.password)
    count(Metric.SIGN_INS, by=SignInMethod.INVITATION)
    return tokens_of(tenant, issued)


@api.get("/v1/auth/jwks.json", response=KeySet)
def key_set() -> Response:
    """The keys of this region's access tokens (RFC 7517): the one that signs, and those whose tokens are good still. Keep them for
    five minutes, and ask again for a ``kid`` that you do not know."""
    return Response(KeySet(**tokens().key_set()), {"Cache-Control": f"public, max-age={KEY_SET_SECONDS}"})


@api.get(
    "/v1/me",
    response=Me,
    permission=Permission.READ,
    use_case=MemberService.me,
    api_keys_allowed=True,
    audit_action=Action.USER_READ,
)
def me(actor: Actor) -> Me:
    """Who I am, and what my organisation's plan allows."""
    return Me.of(members(actor).me(), actor.tenant)


@api.get(
    "/v1/sessions",
    response=Page[SessionView],
    permission=Permission.READ,
    use_case=OwnSessions.list,
    audit_action=Action.SESSIONS_LISTED,
)
def list_sessions(actor: Actor, query: Listing) -> Page[SessionView]:
    """Where I am logged in, the newest first."""
    found, following = own_sessions(actor).list(limit=query.limit, cursor=query.cursor)
    return Page[SessionView].of([SessionView.of(each, actor.session_id) for each in found], following)


@api.delete(
    "/v1/sessions/{session_id}",
    status=204,
    permission=Permission.READ,
    use_case=OwnSessions.revoke,
    consequence=Consequence.LASTING,
)
def revoke_session(actor: Actor, session_id: str) -> None:
    """End one of my sessions. Its tokens stop working within half a minute."""
    own_sessions(actor).revoke(session_id)


@api.delete(
    "/v1/sessions",
    status=204,
    permission=Permission.READ,
    use_case=OwnSessions.revoke_others,
    consequence=Consequence.LASTING,
)
def revoke_other_sessions(actor: Actor) -> None:
    """End all my sessions but this one."""
    own_sessions(actor).revoke_others()


api.include(users.api)
api.include(credentials.api)


handler = api.handler
