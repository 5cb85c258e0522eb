"""Administration of user accounts: role, access, sessions, second factors; and the tenant's security settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import ChangedMeanwhile, Conflict, Forbidden, Invalid, InvalidCursor, MailNotSent, raises
from docplatform.identity.errors import InvalidCode, LastAdmin, OwnAddressMissing, SessionNotFound, UserNotFound
from docplatform.identity.factors import Factors
from docplatform.identity.last_admin import all_users, other_admin
from docplatform.identity.model import Session, User, UserKind, UserStatus
from docplatform.identity.open_sessions import open_sessions
from docplatform.identity.ports import AccountMail, People, UserChanges
from docplatform.identity.security_settings import SecuritySettings, check_limits, clean_ranges, is_within


class AccountService:
    def __init__(self, actor: Actor, people: People, mail: AccountMail, home: str, now: Callable[[], datetime]) -> None:
        """``home``: the tenant's address, for links in mails."""
        self._actor, self._people, self._mail = actor, people, mail
        self._home, self._now = home, now

    @raises(UserNotFound, Forbidden, Conflict, LastAdmin, ChangedMeanwhile)
    def change(self, user_id: str, *, role: Role | None = None, disabled: bool | None = None) -> User:
        """Change a user's role, or disable or enable the user. Disabling ends all sessions and API keys
        of the user for ever. A user with an open invitation can be neither disabled nor enabled (Conflict), and a
        retired service account cannot be enabled."""
        user, at = self._user(user_id), self._now()
        role, status = role or user.role, user.status
        if disabled is not None:
            if status is UserStatus.INVITED:
                raise Conflict("Who has not accepted yet has no access; delete the invitation instead.")
            if user.kind is UserKind.SERVICE and not disabled and status is UserStatus.DISABLED:
                raise Conflict("A service account that was retired does not return; make another.")
            status = UserStatus.DISABLED if disabled else UserStatus.ACTIVE
        if (role, status) == (user.role, user.status):
            self._actor.require(Permission.READ)  # an answer to a change that changes nothing is a read
            self._people.record(record_of(self._actor, Action.USER_READ, user_id, at))
            return user
        with self._people.begin() as changes:
            if role is not Role.ADMIN or status is not UserStatus.ACTIVE:
                self._keep_an_admin(changes, user)
            ended = at if status is UserStatus.DISABLED else None
            changes.change_user(user, role=role, status=status, sessions_since=ended)
            if role is not user.role:
                facts: AuditFacts = {"from": user.role.value, "to": role.value}
                changes.record(record_of(self._actor, Action.ROLE_CHANGED, user_id, at, facts))
            if status is not user.status:
                action = Action.USER_DISABLED if status is UserStatus.DISABLED else Action.USER_ENABLED
                changes.record(record_of(self._actor, action, user_id, at))
        return self._user(user_id)

    @raises(UserNotFound, InvalidCursor)
    def sessions_of(self, user_id: str, *, limit: int, cursor: str) -> tuple[tuple[Session, ...], str]:
        """Sessions that are open, the newest first, and the cursor of the next page."""
        user, at = self._user(user_id), self._now()
        found, following = open_sessions(self._people, user, at, limit=limit, cursor=cursor)
        self._people.record(record_of(self._actor, Action.SESSIONS_LISTED, user_id, at, {"shown": len(found)}))
        return found, following

    @raises(SessionNotFound)
    def revoke(self, user_id: str, session_id: str) -> None:
        session = self._people.session(session_id)
        if session is None or session.user_id != user_id:
            raise SessionNotFound("Look at the list of the user's sessions.")
        with self._people.begin() as changes:
            changes.close_session(session_id)
            facts: AuditFacts = {"session": session_id}
            changes.record(record_of(self._actor, Action.SESSION_REVOKED, user_id, self._now(), facts))

    @raises(UserNotFound)
    def revoke_all(self, user_id: str) -> None:
        """End every session of the user that is open now."""
        at = self._now()
        self._user(user_id)
        with self._people.begin() as changes:
            changes.end_sessions(user_id, at)
            changes.record(record_of(self._actor, Action.SESSIONS_REVOKED, user_id, at))

    @raises(UserNotFound, InvalidCode, MailNotSent)
    def reset_mfa(self, user_id: str) -> None:
        """Remove all second factors, end all sessions and notify the user by mail. When the mail fails, MailNotSent is
        raised and the removal stays."""
        at, login = self._now(), self._people.login(user_id)
        if login is None:
            raise UserNotFound("Look at the list of users.")
        with self._people.begin() as changes:
            changes.keep_factors(user_id, login.factors, Factors())
            changes.end_sessions(user_id, at)
            changes.record(record_of(self._actor, Action.MFA_RESET, user_id, at))
        try:
            self._mail.second_factor_reset(login.user.email, organisation=self._actor.tenant.name, address=self._home)
        except MailNotSent as error:
            raise MailNotSent("The second factors are removed all the same; tell the user.") from error

    @raises(UserNotFound, Conflict, ChangedMeanwhile)
    def confirm_email(self, user_id: str) -> User:
        """Confirm an address that was changed, so that a password reset goes to it at once. Conflict if nothing waits
        for that."""
        user, at = self._user(user_id), self._now()
        if user.is_recovered_by_mail(at):
            raise Conflict("The address waits for nothing.")
        with self._people.begin() as changes:
            changes.confirm_email(user)
            changes.record(record_of(self._actor, Action.EMAIL_CONFIRMED, user_id, at))
        return replace(user, email_changed_at=None)

    # -- the tenant
    @raises()
    def settings(self) -> SecuritySettings:
        return self._people.security_settings()

    @raises(Invalid, OwnAddressMissing, ChangedMeanwhile)
    def set_security(
        self,
        address: str,
        *,
        require_mfa: bool,
        idle: timedelta | None = None,
        life: timedelta | None = None,
        address_ranges: Iterable[str] | None = None,
    ) -> SecuritySettings:
        """Store the settings; None leaves one as it is. ``address``: the IP address of the admin, which must be in the
        ranges. ``require_mfa`` applies to every user from the next sign-in on, everything else from the next request
        on."""
        before, at = self._people.security_settings(), self._now()
        idle, life = before.idle if idle is None else idle, before.life if life is None else life
        check_limits(idle, life)
        ranges = before.address_ranges if address_ranges is None else clean_ranges(address_ranges)
        if not is_within(address, ranges):
            raise OwnAddressMissing(f"Your own address, {address or 'unknown'}, is in none of the ranges; add it.")
        seconds = int(idle.total_seconds()), int(life.total_seconds())
        after = before.changed_to(SecuritySettings(require_mfa, *seconds, ranges), at)
        with self._people.begin() as changes:
            changes.set_security(before, after)
            facts: AuditFacts = {
                "require_mfa": require_mfa,
                "session_idle": after.session_idle,
                "session_life": after.session_life,
                "address_ranges": list(ranges),
            }
            changes.record(record_of(self._actor, Action.SECURITY_SETTINGS_CHANGED, "security-settings", at, facts))
        return after

    def _user(self, user_id: str) -> User:
        user = self._people.user(user_id)
        if user is None:
            raise UserNotFound("Look at the list of users.")
        return user

    def _keep_an_admin(self, changes: UserChanges, user: User) -> None:
        """Require that another admin remains. Raises LastAdmin, now or when the changes are committed."""
        held = other_admin(user, all_users(self._people))
        if held:
            changes.keep_admin(held)
