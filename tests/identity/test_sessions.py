"""Lifetimes and parallel use of sessions, invitations and passwords."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from docplatform.authentication.sign_in import IssuedTokens
from docplatform.authentication.verification import PresentedFactor
from docplatform.core.errors import DomainError
from docplatform.identity.errors import InvalidCredentials, InvalidInvitation, InvalidRefreshToken, SessionNotFound
from tests.identity.harness import PASSWORD, Company, at_once
from tests.support.databases import on_every_database

pytestmark = on_every_database


@pytest.mark.parametrize(("days", "good"), [(0, True), (6.99, True), (7, False), (30, False)])
def test_an_invitation_is_good_for_a_week(company: Company, days: float, good: bool) -> None:
    company.clock.passes(days=days)
    if good:
        assert company.moves_in()
    else:
        with pytest.raises(InvalidInvitation):
            company.moves_in()


@pytest.mark.parametrize(
    ("uses", "end"),
    [
        pytest.param([13], 13 + 14, id="fourteen days after its last use"),
        pytest.param(range(1, 30), 30, id="thirty days after the log-in, however much it is used"),
    ],
)
def test_a_session_ends_by_itself(company: Company, uses: Iterable[int], end: int) -> None:
    entry, day = company.moves_in(), 0
    for use in uses:
        company.clock.passes(days=use - day)
        entry, day = company.door.refresh(entry.refresh_token), use
    company.clock.passes(days=end - day, seconds=-1)
    (session,) = company.own_sessions(entry).list()
    company.clock.passes(seconds=1)
    assert session.expires_at == company.clock()
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(entry.refresh_token)


def test_an_authentication_extends_the_session_by_thirty_days(company: Company) -> None:
    entry = company.moves_in()
    for day in range(50):
        company.clock.passes(days=1)
        entry = company.door.refresh(entry.refresh_token)
        if day == 24:
            company.step_up(entry).prove(PASSWORD, PresentedFactor())
    (session,) = company.own_sessions(entry).list()
    assert session.expires_at == company.clock() + timedelta(days=5)


def test_an_ended_session_is_not_listed(company: Company) -> None:
    company.moves_in()
    company.clock.passes(days=10)
    later = company.door.log_in("ann@acme.example", PASSWORD)
    assert len(company.own_sessions(later).list()) == 2
    company.clock.passes(days=5)
    (left,) = company.own_sessions(later).list()
    assert left.id == company.actor(later).session_id


def test_sessions_are_listed_newest_first(company: Company) -> None:
    entries = [company.moves_in()]
    for _ in range(3):
        company.clock.passes(minutes=1)
        entries.append(company.door.log_in("ann@acme.example", PASSWORD))
    listed = [session.id for session in company.own_sessions(entries[0]).list()]
    assert listed == [company.actor(entry).session_id for entry in reversed(entries)]


def test_one_of_two_parallel_refreshes_succeeds(company: Company) -> None:
    entry = company.moves_in()

    def exchange(_: int) -> IssuedTokens | DomainError:
        try:
            return company.door.refresh(entry.refresh_token)
        except DomainError as error:
            return error

    with at_once(4) as pool:
        results = list(pool.map(exchange, range(4)))
    assert len([result for result in results if isinstance(result, IssuedTokens)]) == 1
    assert {type(result) for result in results} == {IssuedTokens, InvalidRefreshToken}


def test_an_exchange_that_cannot_be_signed_leaves_the_old_token_good(company: Company) -> None:
    entry = company.moves_in()
    company.tokens.works = False
    with pytest.raises(ConnectionError):
        company.door.refresh(entry.refresh_token)
    company.tokens.works = True
    assert company.door.refresh(entry.refresh_token)


def test_a_log_in_that_cannot_be_signed_opens_no_session(company: Company) -> None:
    entry = company.moves_in()
    company.tokens.works = False
    with pytest.raises(ConnectionError):
        company.door.log_in("ann@acme.example", PASSWORD)
    assert len(company.own_sessions(entry).list()) == 1


def test_one_invitation_is_accepted_once_even_in_parallel(company: Company) -> None:
    token = company.mail.token

    def accept(name: str) -> str:
        try:
            company.door.accept_invitation(token, name, f"{PASSWORD} of {name}")
        except InvalidInvitation:
            return ""
        return name

    with at_once(4) as pool:
        names = [name for name in pool.map(accept, ("Ann", "Bea", "Cis", "Dee")) if name]
    (name,) = names
    entry = company.door.log_in("ann@acme.example", f"{PASSWORD} of {name}")
    assert company.members(entry).me().name == name


def test_an_outdated_hash_is_replaced_at_log_in(company: Company) -> None:
    company.moves_in()
    company.passwords.current = "v3"
    with pytest.raises(InvalidCredentials):
        company.door.log_in("ann@acme.example", "wrong " + PASSWORD)
    assert company.people.login_of("ann@acme.example").password == f"v2:{PASSWORD}"  # type: ignore[union-attr]
    company.door.log_in("ann@acme.example", PASSWORD)
    assert company.people.login_of("ann@acme.example").password == f"v3:{PASSWORD}"  # type: ignore[union-attr]


def test_an_invited_user_has_no_password(company: Company) -> None:
    for guess in ("", "v2:", "None"):
        with pytest.raises(InvalidCredentials):
            company.door.log_in("ann@acme.example", guess)


def test_a_session_that_was_never_there_cannot_be_revoked(company: Company) -> None:
    entry = company.moves_in()
    for session_id in ("", "ses_x", "ses_" + "0" * 26, company.actor(entry).user_id):
        with pytest.raises(SessionNotFound):
            company.own_sessions(entry).revoke(session_id)
