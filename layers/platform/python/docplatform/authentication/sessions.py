"""Sign-in with a password or an invitation, and the sessions of users: refresh, sign-out, list, revocation."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from docplatform.authentication.errors import MfaEnrolmentRequired, MfaRequired
from docplatform.authentication.passwords import check_new_password
from docplatform.authentication.sign_in import IssuedTokens, SignIn, new_secret
from docplatform.core.actor import Actor
from docplatform.core.audit import UNKNOWN_USER, Action, AuditFacts, record_of
from docplatform.core.errors import AddressRefused, InvalidCursor, InvalidName, TooManyAttempts, raises
from docplatform.core.token_hash import digest
from docplatform.identity.errors import (
    InvalidCredentials,
    InvalidInvitation,
    InvalidRefreshToken,
    SessionNotFound,
    WeakPassword,
)
from docplatform.identity.factors import Method
from docplatform.identity.last_admin import is_admin
from docplatform.identity.model import Session, UserStatus, alive, clean_display_name
from docplatform.identity.open_sessions import open_sessions
from docplatform.identity.ports import People
from docplatform.sso.errors import SsoRequired


class SessionService(SignIn):
    @raises(InvalidCredentials, TooManyAttempts, MfaRequired, MfaEnrolmentRequired, SsoRequired, AddressRefused)
    def log_in(self, email: str, password: str) -> IssuedTokens:
        """Sign in with a password. For every wrong input the answer and its time are the same. A locked account is
        refused even with the right password. If a second factor is due, the error carries the challenge for the next
        step."""
        self._gate.check()
        attempt = self._admit(email)
        login = self._login_of(email)
        user, hashed = (login.user, login.password) if login else (None, "")
        right = self._passwords.fits(password, hashed)
        admitted = right and user is not None and user.status is UserStatus.ACTIVE and self._gate.admits(user)
        if login is None or user is None or not admitted:
            self._refuse(attempt, Action.LOGIN_FAILED, user.id if user else UNKNOWN_USER)
            raise InvalidCredentials("Check both, or ask an admin of your organisation for a new invitation.")
        rehashed = self._passwords.hash(password) if self._passwords.outdated(hashed) else ""
        with self._people.begin() as changes:
            changes.expect_password(user.id, hashed, rehashed)
            due = self._mfa_due(changes, login)
            if due is None:
                attempt.passed(changes)
                refused = InvalidCredentials("The account was changed a moment ago.")
                issued = self._open_session(changes, login, Action.LOGIN_SUCCEEDED, (Method.PASSWORD,), refused=refused)
            else:
                changes.record(self._audit_record(user.id, "", Action.PASSWORD_ACCEPTED))
        if due is not None:
            attempt.release()
            raise due
        self._notify_of_new_device(login)
        return issued

    @raises(InvalidInvitation, InvalidName, WeakPassword, MfaEnrolmentRequired, SsoRequired, AddressRefused)
    def accept_invitation(self, token: str, name: str, password: str) -> IssuedTokens:
        """Set the first password and sign in."""
        self._gate.check_first_password()
        invitation = self._people.invitation(digest(token))
        if invitation is None or invitation.expires_at <= self._now():
            raise InvalidInvitation("It is unknown, used or too old. Ask an admin of your organisation for another.")
        login = self._people.login(invitation.user_id)
        if login is None or login.user.status is not UserStatus.INVITED:
            raise InvalidInvitation("It has been used. Log in, or ask for another.")
        sender = login.user.invited_by
        if sender and not is_admin(self._people.user(sender)):
            raise InvalidInvitation(
                "Who sent it may not invite any more. Ask an admin of your organisation for another."
            )
        name = clean_display_name(name)
        check_new_password(self._passwords, password, email=login.user.email)
        hashed = self._passwords.hash(password)
        login = replace(login, user=replace(login.user, name=name, status=UserStatus.ACTIVE))
        with self._people.begin() as changes:
            changes.accept(invitation, login.user, name=name, password=hashed)
            if sender:
                changes.keep_sender(sender)
            due = self._mfa_due(changes, login)
            if due is None:
                return self._open_session(changes, login, Action.INVITATION_ACCEPTED, (Method.PASSWORD,))
            changes.record(self._audit_record(login.user.id, "", Action.INVITATION_ACCEPTED))
        raise due

    @raises(InvalidRefreshToken, AddressRefused)
    def refresh(self, token: str) -> IssuedTokens:
        """Exchange a refresh token for a new pair of tokens. The old refresh token becomes invalid; if it is presented
        again, also at the same moment, the session ends (RFC 9700 §4.14.2)."""
        shown, family = self._session_of(token)
        session, user, settings = self._people.bearer(shown.id, shown.user_id)
        if session is None or user is None or not alive(session, user, self._now()):
            raise InvalidRefreshToken("Log in again.")
        self._check_address(user, session.id, settings)
        session = replace(
            session, secret_hash=shown.secret_hash
        )  # if it was exchanged meanwhile, the change is refused
        secret, at = new_secret(family), self._now()
        after = session.renewed(digest(secret), at, settings)
        try:
            with self._people.begin() as changes:
                changes.renew_session(session, after)
                changes.record(self._audit_record(user.id, session.id, Action.SESSION_REFRESHED))
                # signed before the exchange is stored: if signing failed later, the caller would have only a used token
                return self._issued(after, user, settings, f"{session.id}.{secret}")
        except InvalidRefreshToken:  # somebody else has exchanged the same token at the same moment
            if self._people.session(session.id):
                self._end_reused(session)
            raise

    @raises(InvalidRefreshToken)
    def log_out(self, token: str) -> None:
        """End the session."""
        session, _ = self._session_of(token)
        with self._people.begin() as changes:
            changes.close_session(session.id)
            changes.record(self._audit_record(session.user_id, session.id, Action.SESSION_REVOKED))

    def _session_of(self, token: str) -> tuple[Session, str]:
        """The session of this refresh token, and the token's family. A token that was exchanged before ends its
        session. Raises InvalidRefreshToken."""
        session_id, _, secret = token.partition(".")
        session = self._people.session(session_id) if secret else None
        if session is None or session.expires_at <= self._now():
            raise InvalidRefreshToken("Log in again.")
        family = secret.partition(".")[0]
        if not hmac.compare_digest(session.secret_hash, digest(secret)):
            if hmac.compare_digest(session.family_hash, digest(family)):
                self._end_reused(session)
            raise InvalidRefreshToken("Log in again.")
        return session, family

    def _end_reused(self, session: Session) -> None:
        """End a session whose refresh token was presented twice: one of the two senders has stolen it."""
        with self._people.begin() as changes:
            changes.close_session(session.id)
            changes.record(self._audit_record(session.user_id, session.id, Action.REFRESH_TOKEN_REUSED))


class OwnSessions:
    """A user's own sessions."""

    def __init__(self, actor: Actor, people: People, now: Callable[[], datetime]) -> None:
        self._actor, self._people, self._now = actor, people, now

    @raises(InvalidCursor)
    def list(self, *, limit: int, cursor: str) -> tuple[tuple[Session, ...], str]:
        """Sessions that are open, the newest first, and the cursor of the next page."""
        user = self._people.user(self._actor.user_id)
        return open_sessions(self._people, user, self._now(), limit=limit, cursor=cursor) if user else ((), "")

    @raises(SessionNotFound)
    def revoke(self, session_id: str) -> None:
        """End one of the user's sessions. Its tokens stop working everywhere within half a minute."""
        session = self._people.session(session_id)
        if session is None or session.user_id != self._actor.user_id:
            raise SessionNotFound("Look at the list of your sessions.")
        with self._people.begin() as changes:
            changes.close_session(session_id)
            facts: AuditFacts = {"session": session_id}
            changes.record(record_of(self._actor, Action.SESSION_REVOKED, session.user_id, self._now(), facts))

    @raises(SessionNotFound)
    def revoke_others(self) -> None:
        """End all sessions of the user except the current one. It is one count and one mark of time, so that no number of
        sessions and no late index lets one stay."""
        actor, at = self._actor, self._now()
        session, user, _ = self._people.bearer(actor.session_id, actor.user_id)
        if user is None or not alive(session, user, at):
            raise SessionNotFound("Log in again.")
        with self._people.begin() as changes:
            changes.end_sessions(actor.user_id, at, as_read=user, error=SessionNotFound("Log in again."))
            changes.keep_session(actor.session_id, at, user)
            changes.record(record_of(actor, Action.SESSIONS_REVOKED, actor.user_id, at))
