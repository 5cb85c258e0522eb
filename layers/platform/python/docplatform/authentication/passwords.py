"""Reset of a lost password, and change of the user's own password. The first password comes with the invitation
(``sessions.py``)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from docplatform.authentication.errors import ProofRefused
from docplatform.authentication.lockout import Lockout
from docplatform.authentication.ports import SignInMail
from docplatform.core.actor import Actor
from docplatform.core.audit import UNKNOWN_USER, Action, AuditFacts, AuditSubject, record_of
from docplatform.core.errors import Invalid, MailNotSent, TooManyAttempts, raises
from docplatform.core.tenant import Tenant
from docplatform.core.token_hash import digest
from docplatform.identity.errors import InvalidCredentials, InvalidReset, SessionNotFound, WeakPassword
from docplatform.identity.factors import Method
from docplatform.identity.model import Reset, UserStatus, alive, check_password, clean_email
from docplatform.identity.ports import PasswordPolicyGate, Passwords, People
from docplatform.sso.errors import SsoRequired

RESET_LIFE = timedelta(hours=1)
_BETWEEN_MAILS = timedelta(minutes=2)


def check_new_password(passwords: Passwords, password: str, *, email: str) -> None:
    """Check the rules for a password, and that it is not one of the most used. Raises WeakPassword."""
    check_password(password, email=email)
    if passwords.common(password):
        raise WeakPassword("Everybody tries that one first. Use a sentence of your own.")


class LostPassword:
    def __init__(
        self,
        tenant: Tenant,
        request_id: str,
        people: People,
        passwords: Passwords,
        mail: SignInMail,
        home: str,
        now: Callable[[], datetime],
        gate: PasswordPolicyGate,
    ) -> None:
        """``home``: the tenant's address, for links in mails."""
        self._tenant, self._request_id = tenant, request_id
        self._people, self._passwords, self._mail = people, passwords, mail
        self._home, self._now, self._gate = home, now, gate

    def send_link(self, email: str, asked_at: datetime) -> None:
        """Send a reset link to the user with that address, at most one in two minutes. No other address gets a mail. A
        request that was tried before, because its mail could not be sent, gets another link. Raises MailNotSent.

        A user who never had a password (created by provisioning or single sign-on) gets a link unless first passwords
        are forbidden."""
        at = self._now()
        try:
            login = self._people.login_of(clean_email(email))
        except Invalid:
            login = None
        first_allowed = self._first_password_allowed()
        if login is None or login.user.status is not UserStatus.ACTIVE or not (login.password or first_allowed):
            self._record(UNKNOWN_USER if login is None else login.user.id, Action.PASSWORD_RESET_REFUSED)
            return
        if not login.user.is_recovered_by_mail(at):
            self._record(login.user.id, Action.PASSWORD_RESET_REFUSED, {"reason": "the address was changed lately"})
            return
        earlier = self._people.reset(login.user.id)
        if earlier and earlier.asked_at != asked_at and asked_at - earlier.asked_at < _BETWEEN_MAILS:
            self._record(login.user.id, Action.PASSWORD_RESET_REFUSED)
            return
        secret = secrets.token_urlsafe(32)
        with self._people.begin() as changes:
            changes.store_reset(Reset(login.user.id, digest(secret), asked_at, at + RESET_LIFE))
            changes.record(record_of(self._subject(login.user.id), Action.PASSWORD_RESET_ASKED, login.user.id, at))
        self._mail.reset_password(
            login.user.email,
            organisation=self._tenant.name,
            address=self._home,
            token=f"{login.user.id}.{secret}",
            minutes=int(RESET_LIFE.total_seconds()) // 60,
        )

    def _first_password_allowed(self) -> bool:
        """Whether a first password may be set."""
        try:
            self._gate.check_first_password()
        except SsoRequired:
            return False
        return True

    @raises(InvalidReset, WeakPassword)
    def reset(self, token: str, password: str, *, end_api_keys: bool = False) -> None:
        """Set a new password with the token of the mail. Ends all sessions, and with ``end_api_keys`` the user's own API
        keys; second factors stay as they are. A mail tells the user, and how many API keys are left."""
        at = self._now()
        user_id, _, secret = token.partition(".")
        reset = self._people.reset(user_id)
        right = reset is not None and hmac.compare_digest(reset.token_hash, digest(secret))
        user = self._people.user(user_id) if right else None
        if reset is None or not right or reset.expires_at <= at or user is None:
            raise InvalidReset("It is unknown, used or too old. Ask for another.")
        ends = (user.sessions_since, user.email_changed_at)  # a link outlives neither all sessions nor its address
        if user.status is not UserStatus.ACTIVE or any(end and reset.asked_at <= end for end in ends):
            raise InvalidReset("It is unknown, used or too old. Ask for another.")
        check_new_password(self._passwords, password, email=user.email)
        hashed = self._passwords.hash(password)
        with self._people.begin() as changes:
            changes.use_reset(reset)
            changes.set_password(user_id, hashed)
            changes.end_sessions(user_id, at, api_keys=end_api_keys)
            changes.reset_attempts(user.email)
            facts: AuditFacts = {"api_keys_ended": end_api_keys}
            changes.record(record_of(self._subject(user_id), Action.PASSWORD_RESET, user_id, at, facts))
        with suppress(MailNotSent):  # the password is set all the same
            left = 0 if end_api_keys else self._people.count_api_keys(user, at)
            self._mail.password_reset(user.email, organisation=self._tenant.name, address=self._home, api_keys=left)

    def _subject(self, user_id: str) -> AuditSubject:
        return AuditSubject(self._tenant, user_id, "", self._request_id)

    def _record(self, user_id: str, action: Action, facts: AuditFacts | None = None) -> None:
        self._people.record(record_of(self._subject(user_id), action, user_id, self._now(), facts))


class OwnPassword:
    def __init__(
        self, actor: Actor, people: People, passwords: Passwords, lockout: Lockout, now: Callable[[], datetime]
    ) -> None:
        self._actor, self._people, self._passwords = actor, people, passwords
        self._lockout, self._now = lockout, now

    @raises(ProofRefused, TooManyAttempts, WeakPassword, SessionNotFound, InvalidCredentials)
    def change(self, old: str, new: str) -> None:
        """Change the user's own password. Ends the user's other sessions."""
        actor, at = self._actor, self._now()
        login = self._people.login(actor.user_id)
        if login is None or not login.password:
            raise ProofRefused("You have no password here.")
        user = login.user
        try:
            attempt = self._lockout.admit_session(actor.session_id)
        except TooManyAttempts:
            self._people.record(record_of(actor, Action.LOGIN_THROTTLED, user.id, at))
            raise
        if not self._passwords.fits(old, login.password):
            with self._people.begin() as changes:
                attempt.failed(changes)
                changes.record(record_of(actor, Action.STEP_UP_REFUSED, user.id, at))
            raise ProofRefused("The old password is another.")
        try:
            check_new_password(self._passwords, new, email=user.email)
        except WeakPassword:
            attempt.release()
            raise
        session = self._people.session(actor.session_id)
        if session is None or not alive(session, user, at):
            raise SessionNotFound("Log in again.")
        hashed = self._passwords.hash(new)
        methods = session.amr or (Method.PASSWORD.value,)
        with self._people.begin() as changes:
            attempt.passed(changes)
            changes.expect_password(user.id, login.password, hashed)
            changes.end_sessions(user.id, at, as_read=user, error=SessionNotFound("Log in again."))
            changes.authenticated_and_kept(actor.session_id, at, methods, user)
            changes.record(record_of(actor, Action.PASSWORD_CHANGED, user.id, at))
