"""Lifetimes and parallel use of sessions, invitations and passwords."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from docplatform.authentication.sign_in import IssuedTokens
from docplatform.authentication.verification import PresentedFactor
from docplatform.core import ids
from docplatform.core.errors import DomainError, InvalidCursor
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.errors import InvalidCredentials, InvalidInvitation, InvalidRefreshToken, SessionNotFound
from docplatform.identity.model import alive
from docplatform.identity.security_settings import SESSION_LIFE
from docplatform.infra.dynamodb.codec import encode_item
from tests.identity.harness import PASSWORD, Company, at_once
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Cloud

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
    (session,) = company.open_sessions(entry)
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
    (session,) = company.open_sessions(entry)
    assert session.expires_at == company.clock() + timedelta(days=5)


def test_an_ended_session_is_not_listed(company: Company) -> None:
    company.moves_in()
    company.clock.passes(days=10)
    later = company.door.log_in("ann@acme.example", PASSWORD)
    assert len(company.open_sessions(later)) == 2
    company.clock.passes(days=5)
    (left,) = company.open_sessions(later)
    assert left.id == company.actor(later).session_id


def test_sessions_are_listed_newest_first(company: Company) -> None:
    entries = [company.moves_in()]
    for _ in range(3):
        company.clock.passes(minutes=1)
        entries.append(company.door.log_in("ann@acme.example", PASSWORD))
    listed = [session.id for session in company.open_sessions(entries[0])]
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
    assert len(company.open_sessions(entry)) == 1


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


def _stored_sessions(company: Company, entry: IssuedTokens, number: int) -> list[str]:
    """Sessions beside that of ``entry``, each a second older than the one before it, without a sign-in."""
    own = company.people.session(company.actor(entry).session_id)
    assert own
    made = []
    for each in range(number):
        at = own.created_at - timedelta(seconds=each)
        session = replace(own, id=ids.new(ids.SESSION, at), created_at=at, auth_time=at)
        with company.people.begin() as changes:
            changes.open_session(session)
        made.append(session.id)
    return made


def test_all_other_sessions_end_however_many_they_are(company: Company) -> None:
    entry = company.moves_in()
    others = _stored_sessions(company, entry, 130)
    user_id = company.actor(entry).user_id
    company.own_sessions(entry).revoke_others()
    user = company.people.user(user_id)
    states = [alive(company.people.session(each), user, company.clock()) for each in others]
    assert not any(states) and len(states) == 130
    assert [each.id for each in company.open_sessions(entry)] == [company.actor(entry).session_id]
    assert company.door.refresh(entry.refresh_token)


def test_a_session_that_the_index_has_not_yet_ends_too(company: Company, region: Cloud) -> None:
    entry = company.moves_in()
    other = company.door.log_in("ann@acme.example", PASSWORD)
    key = IdentityKeys(company.tenant.id).session(company.actor(other).session_id)
    region.database.update_item(
        TableName="data", Key=encode_item(key._asdict()), UpdateExpression="REMOVE gsi1pk, gsi1sk"
    )
    company.own_sessions(entry).revoke_others()
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(other.refresh_token)


def test_the_session_that_stays_proves_and_lasts_no_more_than_before(company: Company) -> None:
    entry = company.moves_in()
    company.clock.passes(minutes=11)
    company.own_sessions(entry).revoke_others()
    session = company.people.session(company.actor(entry).session_id)
    assert session and not session.fresh(company.clock())
    began = session.created_at
    for _ in range(3):
        company.clock.passes(days=9)
        entry = company.door.refresh(entry.refresh_token)
    kept = company.people.session(session.id)
    assert kept and kept.expires_at == began + SESSION_LIFE


def test_a_later_end_of_all_sessions_ends_the_one_that_stayed(company: Company) -> None:
    entry = company.moves_in()
    company.own_sessions(entry).revoke_others()
    company.clock.passes(minutes=1)
    company.accounts(entry).revoke_all(company.actor(entry).user_id)
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(entry.refresh_token)


def test_a_session_that_has_ended_ends_no_others(company: Company) -> None:
    entry, other = company.moves_in(), company.door.log_in("ann@acme.example", PASSWORD)
    company.door.log_out(entry.refresh_token)
    with pytest.raises(SessionNotFound):
        company.own_sessions(entry).revoke_others()
    assert company.door.refresh(other.refresh_token)


def test_sessions_are_listed_page_by_page(company: Company) -> None:
    entry = company.moves_in()
    wanted = [company.actor(entry).session_id, *_stored_sessions(company, entry, 24)]
    for position in range(3, 24, 2):
        with company.people.begin() as changes:  # ended ones are passed over
            changes.close_session(wanted[position])
    wanted = [each for number, each in enumerate(wanted) if number not in range(3, 24, 2)]
    sessions, seen, cursor = company.own_sessions(entry), [], ""
    while True:
        page, cursor = sessions.list(limit=4, cursor=cursor)
        seen += [each.id for each in page]
        assert len(page) == 4 or not cursor
        if not cursor:
            break
    assert sorted(seen) == sorted(wanted) and len(set(seen)) == len(seen)
    with pytest.raises(InvalidCursor):
        sessions.list(limit=4, cursor="bm90IG9uZQ")
