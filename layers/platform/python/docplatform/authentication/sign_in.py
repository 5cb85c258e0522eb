"""Steps shared by all sign-in methods: throttling, new-device notice, opening the session."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from docplatform.authentication.challenges import new_challenge
from docplatform.authentication.errors import MfaEnrolmentRequired, MfaRequired
from docplatform.authentication.lockout import Lockout, SignInAttempt
from docplatform.authentication.ports import SignInMail
from docplatform.authentication.verification import FactorVerifier
from docplatform.core import ids
from docplatform.core.audit import UNKNOWN_USER, Action, AuditFacts, AuditRecord, AuditSubject, record_of
from docplatform.core.errors import AddressRefused, ChangedMeanwhile, DomainError, Invalid, MailNotSent, TooManyAttempts
from docplatform.core.tenant import Tenant
from docplatform.core.token_hash import digest
from docplatform.identity.devices import DeviceClaim, new_device
from docplatform.identity.factors import CHALLENGE_LIFE, ChallengePurpose, Method
from docplatform.identity.model import Login, Session, User, clean_email
from docplatform.identity.ports import PasswordPolicyGate, Passwords, People, TokenIssuer, UserChanges
from docplatform.identity.security_settings import TOKEN_LIFE, SecuritySettings

_MOST_DEVICES = 20


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Where a sign-in comes from, while no user is known. ``address``: IP address; ``agent``: user agent; ``device``:
    what its cookie claims."""

    tenant: Tenant
    request_id: str
    address: str
    agent: str
    device: DeviceClaim | None = None


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """``refresh_token`` is ``<session>.<secret>``, and the secret is ``<family>.<fresh>``. The family stays the same
    for the whole session: so an earlier secret is recognised when it is used again. Only hashes are stored.
    ``device``: the value of the cookie by which the browser is known the next time; '' if it keeps its own."""

    access_token: str
    refresh_token: str
    expires_in: int = int(TOKEN_LIFE.total_seconds())
    """Seconds that the access token is valid."""
    device: str = ""


