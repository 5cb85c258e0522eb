"""Log in, stay logged in, log out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from docplatform.domain import ids
from docplatform.domain.audit import Action, AuditRecord, Facts, record_of
from docplatform.domain.errors import (
    Invalid,
    InvalidCredentials,
    InvalidInvitation,
    InvalidRefreshToken,
    SessionNotFound,
)
from docplatform.domain.identity import (
    Actor,
    Session,
    User,
    UserStatus,
    check_password,
    clean_display_name,
    clean_email,
)
from docplatform.domain.tenants import Tenant
from docplatform.services.identity_ports import Gate, OpenGate, Passwords, People, PeopleWork, TokenIssuer

IDLE_LIFE = timedelta(days=30)
NOBODY = "unknown"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is at the door: no user yet. ``address`` and ``agent`` are of the connection."""

    tenant: Tenant
    request_id: str
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Entry:
    """``refresh_token`` is ``<session>.<secret>``, and the secret ``<family>.<fresh>``: the family stays for the session's life, so that
    any earlier secret is known for what it is. Only hashes are kept."""

    access_token: str
    refresh_token: str


class SessionService:
    def __init__(
        self,
        visitor: Visitor,
        people: People,
        passwords: Passwords,
        tokens: TokenIssuer,
        now: Callable[[], datetime],
        gate: Gate | None = None,
    ) -> None:
        self._visitor, self._people, self._passwords = visitor, people, passwords
        self._tokens, self._now, self._gate = tokens, now, gate or OpenGate()

    def log_in(self, email: str, password: str) -> Entry:
        """Raises InvalidCredentials: one answer, in one time, for every reason; SsoRequired."""
        self._gate.check()
        try:
            found = self._people.login_of(clean_email(email))
        except Invalid:
            found = None
        user, hashed = found or (None, "")
        right = self._passwords.fits(password, hashed)
        if user is None or not right or user.status is not UserStatus.ACTIVE or not self._gate.admits(user):
            self._refuse(Action.LOGIN_FAILED, user.id if user else NOBODY)
            raise InvalidCredentials("Check both, or ask an admin of your organisation for a new invitation.")
        with self._people.begin() as work:
            if self._passwords.outdated(hashed):
                work.set_password(user.id, self._passwords.hash(password))
            return self._open(work, user, Action.LOGIN_SUCCEEDED)

    def accept_invitation(self, token: str, name: str, password: str) -> Entry:
        """Set the first password and log in. Raises InvalidInvitation, InvalidName, WeakPassword, SsoRequired."""
        self._gate.no_newcomers()
        invitation = self._people.invitation(digest(token))
        if invitation is None or invitation.expires_at <= self._now():
            raise InvalidInvitation("It is unknown, used or too old. Ask an admin of your organisation for another.")
        user = self._people.user(invitation.user_id)
        if user is None or user.status is not UserStatus.INVITED:
            raise InvalidInvitation("It has been used. Log in, or ask for another.")
        name = clean_display_name(name)
        check_password(password, email=user.email)
        hashed = self._passwords.hash(password)
        with self._people.begin() as work:
            work.accept(invitation, name=name, password=hashed)
            return self._open(work, replace(user, name=name, status=UserStatus.ACTIVE), Action.INVITATION_ACCEPTED)

    def enter(self, work: PeopleWork, user: User, action: Action) -> Entry:
        """A session for somebody who is known by other means than a password."""
        return self._open(work, user, action)

    def refresh(self, token: str) -> Entry:
        """A new pair for the old; the old one is worthless from then on, and ends the session whenever it is shown again
        (RFC 9700 §4.14.2). Raises InvalidRefreshToken."""
        session, family = self._held(token)
        user = self._people.user(session.user_id)
        if user is None or user.status is not UserStatus.ACTIVE:
            raise InvalidRefreshToken("Log in again.")
        secret, at = _secret(family), self._now()
        after = replace(session, secret_hash=digest(secret), used_at=at, expires_at=at + IDLE_LIFE)
        with self._people.begin() as work:
            work.renew_session(session, after)
            work.record(self._about(user.id, session.id, Action.SESSION_REFRESHED))
            # signed before the exchange is stored: had signing failed after it, the caller would be left with a used token
            return Entry(self._tokens.access_token(after, user, at), f"{session.id}.{secret}")

    def log_out(self, token: str) -> None:
        """Ends the session. Raises InvalidRefreshToken."""
        session, _ = self._held(token)
        with self._people.begin() as work:
            work.close_session(session.id)
            work.record(self._about(session.user_id, session.id, Action.SESSION_REVOKED))

    def _held(self, token: str) -> tuple[Session, str]:
        """The session whose secret in force this is, and the secret's family. Raises InvalidRefreshToken."""
        session_id, _, secret = token.partition(".")
        session = self._people.session(session_id) if secret else None
        if session is None or session.expires_at <= self._now():
            raise InvalidRefreshToken("Log in again.")
        family = secret.partition(".")[0]
        if not hmac.compare_digest(session.secret_hash, digest(secret)):
            if hmac.compare_digest(session.family_hash, digest(family)):
                with self._people.begin() as work:
                    work.close_session(session.id)
                    work.record(self._about(session.user_id, session.id, Action.REFRESH_TOKEN_REUSED))
            raise InvalidRefreshToken("Log in again.")
        return session, family

    def _open(self, work: PeopleWork, user: User, action: Action) -> Entry:
        family, at = secrets.token_urlsafe(16), self._now()
        secret = _secret(family)
        session = Session(
            id=ids.new(ids.SESSION, at),
            user_id=user.id,
            secret_hash=digest(secret),
            family_hash=digest(family),
            created_at=at,
            used_at=at,
            expires_at=at + IDLE_LIFE,
            address=self._visitor.address,
            agent=self._visitor.agent,
        )
        work.open_session(session)
        work.record(self._about(user.id, session.id, action))
        return Entry(self._tokens.access_token(session, user, at), f"{session.id}.{secret}")

    def _refuse(self, action: Action, target: str) -> None:
        self._people.record(self._about(target, "", action))

    def _about(self, user_id: str, session_id: str, action: Action) -> AuditRecord:
        visitor = self._visitor
        return record_of(
            _Visiting(visitor.tenant, user_id, session_id, visitor.request_id), action, user_id, self._now()
        )


@dataclass(frozen=True, slots=True)
class _Visiting:
    tenant: Tenant
    user_id: str
    session_id: str
    request_id: str


class OwnSessions:
    """A user's look at the sessions that are open."""

    def __init__(self, actor: Actor, people: People, now: Callable[[], datetime]) -> None:
        self._actor, self._people, self._now = actor, people, now

    def list(self) -> tuple[Session, ...]:
        at = self._now()
        return tuple(each for each in self._people.sessions_of(self._actor.user_id) if each.expires_at > at)

    def revoke(self, session_id: str) -> None:
        """It stops working within a minute everywhere. Raises SessionNotFound."""
        session = self._people.session(session_id)
        if session is None or session.user_id != self._actor.user_id:
            raise SessionNotFound("Look at the list of your sessions.")
        with self._people.begin() as work:
            work.close_session(session_id)
            facts: Facts = {"session": session_id}
            work.record(record_of(self._actor, Action.SESSION_REVOKED, session.user_id, self._now(), facts))


def _secret(family: str) -> str:
    return f"{family}.{secrets.token_urlsafe(32)}"


def digest(secret: str) -> str:
    """Of a random secret; unlike a password it needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
