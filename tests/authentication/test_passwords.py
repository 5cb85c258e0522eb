"""Passwords: common ones, reset and change."""

from __future__ import annotations

import pytest

from docplatform.authentication.adapters.common_passwords import is_common
from docplatform.authentication.errors import ProofRefused
from docplatform.authentication.sign_in import IssuedTokens
from docplatform.core.errors import MailNotSent, TooManyAttempts
from docplatform.identity.errors import InvalidCredentials, InvalidRefreshToken, InvalidReset, WeakPassword
from docplatform.identity.model import check_password
from tests.identity.harness import PASSWORD, Company

ANN = "ann@acme.example"
NEW = "another sentence to remember"


@pytest.mark.parametrize(
    "password",
    [
        "qwerty123456",
        "QWERTY123456",
        "password1234",
        "Password 2026!",
        "dragondragon",
        "123456789012",
        "letmeinletmein",
        "abcdefghijkl",
        "zyxwvutsrqponm",
    ],
)
def test_a_well_known_password_is_common(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize("password", [PASSWORD, NEW, "dragon 2718281828459", "пароль из многих букв", "twelve chars"])
def test_an_original_sentence_is_not_common(password: str) -> None:
    assert not is_common(password)


@pytest.mark.parametrize(
    ("password", "fits"),
    [
        ("ann.lee@acme.example", False),
        ("Ann.Lee@Acme.Example 1", False),
        ("ann.lee acme 1234", False),
        ("acme.example 2026", False),
        ("ann.lee loves the sea", True),
        ("the sea at acme, in may", True),
    ],
)
def test_a_password_must_not_be_the_users_address(password: str, fits: bool) -> None:
    if fits:
        check_password(password, email="ann.lee@acme.example")
    else:
        with pytest.raises(WeakPassword):
            check_password(password, email="ann.lee@acme.example")


def test_a_common_password_is_refused_wherever_one_is_set(company: Company) -> None:
    common = "everybody knows it"
    with pytest.raises(WeakPassword):
        company.door.accept_invitation(company.mail.token, "Ann", common)
    entry = company.moves_in()
    company.asks_for_reset(ANN)
    with pytest.raises(WeakPassword):
        company.lost_password.reset(company.mail.resets[-1][1], common)
    with pytest.raises(WeakPassword):
        company.own_password(entry).change(PASSWORD, common)
    assert company.door.log_in(ANN, PASSWORD)


# -- reset


def test_a_reset_by_mail_ends_all_sessions(company: Company) -> None:
    entries = [company.moves_in(), company.door.log_in(ANN, PASSWORD)]
    company.clock.passes(minutes=1)
    company.asks_for_reset(" Ann@Acme.Example ")
    ((email, token),) = company.mail.resets
    assert email == ANN
    company.lost_password.reset(token, NEW)
    for entry in entries:
        with pytest.raises(InvalidRefreshToken):
            company.door.refresh(entry.refresh_token)
    with pytest.raises(InvalidCredentials):
        company.door.log_in(ANN, PASSWORD)
    assert company.own_sessions(company.door.log_in(ANN, NEW)).list(limit=10, cursor="")


def test_a_reset_is_good_once(company: Company) -> None:
    company.moves_in()
    company.asks_for_reset(ANN)
    token = company.mail.resets[0][1]
    company.lost_password.reset(token, NEW)
    with pytest.raises(InvalidReset):
        company.lost_password.reset(token, PASSWORD)


@pytest.mark.parametrize(("minutes", "good"), [(59.9, True), (60, False), (90, False)])
def test_a_reset_is_good_for_an_hour(company: Company, minutes: float, good: bool) -> None:
    company.moves_in()
    company.asks_for_reset(ANN)
    company.clock.passes(minutes=minutes)
    token = company.mail.resets[0][1]
    if good:
        company.lost_password.reset(token, NEW)
    else:
        with pytest.raises(InvalidReset):
            company.lost_password.reset(token, NEW)


def test_the_newest_mail_counts_and_mails_come_two_minutes_apart(company: Company) -> None:
    company.moves_in()
    for minutes in (0, 1, 1.5):
        company.clock.passes(minutes=minutes)
        company.asks_for_reset(ANN)
    older, newer = (token for _, token in company.mail.resets)
    with pytest.raises(InvalidReset):
        company.lost_password.reset(older, NEW)
    company.lost_password.reset(newer, NEW)


def test_only_active_users_get_a_reset_mail_and_the_answer_is_the_same(company: Company) -> None:
    for email in (ANN, "nobody@acme.example", "no address", ""):
        company.asks_for_reset(email)  # Ann has not accepted the invitation yet
    assert company.mail.resets == []


def test_a_reset_mail_that_cannot_be_sent_comes_with_the_next_attempt(company: Company) -> None:
    company.moves_in()
    company.mail.works = False
    asked_at = company.clock()
    with pytest.raises(MailNotSent):  # so that the message comes back
        company.lost_password.send_link(ANN, asked_at)
    company.mail.works = True
    company.clock.passes(seconds=30)
    company.lost_password.send_link(ANN, asked_at)
    company.lost_password.reset(company.mail.resets[-1][1], NEW)
    assert company.door.log_in(ANN, NEW)


@pytest.mark.parametrize("token", ["", "x", ".", "usr_x.y", "{user}.", "{user}.guess", "{user}"])
def test_a_made_up_token_resets_nothing(company: Company, token: str) -> None:
    user_id = company.actor(company.moves_in()).user_id
    company.asks_for_reset(ANN)
    with pytest.raises(InvalidReset):
        company.lost_password.reset(token.replace("{user}", user_id), NEW)


def test_a_reset_ends_the_lock_out(company: Company) -> None:
    company.moves_in()
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            company.door.log_in(ANN, "wrong")
    company.asks_for_reset(ANN)
    company.lost_password.reset(company.mail.resets[0][1], NEW)
    assert company.door.log_in(ANN, NEW)


# -- change


def test_changing_a_password_ends_the_other_sessions(company: Company) -> None:
    other, own = company.moves_in(), company.door.log_in(ANN, PASSWORD)
    company.clock.passes(minutes=1)
    company.own_password(own).change(PASSWORD, NEW)
    assert company.door.refresh(own.refresh_token)
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(other.refresh_token)
    (left,) = company.open_sessions(own)
    assert left.id == company.actor(own).session_id
    assert company.door.log_in(ANN, NEW)


def test_the_old_password_is_needed_and_cannot_be_guessed(company: Company) -> None:
    entry: IssuedTokens = company.moves_in()
    for _ in range(10):
        with pytest.raises(ProofRefused):
            company.own_password(entry).change("wrong", NEW)
    with pytest.raises(TooManyAttempts):
        company.own_password(entry).change(PASSWORD, NEW)
