"""Sign-in with a second factor, or with a passkey alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from docplatform.authentication.challenges import new_challenge, valid_challenge
from docplatform.authentication.lockout import SignInAttempt
from docplatform.authentication.sign_in import IssuedTokens, SignIn
from docplatform.authentication.verification import PresentedFactor, with_passkey
from docplatform.core.audit import UNKNOWN_USER, Action
from docplatform.core.errors import AddressRefused, TooManyAttempts, raises
from docplatform.identity.errors import InvalidChallenge, InvalidCode
from docplatform.identity.factors import Challenge, ChallengePurpose, Method, new_recovery_codes, recovery_hash
from docplatform.identity.model import Login, UserStatus
from docplatform.sso.errors import SsoRequired


class MfaSignIn(SignIn):
    @raises(InvalidChallenge, InvalidCode, TooManyAttempts, AddressRefused)
    def verify_factor(self, token: str, presented: PresentedFactor) -> IssuedTokens:
        """Complete the sign-in with a second factor. ``token`` is the challenge of MfaRequired."""
        challenge = valid_challenge(self._people, token, ChallengePurpose.SECOND_FACTOR, self._now())
        login = self._challenged_login(challenge)
        user_id, attempt = login.user.id, self._admit(login.user.email, proven=True)
        try:
            after, method = self._verifier.accept(user_id, login.factors, presented, token, self._now())
        except InvalidCode:
            self._refuse(attempt, Action.SECOND_FACTOR_REFUSED, user_id)
            raise
        with self._people.begin() as changes:
            changes.use(challenge)
            changes.keep_factors(user_id, login.factors, after)
            attempt.passed(changes)
            methods = (challenge.first, method, Method.SEVERAL)
            issued = self._open_session(changes, login, Action.LOGIN_SUCCEEDED, methods, refused=_ended())
        self._notify_of_new_device(login)
        return issued

    @raises(InvalidChallenge)
    def passkey_options(self, token: str) -> dict[str, Any]:
        """Options for the browser, for a passkey as the second factor."""
        login = self._challenged_login(
            valid_challenge(self._people, token, ChallengePurpose.SECOND_FACTOR, self._now())
        )
        return self._verifier.passkeys.request(login.factors.passkeys, token)

    @raises(InvalidChallenge, InvalidCode)
    def enrol(self, token: str) -> tuple[str, str]:
        """Create the secret and URI of a one-time password, for a user who needs a second factor to sign in. ``token``
        is the challenge of MfaEnrolmentRequired."""
        login = self._challenged_login(valid_challenge(self._people, token, ChallengePurpose.ENROLMENT, self._now()))
        if login.factors.enrolled:
            raise InvalidChallenge("A second factor is set up. Log in again.")
        user, issuer = login.user, self._origin.tenant.name
        after, secret, uri = self._verifier.new_totp(user.id, login.factors, user.email, issuer)
        with self._people.begin() as changes:
            changes.hold_access(user, _ended())
            changes.keep_factors(user.id, login.factors, after)
            changes.record(self._audit_record(user.id, "", Action.MFA_ENROLMENT_STARTED))
        return secret, uri

    @raises(InvalidChallenge, InvalidCode, TooManyAttempts, AddressRefused)
    def confirm_enrolment(self, token: str, code: str) -> tuple[IssuedTokens, tuple[str, ...]]:
        """Confirm the secret and sign in. Returns the tokens and the recovery codes."""
        challenge = valid_challenge(self._people, token, ChallengePurpose.ENROLMENT, self._now())
        login = self._challenged_login(challenge)
        if login.factors.enrolled:
            raise InvalidChallenge("A second factor is set up. Log in again.")
        user_id, attempt = login.user.id, self._admit(login.user.email, proven=True)
        try:
            confirmed = self._verifier.confirm_totp(user_id, login.factors, code, self._now())
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
            changes.record(self._audit_record(user_id, "", Action.MFA_ENROLLED))
            issued = self._open_session(changes, login, Action.LOGIN_SUCCEEDED, methods, refused=_ended())
        return issued, codes

    @raises()
    def issue_passkey_challenge(self) -> tuple[str, dict[str, Any]]:
        """A challenge for signing in with a passkey alone, and the options for the browser."""
        token, challenge = new_challenge(ChallengePurpose.PASSKEY_LOGIN, "", self._now())
        with self._people.begin() as changes:
            changes.issue(challenge)
        return token, self._verifier.passkeys.request((), token)

    @raises(InvalidChallenge, InvalidCode, TooManyAttempts, AddressRefused, SsoRequired)
    def log_in_with_passkey(self, token: str, credential: dict[str, Any]) -> IssuedTokens:
        """Sign in with a passkey alone. The challenge is used up even if the passkey is wrong."""
        self._gate.check()
        challenge = valid_challenge(self._people, token, ChallengePurpose.PASSKEY_LOGIN, self._now())
        passkeys = self._verifier.passkeys
        login = self._people.login(passkeys.owner(credential))
        user_id = login.user.id if login else UNKNOWN_USER
        attempt = self._admit_passkey(user_id)
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
            methods = (Method.PASSKEY, Method.SEVERAL)
            issued = self._open_session(changes, login, Action.LOGIN_SUCCEEDED, methods, refused=_ended())
        self._notify_of_new_device(login)
        return issued

    def _admit_passkey(self, user_id: str) -> SignInAttempt:
        try:
            return self._lockout.admit_passkey()
        except TooManyAttempts:
            self._people.record(self._audit_record(user_id, "", Action.LOGIN_THROTTLED))
            raise

    def _challenged_login(self, challenge: Challenge) -> Login:
        """The login of the challenge's user. A challenge ends with the sessions that its user had when it was issued.
        Raises InvalidChallenge."""
        login = self._people.login(challenge.user_id)
        if login is None or login.user.status is not UserStatus.ACTIVE:
            raise InvalidChallenge("Begin again.")
        if login.user.session_ends != challenge.session_ends:
            raise _ended()
        return login


def _ended() -> InvalidChallenge:
    return InvalidChallenge("The account was changed, or its sessions ended, since. Begin again.")
