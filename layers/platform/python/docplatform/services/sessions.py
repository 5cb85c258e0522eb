"""Log in, stay logged in, log out."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from docplatform.domain import ids
from docplatform.domain.audit import Action, AuditRecord, Facts, record_of
from docplatform.domain.errors import (
    ChangedMeanwhile,
    Invalid,
    InvalidChallenge,
    InvalidCode,
    InvalidCredentials,
    InvalidInvitation,
    InvalidRefreshToken,
    MailNotSent,
    MfaEnrolmentRequired,
    MfaRequired,
    SessionNotFound,
    TooManyAttempts,
)
from docplatform.domain.factors import (
    CHALLENGE_LIFE,
    Challenge,
    Errand,
    Method,
    new_recovery_codes,
    recovery_hash,
)
from docplatform.domain.identity import (
    Actor,
    Login,
    Session,
    User,
    UserStatus,
    alive,
    clean_display_name,
    clean_email,
)
from docplatform.domain.tenants import Tenant
from docplatform.services.challenges import digest, held, new_challenge
from docplatform.services.credential_ports import CredentialMail
from docplatform.services.identity_ports import Passwords, People, PeopleWork, TokenIssuer
from docplatform.services.lockout import Attempt, Lockout
from docplatform.services.passwords import check_new_password
from docplatform.services.proofs import Proofs, Shown, with_passkey
from docplatform.services.visiting import NOBODY, Visiting

IDLE_LIFE = timedelta(days=30)
_MOST_DEVICES = 20
_AT_ONCE = 50  # sessions in a transaction


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
        lockout: Lockout,
        proofs: Proofs,
        mail: CredentialMail,
        home: str,
    ) -> None:
        """``home`` is the tenant's address, for links in mails."""
        self._visitor, self._people, self._passwords = visitor, people, passwords
        self._tokens, self._now, self._lockout, self._proofs = tokens, now, lockout, proofs
        self._mail, self._home = mail, home

    def log_in(self, email: str, password: str) -> Entry:
        """Raises InvalidCredentials: one answer, in one time, for every reason; TooManyAttempts, even for the right password; and when
        it is right but not enough MfaRequired or MfaEnrolmentRequired."""
        attempt = self._admit(email)
        login = self._login_of(email)
        user, hashed = (login.user, login.password) if login else (None, "")
        right = self._passwords.fits(password, hashed)
        if login is None or user is None or not right or user.status is not UserStatus.ACTIVE:
            self._refuse(attempt, Action.LOGIN_FAILED, user.id if user else NOBODY)
            raise InvalidCredentials("Check both, or ask an admin of your organisation for a new invitation.")
        anew = self._passwords.hash(password) if self._passwords.outdated(hashed) else ""
        with self._people.begin() as work:
            work.prove_password(user.id, hashed, anew)
            due = self._due(work, login)
            if due is None:
                attempt.passed(work)
                entry = self._enter(work, login, Action.LOGIN_SUCCEEDED, (Method.PASSWORD,))
            else:
                attempt.half_passed(work)
                work.record(self._about(user.id, "", Action.PASSWORD_ACCEPTED))
        if due is not None:
            raise due
        self._tell_of_device(login)
        return entry

    def show_factor(self, token: str, shown: Shown) -> Entry:
        """The second step: ``token`` is MfaRequired's challenge. Raises InvalidChallenge, InvalidCode, TooManyAttempts."""
        challenge = held(self._people, token, Errand.SECOND_FACTOR, self._now())
        login = self._challenged(challenge)
        user_id, attempt = login.user.id, self._admit(login.user.email)
        try:
            after, method = self._proofs.accept(user_id, login.factors, shown, token, self._now())
        except InvalidCode:
            self._refuse(attempt, Action.SECOND_FACTOR_REFUSED, user_id)
            raise
        with self._people.begin() as work:
            work.use(challenge)
            work.keep_factors(user_id, login.factors, after)
            attempt.passed(work)
            entry = self._enter(work, login, Action.LOGIN_SUCCEEDED, (Method.PASSWORD, method, Method.SEVERAL))
        self._tell_of_device(login)
        return entry

    def passkey_options(self, token: str) -> dict[str, Any]:
        """For a passkey as the second factor. Raises InvalidChallenge."""
        login = self._challenged(held(self._people, token, Errand.SECOND_FACTOR, self._now()))
        return self._proofs.passkeys.request(login.factors.passkeys, token)

    def enrol(self, token: str) -> tuple[str, str]:
        """A new one-time password's secret and URI, for who must have one to get in: ``token`` is MfaEnrolmentRequired's challenge.
        Raises InvalidChallenge."""
        login = self._challenged(held(self._people, token, Errand.ENROLMENT, self._now()))
        if login.factors.enrolled:
            raise InvalidChallenge("A second factor is set up. Log in again.")
        user, issuer = login.user, self._visitor.tenant.name
        after, secret, uri = self._proofs.new_totp(user.id, login.factors, user.email, issuer)
        with self._people.begin() as work:
            work.keep_factors(user.id, login.factors, after)
            work.record(self._about(user.id, "", Action.MFA_ENROLMENT_STARTED))
        return secret, uri

    def confirm_enrolment(self, token: str, code: str) -> tuple[Entry, tuple[str, ...]]:
        """Logged in, and the recovery codes. Raises InvalidChallenge, InvalidCode, TooManyAttempts."""
        challenge = held(self._people, token, Errand.ENROLMENT, self._now())
        login = self._challenged(challenge)
        if login.factors.enrolled:
            raise InvalidChallenge("A second factor is set up. Log in again.")
        user_id, attempt = login.user.id, self._admit(login.user.email)
        try:
            confirmed = self._proofs.confirm_totp(user_id, login.factors, code, self._now())
        except InvalidCode:
            self._refuse(attempt, Action.SECOND_FACTOR_REFUSED, user_id)
            raise
        codes = new_recovery_codes()
        after = replace(confirmed, recovery=frozenset(map(recovery_hash, codes)))
        methods = (Method.PASSWORD, Method.ONE_TIME_PASSWORD, Method.SEVERAL)
        with self._people.begin() as work:
            work.use(challenge)
            work.keep_factors(user_id, login.factors, after)
            attempt.passed(work)
            work.record(self._about(user_id, "", Action.MFA_ENROLLED))
            entry = self._enter(work, login, Action.LOGIN_SUCCEEDED, methods)
        return entry, codes

    def ask_for_passkey(self) -> tuple[str, dict[str, Any]]:
        """A challenge for a passkey that logs in by itself, and the options for the browser."""
        token, challenge = new_challenge(Errand.PASSKEY_LOGIN, "", self._now())
        with self._people.begin() as work:
            work.issue(challenge)
        return token, self._proofs.passkeys.request((), token)

    def log_in_with_passkey(self, token: str, credential: dict[str, Any]) -> Entry:
        """The challenge is used up whether the passkey is right or not. Raises InvalidChallenge, InvalidCode, TooManyAttempts."""
        challenge = held(self._people, token, Errand.PASSKEY_LOGIN, self._now())
        passkeys = self._proofs.passkeys
        login = self._people.login(passkeys.owner(credential))
        attempt = self._admit(login.user.email if login else f"passkey:{self._visitor.address}")
        user_id = login.user.id if login else NOBODY
        try:
            if login is None or login.user.status is not UserStatus.ACTIVE:
                raise InvalidCode("Log in another way.")
            used = passkeys.used(credential, token, login.factors.passkeys, self._now())
        except InvalidCode:
            with self._people.begin() as work:
                work.use(challenge)
            self._refuse(attempt, Action.LOGIN_FAILED, user_id)
            raise
        with self._people.begin() as work:
            work.use(challenge)
            work.keep_factors(user_id, login.factors, with_passkey(login.factors, used))
            attempt.passed(work)
            entry = self._enter(work, login, Action.LOGIN_SUCCEEDED, (Method.PASSKEY, Method.SEVERAL))
        self._tell_of_device(login)
        return entry

    def accept_invitation(self, token: str, name: str, password: str) -> Entry:
        """Set the first password and log in. Raises InvalidInvitation, InvalidName, WeakPassword, MfaEnrolmentRequired."""
        invitation = self._people.invitation(digest(token))
        if invitation is None or invitation.expires_at <= self._now():
            raise InvalidInvitation("It is unknown, used or too old. Ask an admin of your organisation for another.")
        login = self._people.login(invitation.user_id)
        if login is None or login.user.status is not UserStatus.INVITED:
            raise InvalidInvitation("It has been used. Log in, or ask for another.")
        name = clean_display_name(name)
        check_new_password(self._passwords, password, email=login.user.email)
        hashed = self._passwords.hash(password)
        login = replace(login, user=replace(login.user, name=name, status=UserStatus.ACTIVE))
        with self._people.begin() as work:
            work.accept(invitation, name=name, password=hashed)
            due = self._due(work, login)
            if due is None:
                return self._enter(work, login, Action.INVITATION_ACCEPTED, (Method.PASSWORD,))
            work.record(self._about(login.user.id, "", Action.INVITATION_ACCEPTED))
        raise due

    def refresh(self, token: str) -> Entry:
        """A new pair for the old; the old one is worthless from then on, and ends the session whenever it is shown again
        (RFC 9700 §4.14.2). Raises InvalidRefreshToken."""
        session, family = self._held(token)
        user = self._people.user(session.user_id)
        if user is None or not alive(session, user, self._now()):
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

    def _admit(self, account: str) -> Attempt:
        try:
            return self._lockout.admit(account)
        except TooManyAttempts:
            known = self._login_of(account)
            self._people.record(self._about(known.user.id if known else NOBODY, "", Action.LOGIN_THROTTLED))
            raise

    def _login_of(self, email: str) -> Login | None:
        try:
            return self._people.login_of(clean_email(email))
        except Invalid:
            return None

    def _challenged(self, challenge: Challenge) -> Login:
        """Whom the challenge was given to. Raises InvalidChallenge."""
        login = self._people.login(challenge.user_id)
        if login is None or login.user.status is not UserStatus.ACTIVE:
            raise InvalidChallenge("Begin again.")
        return login

    def _due(self, work: PeopleWork, login: Login) -> MfaRequired | MfaEnrolmentRequired | None:
        """What must follow the right password."""
        if login.factors.enrolled:
            token, challenge = new_challenge(Errand.SECOND_FACTOR, login.user.id, self._now())
            facts = {"challenge": token, "expires_in": int(CHALLENGE_LIFE.total_seconds())}
            work.issue(challenge)
            return MfaRequired("Send it to /v1/auth/mfa with the challenge.", methods=login.factors.methods, **facts)
        if login.require_mfa:
            token, challenge = new_challenge(Errand.ENROLMENT, login.user.id, self._now())
            facts = {"challenge": token, "expires_in": int(CHALLENGE_LIFE.total_seconds())}
            work.issue(challenge)
            return MfaEnrolmentRequired("Send the challenge to /v1/auth/mfa/enrolment.", **facts)
        return None

    def _enter(self, work: PeopleWork, login: Login, action: Action, methods: tuple[Method, ...]) -> Entry:
        device = digest(self._visitor.agent)
        if device not in login.devices:
            work.know_devices(login.user.id, (*login.devices, device)[-_MOST_DEVICES:])
        return self._open(work, login.user, action, methods)

    def _tell_of_device(self, login: Login) -> None:
        """Of the first log-in nobody needs to be told. A mail that cannot be sent keeps nobody out."""
        if not login.devices or digest(self._visitor.agent) in login.devices:
            return
        with suppress(MailNotSent):
            self._mail.new_device(
                login.user.email,
                organisation=self._visitor.tenant.name,
                address=self._home,
                agent=self._visitor.agent,
                at=self._now(),
            )

    def _open(self, work: PeopleWork, user: User, action: Action, methods: tuple[Method, ...]) -> Entry:
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
            auth_time=at,
            amr=tuple(method.value for method in methods),
        )
        work.open_session(session)
        work.record(self._about(user.id, session.id, action, {"methods": [method.value for method in methods]}))
        return Entry(self._tokens.access_token(session, user, at), f"{session.id}.{secret}")

    def _refuse(self, attempt: Attempt, action: Action, target: str) -> None:
        """On record with its count, and with the lock when the attempt has brought one."""
        try:
            with self._people.begin() as work:
                attempt.failed(work)
                work.record(self._about(target, "", action))
                if attempt.after.seconds:
                    work.record(self._about(target, "", Action.ACCOUNT_LOCKED, {"seconds": attempt.after.seconds}))
        except ChangedMeanwhile:  # a thousand at once: the account's own count stands already
            self._people.record(self._about(target, "", action))

    def _about(self, user_id: str, session_id: str, action: Action, facts: Facts | None = None) -> AuditRecord:
        visitor = self._visitor
        return record_of(
            Visiting(visitor.tenant, user_id, session_id, visitor.request_id), action, user_id, self._now(), facts
        )


