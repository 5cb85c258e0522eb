"""Requests while another request changes the same account between their read and their write."""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import Any

import pyotp
import pytest

from docplatform.authentication.errors import MfaEnrolmentRequired, ProofRefused
from docplatform.authentication.mfa_enrolment import OwnFactors
from docplatform.authentication.passwords import OwnPassword
from docplatform.authentication.sign_in import IssuedTokens
from docplatform.core.actor import Role
from docplatform.identity.account_admin import AccountService
from docplatform.identity.errors import InvalidCode, InvalidCredentials, UserNotFound
from docplatform.identity.model import Login
from tests.identity.harness import HOME, PASSWORD, Company
from tests.support.databases import on_every_database

pytestmark = on_every_database

ANN = "ann@acme.example"


class Meanwhile:
    """The users of a company. After the first read of a login, another request happens."""

    def __init__(self, company: Company, happens: Callable[[], object]) -> None:
        self._people, self._happens = company.people, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._people, name)

    def login(self, user_id: str) -> Login | None:
        found, happens = self._people.login(user_id), self._happens
        self._happens = lambda: None
        happens()
        return found


@pytest.fixture
def ann(company: Company) -> IssuedTokens:
    """An admin with one-time passwords."""
    entry = company.moves_in()
    secret, _ = company.own_factors(entry).enrol_totp()
    company.own_factors(entry).confirm_totp(pyotp.TOTP(secret).at(company.clock.at))
    return entry


@pytest.mark.parametrize("change", ["remove_totp", "renew_recovery_codes", "enrol_totp"])
def test_a_change_of_factors_that_changed_meanwhile_is_refused(
    company: Company, ann: IssuedTokens, change: str
) -> None:
    people = Meanwhile(company, company.own_factors(ann).renew_recovery_codes)
    with pytest.raises(ProofRefused):
        getattr(OwnFactors(company.actor(ann), people, company.verifier, company.clock), change)()
    assert company.own_factors(ann).read().totp


def test_a_reset_of_factors_that_changed_meanwhile_is_refused(company: Company, ann: IssuedTokens) -> None:
    people, actor = Meanwhile(company, company.own_factors(ann).renew_recovery_codes), company.actor(ann)
    with pytest.raises(InvalidCode):
        AccountService(actor, people, company.mail, HOME, company.clock).reset_mfa(actor.user_id)
    assert company.own_factors(ann).read().totp


def test_the_second_enrolment_with_one_challenge_is_refused(company: Company) -> None:
    company.accounts(company.moves_in()).set_security("192.0.2.7", require_mfa=True)
    with pytest.raises(MfaEnrolmentRequired) as due:
        company.door.log_in(ANN, PASSWORD)
    challenge, steps = str(due.value.facts["challenge"]), company.steps
    steps._people = Meanwhile(company, lambda: company.steps.enrol(challenge))
    with pytest.raises(InvalidCode):
        steps.enrol(challenge)


def test_a_change_of_a_password_that_changed_meanwhile_is_refused(company: Company) -> None:
    entry = company.moves_in()
    people = Meanwhile(company, lambda: company.own_password(entry).change(PASSWORD, "the first of two sentences"))
    slower = OwnPassword(company.actor(entry), people, company.passwords, company.lockout(), company.clock)
    with pytest.raises(InvalidCredentials):
        slower.change(PASSWORD, "the second of two sentences")
    assert company.door.log_in(ANN, "the first of two sentences")


@pytest.mark.parametrize(
    "use",
    [
        methodcaller("read"),
        methodcaller("enrol_totp"),
        methodcaller("confirm_totp", "123456"),
        methodcaller("remove_totp"),
        methodcaller("renew_recovery_codes"),
        methodcaller("issue_passkey_challenge"),
        methodcaller("add_passkey", "token", {}, "key"),
        methodcaller("remove_passkey", "key"),
    ],
)
def test_a_deleted_user_has_no_factors(company: Company, use: methodcaller) -> None:
    ann = company.moves_in()
    company.members(ann).invite("bob@acme.example", Role.VIEWER)
    bob = company.moves_in(name="Bob")
    company.directory(ann).remove(company.actor(bob).user_id)
    with pytest.raises(UserNotFound):
        use(company.own_factors(bob))
