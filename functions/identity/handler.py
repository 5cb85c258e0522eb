"""HTTP routes for people and sessions: parse, delegate, present."""

from docplatform.domain.errors import (
    Conflict,
    EmailTaken,
    IdempotencyKeyReused,
    Invalid,
    InvalidCredentials,
    InvalidCursor,
    InvalidInvitation,
    InvalidName,
    InvalidRefreshToken,
    MailNotSent,
    QuotaExceeded,
    SessionNotFound,
    SsoRequired,
    UserNotFound,
    WeakPassword,
)
from docplatform.domain.identity import Actor, Permission
from docplatform.domain.tenants import Tenant
from docplatform.runtime.api import Api, Request
from docplatform.runtime.composition.identity import tokens
from docplatform.runtime.composition.members import members, own_sessions, sessions
from docplatform.runtime.session_wire import Tokens
from docplatform.runtime.wire import Reply
from docplatform.services.sessions import SessionService
from schemas import (
    Acceptance,
    KeySet,
    Login,
    Me,
    NewUser,
    Refresh,
    SessionList,
    SessionView,
    UserListing,
    UserPage,
    UserView,
)

api = Api()


def _sessions(tenant: Tenant, request: Request) -> SessionService:
    return sessions(tenant, request_id=request.id, address=request.address, agent=request.agent)


@api.post("/v1/auth/login", answers=Tokens, errors=(InvalidCredentials, SsoRequired))
def log_in(tenant: Tenant, body: Login, request: Request) -> Tokens:
    """Log in with e-mail and password."""
    return Tokens.of(_sessions(tenant, request).log_in(body.email, body.password))


@api.post("/v1/auth/refresh", answers=Tokens, errors=(InvalidRefreshToken,))
def refresh(tenant: Tenant, body: Refresh, request: Request) -> Tokens:
    """Exchange a refresh token for a fresh pair. Each is good once; showing a used one ends the session."""
    return Tokens.of(_sessions(tenant, request).refresh(body.refresh_token))


@api.post("/v1/auth/logout", status=204, errors=(InvalidRefreshToken,))
def log_out(tenant: Tenant, body: Refresh, request: Request) -> None:
    """End the session."""
    _sessions(tenant, request).log_out(body.refresh_token)


@api.post(
    "/v1/auth/invitations/accept",
    answers=Tokens,
    errors=(InvalidInvitation, InvalidName, WeakPassword, SsoRequired),
)
def accept_invitation(tenant: Tenant, body: Acceptance, request: Request) -> Tokens:
    """Set the first password, and log in."""
    return Tokens.of(_sessions(tenant, request).accept_invitation(body.token, body.name, body.password))


@api.get("/v1/auth/jwks.json", answers=KeySet)
def key_set() -> KeySet:
    """The keys that access tokens are signed with in this region (RFC 7517)."""
    return KeySet(**tokens().key_set())


@api.get("/v1/me", answers=Me, needs=Permission.READ, errors=(UserNotFound,))
def me(actor: Actor) -> Me:
    """Who I am, and what my organisation's plan allows."""
    return Me.of(members(actor).me(), actor.tenant)


@api.post(
    "/v1/users",
    answers=UserView,
    status=201,
    needs=Permission.MANAGE_USERS,
    errors=(EmailTaken, QuotaExceeded, Invalid, InvalidName, IdempotencyKeyReused, MailNotSent),
    headers=("Idempotency-Key",),
)
def invite_user(actor: Actor, body: NewUser, request: Request) -> Reply:
    """Invite somebody by mail. Repeated with the same key, it sends another mail while none is accepted."""
    key = request.idempotency_key
    user = members(actor).invite(body.email, body.role, body.name, idempotency_key=key)
    return Reply(UserView.of(user), {"Location": f"/v1/users/{user.id}"})


@api.get("/v1/users", answers=UserPage, needs=Permission.READ, errors=(InvalidCursor,))
def list_users(actor: Actor, query: UserListing) -> UserPage:
    """The members of the organisation, in order of invitation."""
    users, following = members(actor).list(limit=query.limit, cursor=query.cursor)
    return UserPage(items=[UserView.of(user) for user in users], next_cursor=following or None)


@api.get("/v1/users/{user_id}", answers=UserView, needs=Permission.READ, errors=(UserNotFound,))
def read_user(actor: Actor, user_id: str) -> UserView:
    """A member of the organisation."""
    return UserView.of(members(actor).read(user_id))


@api.post(
    "/v1/users/{user_id}/invitation",
    answers=UserView,
    needs=Permission.MANAGE_USERS,
    errors=(UserNotFound, Conflict, MailNotSent),
)
def invite_again(actor: Actor, user_id: str) -> UserView:
    """Send another invitation to somebody who has not accepted yet."""
    return UserView.of(members(actor).invite_again(user_id))


@api.get("/v1/sessions", answers=SessionList, needs=Permission.READ)
def list_sessions(actor: Actor) -> SessionList:
    """Where I am logged in, the newest first."""
    return SessionList(items=[SessionView.of(each, actor.session_id) for each in own_sessions(actor).list()])


@api.delete("/v1/sessions/{session_id}", status=204, needs=Permission.READ, errors=(SessionNotFound,))
def revoke_session(actor: Actor, session_id: str) -> None:
    """End one of my sessions. Its tokens stop working within a minute."""
    own_sessions(actor).revoke(session_id)


handler = api.handler