class OwnSessions:
    """A user's look at the sessions that are open."""

    def __init__(self, actor: Actor, people: People, now: Callable[[], datetime]) -> None:
        self._actor, self._people, self._now = actor, people, now

    def list(self) -> tuple[Session, ...]:
        at, user = self._now(), self._people.user(self._actor.user_id)
        return tuple(each for each in self._people.sessions_of(self._actor.user_id) if alive(each, user, at))

    def revoke(self, session_id: str) -> None:
        """It stops working within a minute everywhere. Raises SessionNotFound."""
        session = self._people.session(session_id)
        if session is None or session.user_id != self._actor.user_id:
            raise SessionNotFound("Look at the list of your sessions.")
        with self._people.begin() as work:
            work.close_session(session_id)
            facts: Facts = {"session": session_id}
            work.record(record_of(self._actor, Action.SESSION_REVOKED, session.user_id, self._now(), facts))

    def revoke_others(self) -> None:
        """All but the one that asks."""
        others = [each for each in self.list() if each.id != self._actor.session_id]
        while others:
            some, others = others[:_AT_ONCE], others[_AT_ONCE:]
            with self._people.begin() as work:
                for session in some:
                    work.close_session(session.id)
                facts: Facts = {"sessions": len(some)}
                work.record(record_of(self._actor, Action.SESSIONS_REVOKED, self._actor.user_id, self._now(), facts))


def _secret(family: str) -> str:
    return f"{family}.{secrets.token_urlsafe(32)}"
