"""One-time passwords, recovery codes, and the tenant's requirement of a second factor."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from cryptography.exceptions import InvalidTag

from docplatform.authentication.adapters.totp import Totp
from docplatform.authentication.errors import MfaEnrolmentRequired, MfaRequired, ProofRefused
from docplatform.authentication.sign_in import IssuedTokens
from docplatform.authentication.verification import PresentedFactor
from docplatform.core.errors import DomainError, TooManyAttempts
from docplatform.identity.errors import FactorNotFound, InvalidChallenge, InvalidCode, InvalidCredentials, MfaIsRequired
from tests.identity.harness import PASSWORD, Company, at_once
from tests.support.mocked_aws import Cloud

ANN = "ann@acme.example"


class Ann:
    """A user with an authenticator app."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.entry = company.moves_in()
        self.secret, self.uri = company.own_factors(self.entry).enrol_totp()
        self.recovery = company.own_factors(self.entry).confirm_totp(self.code())
        company.clock.passes(seconds=30)

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(self.company.clock.at, counter_offset=steps)

    def challenge(self) -> str:
        with pytest.raises(MfaRequired) as due:
            self.company.door.log_in(ANN, PASSWORD)
        return str(due.value.facts["challenge"])

    def logs_in(self, **shown: Any) -> IssuedTokens:
        return self.company.steps.verify_factor(self.challenge(), PresentedFactor(**(shown or {"code": self.code()})))


@pytest.fixture
def ann(company: Company) -> Ann:
    return Ann(company)


# -- one-time passwords


def test_the_vectors_of_rfc_6238() -> None:
    """The examples of appendix B have eight digits; these are their last six."""
    from datetime import UTC, datetime

    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")):
        assert Totp().step_of(secret, code, datetime.fromtimestamp(seconds, UTC)) == seconds // 30


def test_log_in_takes_a_password_and_a_code(ann: Ann) -> None:
    entry = ann.logs_in()
    (newest, *_) = ann.company.open_sessions(entry)
    assert newest.amr == ("pwd", "otp", "mfa")


def test_the_uri_names_organisation_and_account(ann: Ann) -> None:
    parsed = pyotp.parse_uri(ann.uri)
    assert (parsed.issuer, parsed.name, parsed.secret) == ("Acme", ANN, ann.secret)


def test_the_secret_is_stored_encrypted_and_opens_in_its_place_only(ann: Ann, region: Cloud) -> None:
    factors = ann.company.people.login_of(ANN).factors  # type: ignore[union-attr]
    assert ann.secret not in str(region.items("data"))
    secrets = ann.company.verifier._secrets
    assert secrets.decrypt(factors.totp, f"totp:{ann.company.actor(ann.entry).user_id}") == ann.secret
    with pytest.raises(InvalidTag):
        secrets.decrypt(factors.totp, "totp:usr_another")


@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_differ_by_one_step(ann: Ann, steps: int, good: bool) -> None:
    ann.company.clock.passes(minutes=5)
    if good:
        assert ann.logs_in(code=ann.code(steps))
    else:
        with pytest.raises(InvalidCode):
            ann.logs_in(code=ann.code(steps))


def test_a_code_is_valid_once_and_older_codes_are_not(ann: Ann) -> None:
    ann.company.clock.passes(minutes=5)
    ann.logs_in(code=ann.code())
    for steps in (0, -1):
        with pytest.raises(InvalidCode):
            ann.logs_in(code=ann.code(steps))
    assert ann.logs_in(code=ann.code(1))


def test_one_code_used_twice_at_once_signs_in_once(ann: Ann) -> None:
    challenges, code = [ann.challenge() for _ in range(4)], ann.code()

    def show(challenge: str) -> IssuedTokens | DomainError:
        try:
            return ann.company.steps.verify_factor(challenge, PresentedFactor(code=code))
        except DomainError as error:
            return error

    with at_once(4) as pool:
        results = list(pool.map(show, challenges))
    assert len([result for result in results if isinstance(result, IssuedTokens)]) == 1


