"""Step-up authentication: re-verify the user before an irreversible action."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from docplatform.authentication.challenges import new_challenge, valid_challenge
from docplatform.authentication.errors import ProofRefused
from docplatform.authentication.lockout import Lockout
from docplatform.authentication.verification import FactorVerifier, PresentedFactor
from docplatform.core.actor import Actor
from docplatform.core.audit import Action, record_of
from docplatform.core.errors import TooManyAttempts, raises
from docplatform.identity.errors import InvalidChallenge, InvalidCode
from docplatform.identity.factors import Challenge, ChallengePurpose, Factors, Method
from docplatform.identity.model import Login, alive
from docplatform.identity.ports import PasswordPolicyGate, Passwords, People
from docplatform.sso.errors import SsoRequired


class StepUp:
    def __init__(
        self,
        actor: Actor,
        people: People,
        passwords: Passwords,
        verifier: FactorVerifier,
        lockout: Lockout,
        now: Callable[[], datetime],
        gate: PasswordPolicyGate,
    ) -> None:
        """``gate``: decides whether methods other than single sign-on may be used."""
        self._actor, self._people, self._passwords = actor, people, passwords
        self._verifier, self._lockout, self._now, self._gate = verifier, lockout, now, gate

    @raises(ProofRefused, SsoRequired)
    def issue_passkey_challenge(self) -> tuple[str, dict[str, Any]]:
        """A challenge for a passkey, and the options for the browser. Not for a user without a passkey
        (ProofRefused)."""
        self._gate.check()
        login = self._login()
        if not login.factors.passkeys:
            raise ProofRefused("You have no passkey here.")
        token, challenge = new_challenge(ChallengePurpose.STEP_UP, login.user.id, self._now())
        with self._people.begin() as changes:
            changes.issue(challenge)
        return token, self._verifier.passkeys.request(login.factors.passkeys, token)

    @raises(ProofRefused, TooManyAttempts, SsoRequired)
    def prove(self, password: str, presented: PresentedFactor, token: str = "") -> None:
        """Verify the password and, if the user has one, a second factor; or a passkey alone, which counts as both.
        ``token``: the challenge of the passkey. Every wrong input gets the same answer."""
        self._gate.check()
        actor, at, login = self._actor, self._now(), self._login()
        try:
            attempt = self._lockout.admit_session(actor.session_id)
        except TooManyAttempts:
            self._people.record(record_of(actor, Action.LOGIN_THROTTLED, actor.user_id, at))
            raise
        try:
            challenge = self._challenge(presented, token, at)
            after, methods = self._verify(login, password, presented, token, at)
            if not self._gate.admits(login.user):
                raise InvalidCode("Only the fallback users may use theirs.")
        except (InvalidCode, InvalidChallenge) as error:
            with self._people.begin() as changes:
                attempt.failed(changes)
                changes.record(record_of(actor, Action.STEP_UP_REFUSED, actor.user_id, at))
                if attempt.after.seconds:
                    facts: dict[str, str | int | bool | list[str]] = {"seconds": attempt.after.seconds}
                    changes.record(record_of(actor, Action.ACCOUNT_LOCKED, actor.user_id, at, facts))
            raise ProofRefused("Show the password, and a fresh code if you have a second factor.") from error
        try:
            with self._people.begin() as changes:
                if challenge:
                    changes.use(challenge)
                if after is not login.factors:
                    changes.keep_factors(actor.user_id, login.factors, after)
                attempt.passed(changes)
                changes.authenticated(actor.session_id, at, tuple(method.value for method in methods))
                changes.record(record_of(actor, Action.STEPPED_UP, actor.user_id, at))
        except (InvalidCode, InvalidChallenge) as error:
            raise ProofRefused("It was used a moment ago.") from error

    def _challenge(self, presented: PresentedFactor, token: str, at: datetime) -> Challenge | None:
        """The challenge of a presented passkey; None without a passkey. Raises InvalidChallenge."""
        if presented.passkey is None:
            return None
        challenge = valid_challenge(self._people, token, ChallengePurpose.STEP_UP, at)
        if challenge.user_id != self._actor.user_id:
            raise InvalidChallenge("It was somebody else's.")
        return challenge

    def _verify(
        self, login: Login, password: str, presented: PresentedFactor, token: str, at: datetime
    ) -> tuple[Factors, tuple[Method, ...]]:
        """The factors after this use, and the methods. Raises InvalidCode."""
        if presented.passkey is None and not self._passwords.fits(password, login.password):
            raise InvalidCode("The password is another.")
        if not login.factors.enrolled:
            return login.factors, (Method.PASSWORD,)
        after, method = self._verifier.accept(login.user.id, login.factors, presented, token, at)
        if method is Method.PASSKEY:
            return after, (Method.PASSKEY, Method.SEVERAL)
        return after, (Method.PASSWORD, method, Method.SEVERAL)

    def _login(self) -> Login:
        """The login of the actor. Raises ProofRefused if the session has ended: step-up must not make it valid
        again."""
        login = self._people.login(self._actor.user_id)
        session = self._people.session(self._actor.session_id)
        if login is None or not alive(session, login.user, self._now()):
            raise ProofRefused("Log in again.")
        return login
