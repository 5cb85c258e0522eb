"""Enrolment and removal of a user's own second factors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from docplatform.authentication.challenges import new_challenge, valid_challenge
from docplatform.authentication.errors import ProofRefused
from docplatform.authentication.verification import FactorVerifier
from docplatform.core.actor import Actor
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import Conflict, InvalidName, raised_by, raises
from docplatform.identity.errors import FactorNotFound, InvalidChallenge, InvalidCode, MfaIsRequired, UserNotFound
from docplatform.identity.factors import (
    MOST_PASSKEYS,
    ChallengePurpose,
    Factors,
    Passkey,
    new_recovery_codes,
    recovery_hash,
)
from docplatform.identity.model import Login, clean_display_name
from docplatform.identity.ports import People

Codes = tuple[str, ...]


class OwnFactors:
    def __init__(self, actor: Actor, people: People, verifier: FactorVerifier, now: Callable[[], datetime]) -> None:
        self._actor, self._people, self._verifier, self._now = actor, people, verifier, now

    @raises(UserNotFound)
    def read(self) -> Factors:
        return self._login().factors

    @raises(*raised_by(read), ProofRefused)
    def enrol_totp(self) -> tuple[str, str]:
        """Create a secret and its URI. They become valid when a code has confirmed them. Until then the earlier secret
        stays valid."""
        login = self._login()
        user, issuer = login.user, self._actor.tenant.name
        after, secret, uri = self._verifier.new_totp(user.id, login.factors, user.email, issuer)
        self._keep(login, after, Action.MFA_ENROLMENT_STARTED)
        return secret, uri

    @raises(*raised_by(read), ProofRefused)
    def confirm_totp(self, code: str) -> Codes:
        """Confirm the new secret. Returns recovery codes, or none if the user has some already."""
        login = self._login()
        with _as_proof_refused():
            confirmed = self._verifier.confirm_totp(login.user.id, login.factors, code, self._now())
        after, codes = _with_codes(confirmed)
        self._keep(login, after, Action.MFA_ENROLLED, {"method": "totp"})
        return codes

    @raises(*raised_by(read), FactorNotFound, MfaIsRequired, ProofRefused)
    def remove_totp(self) -> None:
        login = self._login()
        if not login.factors.totp:
            raise FactorNotFound("No one-time passwords are set up.")
        self._remove(login, replace(login.factors, totp="", pending=""), Action.MFA_REMOVED)

    @raises(*raised_by(read), FactorNotFound, ProofRefused)
    def renew_recovery_codes(self) -> Codes:
        """Replace all recovery codes by ten new ones."""
        login = self._login()
        if not login.factors.enrolled:
            raise FactorNotFound("Set up a second factor first.")
        after, codes = _with_codes(replace(login.factors, recovery=frozenset()))
        self._keep(login, after, Action.RECOVERY_CODES_RENEWED)
        return codes

    # -- passkeys
    @raises(*raised_by(read), Conflict)
    def issue_passkey_challenge(self) -> tuple[str, dict[str, Any]]:
        """A challenge for a registration, and the options for the browser. Not for a user who has ten passkeys
        (Conflict)."""
        login = self._login()
        if len(login.factors.passkeys) >= MOST_PASSKEYS:
            raise Conflict(f"You have {MOST_PASSKEYS} passkeys; delete one first.")
        token, challenge = new_challenge(ChallengePurpose.PASSKEY_REGISTRATION, login.user.id, self._now())
        with self._people.begin() as changes:
            changes.issue(challenge)
        return token, self._verifier.passkeys.registration(login.user, login.factors.passkeys, token)

    @raises(*raised_by(read), ProofRefused, InvalidName, Conflict)
    def add_passkey(self, token: str, credential: dict[str, Any], name: str) -> tuple[Passkey, Codes]:
        """Register a passkey. Returns it, and recovery codes if the user had none."""
        login, name = self._login(), clean_display_name(name)
        with _as_proof_refused():
            challenge = valid_challenge(self._people, token, ChallengePurpose.PASSKEY_REGISTRATION, self._now())
            if challenge.user_id != login.user.id:
                raise InvalidChallenge("It was somebody else's.")
            try:
                made = self._verifier.passkeys.registered(credential, token, name, self._now())
            except InvalidCode:
                with self._people.begin() as changes:
                    changes.use(challenge)
                raise
        if len(login.factors.passkeys) >= MOST_PASSKEYS or login.factors.passkey(made.credential_id):
            raise Conflict("It is here already, or you have too many.")
        after, codes = _with_codes(replace(login.factors, passkeys=(*login.factors.passkeys, made)))
        with _as_proof_refused(), self._people.begin() as changes:
            changes.use(challenge)
            changes.keep_factors(login.user.id, login.factors, after)
            facts: AuditFacts = {"passkey": made.id}
            changes.record(record_of(self._actor, Action.PASSKEY_ADDED, login.user.id, self._now(), facts))
        return made, codes

    @raises(*raised_by(read), FactorNotFound, MfaIsRequired, ProofRefused)
    def remove_passkey(self, passkey_id: str) -> None:
        login = self._login()
        left = tuple(each for each in login.factors.passkeys if each.id != passkey_id)
        if len(left) == len(login.factors.passkeys):
            raise FactorNotFound("Look at the list of your passkeys.")
        facts: AuditFacts = {"passkey": passkey_id}
        self._remove(login, replace(login.factors, passkeys=left), Action.PASSKEY_REMOVED, facts)

    def _remove(self, login: Login, after: Factors, action: Action, facts: AuditFacts | None = None) -> None:
        """Store the factors without the removed one. When no factor is left, the recovery codes are deleted too."""
        if not after.enrolled:
            if login.require_mfa:
                raise MfaIsRequired("Set up another second factor first.")
            after = replace(after, recovery=frozenset())
        self._keep(login, after, action, facts)

    def _keep(self, login: Login, after: Factors, action: Action, facts: AuditFacts | None = None) -> None:
        with _as_proof_refused(), self._people.begin() as changes:
            changes.keep_factors(login.user.id, login.factors, after)
            changes.record(record_of(self._actor, action, login.user.id, self._now(), facts))

    def _login(self) -> Login:
        login = self._people.login(self._actor.user_id)
        if login is None:
            raise UserNotFound("Look at the list of users.")
        return login


def _with_codes(factors: Factors) -> tuple[Factors, Codes]:
    """The factors with recovery codes, and the new codes; no new ones if the user has some already."""
    if factors.recovery:
        return factors, ()
    codes = new_recovery_codes()
    return replace(factors, recovery=frozenset(map(recovery_hash, codes))), codes


@contextmanager
def _as_proof_refused() -> Iterator[None]:
    """Raise ProofRefused in place of errors that would tell the client to sign in again: the user stays signed in."""
    try:
        yield
    except (InvalidCode, InvalidChallenge) as error:
        raise ProofRefused(error.detail) from error