@pytest.mark.parametrize("code", ["", "0", "12345", "1234567", "abcdef", "１２３４５６", "12 34"])
def test_a_malformed_code_is_refused(ann: Ann, code: str) -> None:
    with pytest.raises(InvalidCode):
        ann.logs_in(code=code)


def test_wrong_codes_count_towards_the_lock_out(ann: Ann) -> None:
    challenge = ann.challenge()
    for _ in range(10):
        with pytest.raises(InvalidCode):
            ann.company.steps.verify_factor(
                challenge, PresentedFactor(code="000000" if ann.code() != "000000" else "000001")
            )
    with pytest.raises(TooManyAttempts):
        ann.company.steps.verify_factor(challenge, PresentedFactor(code=ann.code()))
    with pytest.raises(TooManyAttempts):
        ann.company.door.log_in(ANN, PASSWORD)


def test_a_right_password_does_not_reset_the_count_of_wrong_codes(ann: Ann) -> None:
    tries = 0
    with pytest.raises(TooManyAttempts):
        for _ in range(20):
            with pytest.raises(InvalidCode):
                ann.logs_in(code="12345")
            tries += 1
    assert tries == 10


def test_after_a_lock_both_steps_are_let_through(ann: Ann) -> None:
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            ann.company.door.log_in(ANN, "wrong")
    ann.company.clock.passes(seconds=60)
    assert ann.logs_in()


def test_a_challenge_is_good_for_one_log_in_within_five_minutes(ann: Ann) -> None:
    used, late = ann.challenge(), ann.challenge()
    ann.company.steps.verify_factor(used, PresentedFactor(code=ann.code()))
    with pytest.raises(InvalidChallenge):
        ann.company.steps.verify_factor(used, PresentedFactor(code=ann.code(1)))
    ann.company.clock.passes(minutes=5)
    for token in (late, "", "x"):
        with pytest.raises(InvalidChallenge):
            ann.company.steps.verify_factor(token, PresentedFactor(code=ann.code()))


def test_a_challenge_does_not_enrol_when_there_is_a_factor(ann: Ann) -> None:
    challenge = ann.challenge()
    with pytest.raises(InvalidChallenge):
        ann.company.steps.enrol(challenge)
    with pytest.raises(InvalidChallenge):
        ann.company.steps.confirm_enrolment(challenge, ann.code())


def test_an_unconfirmed_secret_is_not_asked_for(company: Company) -> None:
    entry = company.moves_in()
    company.own_factors(entry).enrol_totp()
    with pytest.raises(ProofRefused):
        company.own_factors(entry).confirm_totp("000000")
    assert company.door.log_in(ANN, PASSWORD)


def test_a_new_secret_takes_the_place_of_the_old_one_when_confirmed(ann: Ann) -> None:
    own, before = ann.company.own_factors(ann.entry), ann.secret
    secret, _ = own.enrol_totp()
    assert ann.logs_in()
    ann.company.clock.passes(minutes=5)
    assert own.confirm_totp(pyotp.TOTP(secret).at(ann.company.clock.at)) == ()
    ann.company.clock.passes(minutes=5)
    with pytest.raises(InvalidCode):
        ann.logs_in(code=pyotp.TOTP(before).at(ann.company.clock.at))
    ann.secret = secret
    assert ann.logs_in()


# -- recovery codes


def test_ten_recovery_codes_are_good_once_each(ann: Ann, region: Cloud) -> None:
    assert len(set(ann.recovery)) == 10
    assert not [code for code in ann.recovery if code in str(region.items("data"))]
    first, second, *_ = ann.recovery
    assert ann.logs_in(recovery_code=first)
    with pytest.raises(InvalidCode):
        ann.logs_in(recovery_code=first)
    assert ann.logs_in(recovery_code=second.upper().replace("-", " "))
    assert len(ann.company.own_factors(ann.entry).read().recovery) == 8


def test_new_recovery_codes_replace_the_old(ann: Ann) -> None:
    fresh = ann.company.own_factors(ann.entry).renew_recovery_codes()
    with pytest.raises(InvalidCode):
        ann.logs_in(recovery_code=ann.recovery[0])
    assert ann.logs_in(recovery_code=fresh[0])


