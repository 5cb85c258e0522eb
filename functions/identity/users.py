"""HTTP routes for the members of an organisation and the administration of their accounts: parse, delegate,
present."""

from datetime import timedelta

from docplatform.authentication.wiring.recent_login import require_recent_login, require_recent_login_of_session
from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.audit import Action
from docplatform.directory.provisioning import DirectoryService
from docplatform.directory.wiring.provisioning import users
from docplatform.http.consequence import Consequence
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Listing, Page, Response
from docplatform.identity.account_admin import AccountService
from docplatform.identity.members import MemberService
from docplatform.identity.wiring.admin import accounts, members

from .schemas import NewUser, SecurityChange, SecurityView, SessionView, UserChange, UserView

api = Router()


def _makes_an_admin(body: NewUser) -> bool:
    return body.role is Role.ADMIN


def _gives_power(body: UserChange) -> bool:
    """Whether the change makes an admin. The account that gets its access back may be one of an admin."""
    return body.role is Role.ADMIN or body.disabled is False


@api.post(
    "/v1/users",
    response=UserView,
    status=201,
    permission=Permission.MANAGE_USERS,
    use_case=MemberService.invite,
    headers=("Idempotency-Key",),
    api_keys_allowed=True,
    step_up=require_recent_login,
    consequence=Consequence.LASTING,
    critical_if=_makes_an_admin,
)
def invite_user(actor: Actor, body: NewUser, request: Request) -> Response:
    """Invite somebody by mail. Repeated with the same key, it sends another mail while none is accepted.

    An admin is invited by a person who has shown the password again, never by an API key."""
    key = request.idempotency_key
    user = members(actor).invite(body.email, body.role, body.name, idempotency_key=key)
    return Response(UserView.model_validate(user), {"Location": f"/v1/users/{user.id}"})


@api.get(
    "/v1/users", response=Page[UserView], permission=Permission.READ, use_case=MemberService.list, api_keys_allowed=True
)
def list_users(actor: Actor, query: Listing) -> Page[UserView]:
    """The members of the organisation, in order of invitation."""
    users, following = members(actor).list(limit=query.limit, cursor=query.cursor)
    return Page[UserView].of(users, following)


@api.get(
    "/v1/users/{user_id}",
    response=UserView,
    permission=Permission.READ,
    use_case=MemberService.read,
    api_keys_allowed=True,
    audit_action=Action.USER_READ,
)
def read_user(actor: Actor, user_id: str) -> UserView:
    """A member of the organisation."""
    return UserView.model_validate(members(actor).read(user_id))


@api.post(
    "/v1/users/{user_id}/invitation",
    response=UserView,
    permission=Permission.MANAGE_USERS,
    use_case=MemberService.invite_again,
    api_keys_allowed=True,
    step_up=require_recent_login_of_session,
    consequence=Consequence.CRITICAL,
)
def invite_again(actor: Actor, user_id: str) -> UserView:
    """Send another invitation to somebody who has not accepted yet. An API key sends none to an admin."""
    return UserView.model_validate(members(actor).invite_again(user_id))


@api.patch(
    "/v1/users/{user_id}",
    response=UserView,
    permission=Permission.MANAGE_USERS,
    use_case=AccountService.change,
    step_up=require_recent_login,
    consequence=Consequence.LASTING,
    critical_if=_gives_power,
)
def change_user(actor: Actor, user_id: str, body: UserChange) -> UserView:
    """Give somebody another role, or take their access away and give it back. One admin always stays."""
    return UserView.model_validate(accounts(actor).change(user_id, role=body.role, disabled=body.disabled))


@api.post(
    "/v1/users/{user_id}/email/confirm",
    response=UserView,
    permission=Permission.MANAGE_USERS,
    use_case=AccountService.confirm_email,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def confirm_email(actor: Actor, user_id: str) -> UserView:
    """Confirm somebody's address that was changed less than a day ago: a password reset goes to it at once."""
    return UserView.model_validate(accounts(actor).confirm_email(user_id))


@api.delete(
    "/v1/users/{user_id}",
    status=204,
    permission=Permission.MANAGE_USERS,
    use_case=DirectoryService.remove,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def delete_user(actor: Actor, user_id: str) -> None:
    """Delete an account. What its person has stored stays."""
    users(actor).remove(user_id)


@api.get(
    "/v1/users/{user_id}/sessions",
    response=Page[SessionView],
    permission=Permission.MANAGE_USERS,
    use_case=AccountService.sessions_of,
)
def list_sessions_of_user(actor: Actor, user_id: str, query: Listing) -> Page[SessionView]:
    """Where somebody is logged in, the newest first."""
    found, following = accounts(actor).sessions_of(user_id, limit=query.limit, cursor=query.cursor)
    return Page[SessionView].of([SessionView.of(each, actor.session_id) for each in found], following)


@api.delete(
    "/v1/users/{user_id}/sessions",
    status=204,
    permission=Permission.MANAGE_USERS,
    use_case=AccountService.revoke_all,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def revoke_sessions_of_user(actor: Actor, user_id: str) -> None:
    """Log somebody out everywhere. Tokens stop working within half a minute."""
    accounts(actor).revoke_all(user_id)


@api.delete(
    "/v1/users/{user_id}/sessions/{session_id}",
    status=204,
    permission=Permission.MANAGE_USERS,
    use_case=AccountService.revoke,
    consequence=Consequence.LASTING,
)
def revoke_session_of_user(actor: Actor, user_id: str, session_id: str) -> None:
    """End one of somebody's sessions."""
    accounts(actor).revoke(user_id, session_id)


@api.delete(
    "/v1/users/{user_id}/mfa",
    status=204,
    permission=Permission.MANAGE_USERS,
    use_case=AccountService.reset_mfa,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def reset_mfa(actor: Actor, user_id: str) -> None:
    """Remove somebody's second factors, for one that was lost. They are logged out everywhere, and told by mail."""
    accounts(actor).reset_mfa(user_id)


@api.get(
    "/v1/security-settings",
    response=SecurityView,
    permission=Permission.MANAGE_USERS,
    use_case=AccountService.settings,
    audit_action=Action.SECURITY_SETTINGS_READ,
)
def read_security_settings(actor: Actor) -> SecurityView:
    """What the organisation asks of its members."""
    return SecurityView.of(accounts(actor).settings())


@api.put(
    "/v1/security-settings",
    response=SecurityView,
    permission=Permission.MANAGE_USERS,
    use_case=AccountService.set_security,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def change_security_settings(actor: Actor, body: SecurityChange, request: Request) -> SecurityView:
    """Set them. ``require_mfa`` holds from everybody's next log-in on: who has no second factor must set one up then.

    Shorter sessions and other addresses hold at once: what exceeds them ends. Your own address must be in the ranges."""
    idle, life = body.session_idle_minutes, body.session_life_minutes
    settings = accounts(actor).set_security(
        request.address,
        require_mfa=body.require_mfa,
        idle=None if idle is None else timedelta(minutes=idle),
        life=None if life is None else timedelta(minutes=life),
        address_ranges=body.address_ranges,
    )
    return SecurityView.of(settings)