class SignIn:
    def __init__(
        self,
        origin: RequestOrigin,
        people: People,
        passwords: Passwords,
        tokens: TokenIssuer,
        now: Callable[[], datetime],
        lockout: Lockout,
        verifier: FactorVerifier,
        mail: SignInMail,
        home: str,
        gate: PasswordPolicyGate,
    ) -> None:
        """``home``: the tenant's address, for links in mails. ``gate``: decides whether methods other than single
        sign-on may be used."""
        self._origin, self._people, self._passwords = origin, people, passwords
        self._tokens, self._now, self._lockout, self._verifier = tokens, now, lockout, verifier
        self._mail, self._home, self._gate = mail, home, gate

    def _admit(self, account: str, *, proven: bool = False) -> SignInAttempt:
        try:
            return self._lockout.admit(account, device=self._origin.device, proven=proven)
        except TooManyAttempts:
            known = self._login_of(account)
            self._people.record(
                self._audit_record(known.user.id if known else UNKNOWN_USER, "", Action.LOGIN_THROTTLED)
            )
            raise

    def _login_of(self, email: str) -> Login | None:
        try:
            return self._people.login_of(clean_email(email))
        except Invalid:
            return None

    def _mfa_due(
        self, changes: UserChanges, login: Login, first: Method = Method.PASSWORD
    ) -> MfaRequired | MfaEnrolmentRequired | None:
        """The error that asks for the next step after the method ``first``; None if no second factor is due."""
        if not (login.factors.enrolled or login.require_mfa):
            return None
        purpose = ChallengePurpose.SECOND_FACTOR if login.factors.enrolled else ChallengePurpose.ENROLMENT
        ends = login.user.session_ends
        token, challenge = new_challenge(purpose, login.user.id, self._now(), first, session_ends=ends)
        changes.issue(challenge)
        seconds = int(CHALLENGE_LIFE.total_seconds())
        if purpose is ChallengePurpose.ENROLMENT:
            go = "Send the challenge to /v1/auth/mfa/enrolment."
            return MfaEnrolmentRequired(go, challenge=token, expires_in=seconds)
        go = "Send it to /v1/auth/mfa with the challenge."
        return MfaRequired(go, challenge=token, expires_in=seconds, methods=login.factors.methods)

    def _open_session(
        self,
        changes: UserChanges,
        login: Login,
        action: Action,
        methods: tuple[Method, ...],
        *,
        ago: timedelta | None = timedelta(0),
        refused: DomainError | None = None,
    ) -> IssuedTokens:
        """Open a session and remember the device, if the user is active and no sessions were ended since ``login`` was
        read. ``ago``: the time since the user was authenticated; None if it is unknown. ``refused``: the
        error if not; None if another write of the transaction requires it already."""
        self._check_address(login.user, "", login.settings)
        if refused:
            changes.hold_access(login.user, refused)
        agent = digest(self._origin.agent)
        if agent not in login.devices:
            changes.know_devices(login.user.id, (*login.devices, agent)[-_MOST_DEVICES:])
        cookie, device = new_device(login.user.id, self._now())
        changes.know_device(device, instead_of=self._origin.device)
        return replace(self._open(changes, login, action, methods, ago), device=cookie)

    def _check_address(self, user: User, session_id: str, settings: SecuritySettings) -> None:
        """Raises AddressRefused, and records it."""
        if not settings.allows(self._origin.address):
            facts: AuditFacts = {"code": AddressRefused.code}
            self._people.record(self._audit_record(user.id, session_id, Action.ACCESS_REFUSED, facts))
            raise AddressRefused

    def _issued(self, session: Session, user: User, settings: SecuritySettings, refresh_token: str) -> IssuedTokens:
        life = settings.token_life
        token = self._tokens.access_token(session, user, self._now(), life)
        return IssuedTokens(token, refresh_token, int(life.total_seconds()))

    def _notify_of_new_device(self, login: Login) -> None:
        """Notify the user of a sign-in from a new device, except at the first sign-in. A mail that cannot be sent does
        not stop the sign-in."""
        if not login.devices or digest(self._origin.agent) in login.devices:
            return
        with suppress(MailNotSent):
            self._mail.new_device(
                login.user.email,
                organisation=self._origin.tenant.name,
                address=self._home,
                agent=self._origin.agent,
                at=self._now(),
            )

    def _open(
        self, changes: UserChanges, login: Login, action: Action, methods: tuple[Method, ...], ago: timedelta | None
    ) -> IssuedTokens:
        user, settings = login.user, login.settings
        family, at = secrets.token_urlsafe(16), self._now()
        secret = new_secret(family)
        session = Session(
            id=ids.new(ids.SESSION, at),
            user_id=user.id,
            secret_hash=digest(secret),
            family_hash=digest(family),
            created_at=at,
            used_at=at,
            expires_at=settings.end_of_session(at, at),
            address=self._origin.address,
            agent=self._origin.agent,
            auth_time=None if ago is None else at - ago,
            amr=tuple(method.value for method in methods),
            session_ends=user.session_ends,
        )
        changes.open_session(session)
        changes.record(
            self._audit_record(user.id, session.id, action, {"methods": [method.value for method in methods]})
        )
        return self._issued(session, user, settings, f"{session.id}.{secret}")

    def _refuse(self, attempt: SignInAttempt, action: Action, target: str) -> None:
        """Record the refusal, its count, and the lock if the attempt caused one."""
        try:
            with self._people.begin() as changes:
                attempt.failed(changes)
                changes.record(self._audit_record(target, "", action))
                if attempt.after.seconds:
                    changes.record(
                        self._audit_record(target, "", Action.ACCOUNT_LOCKED, {"seconds": attempt.after.seconds})
                    )
        except ChangedMeanwhile:  # too many writers of one counter at once; the account's own count is stored already
            self._people.record(self._audit_record(target, "", action))

    def _audit_record(
        self, user_id: str, session_id: str, action: Action, facts: AuditFacts | None = None
    ) -> AuditRecord:
        origin = self._origin
        return record_of(
            AuditSubject(origin.tenant, user_id, session_id, origin.request_id), action, user_id, self._now(), facts
        )


def new_secret(family: str) -> str:
    return f"{family}.{secrets.token_urlsafe(32)}"