def test_recovery_codes_are_deleted_with_the_last_factor(ann: Ann) -> None:
    own = ann.company.own_factors(ann.entry)
    own.remove_totp()
    assert own.read().recovery == frozenset()
    assert ann.company.door.log_in(ANN, PASSWORD)
    with pytest.raises(FactorNotFound):
        own.remove_totp()
    with pytest.raises(FactorNotFound):
        own.renew_recovery_codes()


# -- required by the tenant


def test_a_user_without_a_required_factor_can_only_enrol_one(company: Company) -> None:
    entry = company.moves_in()
    company.accounts(entry).set_security("192.0.2.7", require_mfa=True)
    with pytest.raises(MfaEnrolmentRequired) as due:
        company.door.log_in(ANN, PASSWORD)
    challenge = str(due.value.facts["challenge"])
    with pytest.raises(InvalidChallenge):
        company.steps.verify_factor(challenge, PresentedFactor(code="000000"))
    secret, _ = company.steps.enrol(challenge)
    with pytest.raises(InvalidCode):
        company.steps.confirm_enrolment(challenge, "12345")
    entry, codes = company.steps.confirm_enrolment(challenge, pyotp.TOTP(secret).at(company.clock.at))
    assert len(codes) == 10
    assert company.own_factors(entry).read().totp
    with pytest.raises(InvalidChallenge):
        company.steps.enrol(challenge)
    with pytest.raises(MfaIsRequired):
        company.own_factors(entry).remove_totp()


def test_a_first_password_is_not_enough_where_a_factor_is_required(company: Company) -> None:
    entry = company.moves_in()
    company.accounts(entry).set_security("192.0.2.7", require_mfa=True)
    from docplatform.core.actor import Role

    company.members(entry).invite("bo@acme.example", Role.VIEWER)
    with pytest.raises(MfaEnrolmentRequired):
        company.moves_in(name="Bo")


# -- step-up


def test_a_session_is_fresh_for_ten_minutes_after_each_proof(ann: Ann) -> None:
    company, session_id = ann.company, ann.company.actor(ann.entry).session_id

    def fresh() -> bool:
        return company.people.session(session_id).fresh(company.clock())  # type: ignore[union-attr]

    company.clock.passes(minutes=9)
    assert fresh()
    company.clock.passes(minutes=1)
    assert not fresh()
    company.step_up(ann.entry).prove(PASSWORD, PresentedFactor(code=ann.code()))
    assert fresh()
    entry = company.door.refresh(ann.entry.refresh_token)
    company.clock.passes(minutes=10, seconds=1)
    company.door.refresh(entry.refresh_token)
    assert not fresh()


def test_step_up_takes_both_and_does_not_say_which_was_wrong(ann: Ann) -> None:
    step_up, answers = ann.company.step_up(ann.entry), set()
    for password, shown in (
        (PASSWORD, PresentedFactor()),
        (PASSWORD, PresentedFactor(code="12345")),
        ("wrong", PresentedFactor(code=ann.code())),
        ("", PresentedFactor(recovery_code=ann.recovery[0])),
        (PASSWORD, PresentedFactor(passkey={"id": "x"})),
    ):
        with pytest.raises(ProofRefused) as refused:
            step_up.prove(password, shown)
        answers.add(refused.value.detail)
    assert len(answers) == 1
    step_up.prove(PASSWORD, PresentedFactor(recovery_code=ann.recovery[0]))


def test_step_up_does_not_revive_an_ended_session(ann: Ann) -> None:
    ann.company.clock.passes(minutes=1)
    ann.company.asks_for_reset(ANN)
    ann.company.lost_password.reset(ann.company.mail.resets[0][1], PASSWORD)
    with pytest.raises(ProofRefused):
        ann.company.step_up(ann.entry).prove(PASSWORD, PresentedFactor(code=ann.code()))


def test_step_up_counts_towards_the_lock_out(company: Company) -> None:
    entry = company.moves_in()
    for _ in range(10):
        with pytest.raises(ProofRefused):
            company.step_up(entry).prove("wrong", PresentedFactor())
    with pytest.raises(TooManyAttempts):
        company.step_up(entry).prove(PASSWORD, PresentedFactor())
