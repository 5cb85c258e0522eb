"""Getting in by more than a password, or by a passkey alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from docplatform.authentication.challenges import held, new_challenge
from docplatform.authentication.sign_in import IssuedTokens, SignIn
from docplatform.authentication.verification import PresentedFactor, with_passkey
from docplatform.core.audit import UNKNOWN_USER, Action
from docplatform.core.errors import TooManyAttempts, raises
from docplatform.identity.errors import InvalidChallenge, InvalidCode
from docplatform.identity.factors import Challenge, ChallengePurpose, Method, new_recovery_codes, recovery_hash
from docplatform.identity.model import Login, UserStatus
from docplatform.sso.errors import SsoRequired


class MfaSignIn(SignIn):
    @raises(InvalidChallenge, InvalidCode, TooManyAttempts)
    def verify_factor(self, token: str, shown: PresentedFactor) -> IssuedTokens:
        """The second step: ``token`` is MfaRequired's challenge."""
        challenge = held(self._people, token, ChallengePurpose.SECOND_FACTOR, self._now())
        login = self._challenged(challenge)
        user_id, attempt = login.user.id, self._admit(login.user.email)
        try:
            after, method = self._proofs.accept(user_id, login.factors, shown, token, self._now())
        except InvalidCode:
            self._refuse(attempt, Action.SECOND_FACTOR_REFUSED, user_id)
            raise
        with self._people.begin() as changes:
            changes.use(challenge)
            changes.keep_factors(user_id, login.factors, after)
            attempt.passed(changes)
            entry = self._open_session(
                changes, login, Action.LOGIN_SUCCEEDED, (challenge.first, method, Method.SEVERAL)
            )
        self._tell_of_device(login)
        return entry

    @raises(InvalidChallenge)
    def passkey_options(self, token: str) -> dict[str, Any]:
        """For a passkey as the second factor."""
        login = self._challenged(held(self._people, token, ChallengePurpose.SECOND_FACTOR, self._now()))
        return self._proofs.passkeys.request(login.factors.passkeys, token)

    @raises(InvalidChallenge, InvalidCode)
    def enrol(self, token: str) -> tuple[str, str]:
        """A new one-time password's secret and URI, for who must have one to get in: ``token`` is MfaEnrolmentRequired's challenge."""
        login = self._challenged(held(self._people, token, ChallengePurpose.ENROLMENT, self._now()))
        if login.factors.enrolled:
            raise InvalidChallenge("A second factor is set up. Log in again.")
        user, issuer = login.user, self._visitor.tenant.name
        after, secret, uri = self._proofs.new_totp(user.id, login.factors, user.email, issuer)
        with self._people.begin() as changes:
            changes.keep_factors(user.id, login.factors, after)
            changes.record(self._about(user.id, "", Action.MFA_ENROLMENT_STARTED))
        return secret, uri

    @raises(InvalidChallenge, InvalidCode, TooManyAttempts)
    def confirm_enrolment(self, token: str, code: str) -> tuple[IssuedTokens, tuple[str, ...]]:
        """Logged in, and the recovery codes."""
        challenge = held(self._people, token, ChallengePurpose.ENROLMENT, self._now())
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
        methods = (challenge.first, Method.ONE_TIME_PASSWORD, Method.SEVERAL)
        with self._people.begin() as changes:
            changes.use(challenge)
            changes.keep_factors(user_id, login.factors, after)
            attempt.passed(changes)
            changes.record(self._about(user_id, "", Action.MFA_ENROLLED))
            entry = self._open_session(changes, login, Action.LOGIN_SUCCEEDED, methods)
        return entry, codes

    @raises()
    def ask_for_passkey(self) -> tuple[str, dict[str, Any]]:
        """A challenge for a passkey that logs in by itself, and the options for the browser."""
        token, challenge = new_challenge(ChallengePurpose.PASSKEY_LOGIN, "", self._now())
        with self._people.begin() as changes:
            changes.issue(challenge)
        return token, self._proofs.passkeys.request((), token)

    @raises(InvalidChallenge, InvalidCode, TooManyAttempts, SsoRequired)
    def log_in_with_passkey(self, token: str, credential: dict[str, Any]) -> IssuedTokens:
        """The challenge is used up whether the passkey is right or not."""
        self._gate.check()
        challenge = held(self._people, token, ChallengePurpose.PASSKEY_LOGIN, self._now())
        passkeys = self._proofs.passkeys
        login = self._people.login(passkeys.owner(credential))
        attempt = self._admit(login.user.email if login else f"passkey:{self._visitor.address}")
        user_id = login.user.id if login else UNKNOWN_USER
        try:
            if login is None or login.user.status is not UserStatus.ACTIVE:
                raise InvalidCode("Log in another way.")
            used = passkeys.used(credential, token, login.factors.passkeys, self._now())
            if not self._gate.admits(login.user):
                raise InvalidCode("Log in another way.")
        except InvalidCode:
            with self._people.begin() as changes:
                changes.use(challenge)
            self._refuse(attempt, Action.LOGIN_FAILED, user_id)
            raise
        with self._people.begin() as changes:
            changes.use(challenge)
            changes.keep_factors(user_id, login.factors, with_passkey(login.factors, used))
            attempt.passed(changes)
            entry = self._open_session(changes, login, Action.LOGIN_SUCCEEDED, (Method.PASSKEY, Method.SEVERAL))
        self._tell_of_device(login)
        return entry

    def _challenged(self, challenge: Challenge) -> Login:
        """Whom the challenge was given to. Raises InvalidChallenge."""
        login = self._people.login(challenge.user_id)
        if login is None or login.user.status is not UserStatus.ACTIVE:
            raise InvalidChallenge("Begin again.")
        return login
