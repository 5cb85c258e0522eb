"""Live connections: how they open, how many a user has, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.authentication.sign_in import IssuedTokens
from docplatform.core.actor import Role, system
from docplatform.core.errors import AddressRefused
from docplatform.core.tenant import TenantStatus, tenant_context
from docplatform.identity.model import User, UserStatus
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.infra.dynamodb.mapper import to_item
from docplatform.realtime.adapters.keys import RealtimeKeys
from docplatform.realtime.adapters.store import DynamoLive
from docplatform.realtime.connections import (
    ENDED,
    REPLACED,
    ConnectionRevocation,
    LiveConnections,
    LiveTickets,
    NotOpenYet,
    admit,
)
from docplatform.realtime.errors import InvalidTicket
from docplatform.realtime.model import CONNECT_GRACE, MOST_OF_A_USER, TICKET_LIFE, LiveConnection, is_connection_id
from docplatform.runtime.tenant_access import table
from tests.identity.harness import PASSWORD, Company, another_tenant
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Cloud

pytestmark = on_every_database

MAIL, HERE = "ann@acme.example", "192.0.2.7"


@dataclass
class Sockets:
    """A gateway that has every connection except those in ``gone``."""

    gone: set[str] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)
    works: bool = True

    def end(self, connection_id: str, message: str) -> bool:
        if not self.works:
            raise ConnectionError("the gateway does not answer")
        if connection_id in self.gone:
            return False
        self.told.append((connection_id, message))
        return True

    @property
    def closed(self) -> list[str]:
        return sorted(name for name, _ in self.told)


@dataclass
class Lines:
    company: Company
    cloud: Cloud
    sockets: Sockets = field(default_factory=Sockets)

    @property
    def store(self) -> DynamoLive:
        return DynamoLive(table(self.company.tenant))

    def ticket(self, entry: IssuedTokens) -> str:
        return LiveTickets(self.company.actor(entry), self.store, self.company.clock).issue()[0]

    def admits(self, ticket: str) -> tuple[str, str]:
        """The session's and the user's id."""
        session, user = admit(self.store, self.company.people, ticket, self.company.clock(), address=HERE)
        return session.id, user.id

    def of(self, entry: IssuedTokens) -> LiveConnections:
        company = self.company
        return LiveConnections(company.actor(entry), self.store, company.people, self.sockets, company.clock, HERE)

    @property
    def revocation(self) -> ConnectionRevocation:
        company, actor = self.company, system(self.company.tenant, "live-ends", "e")
        return ConnectionRevocation(actor, self.store, company.people, self.sockets, company.clock)

    def open_of(self, entry: IssuedTokens) -> set[str]:
        """The ids of the session's open connections. Checks that they are also listed for the user."""
        actor = self.company.actor(entry)
        found = {each.id for each in self.store.of_session(actor.session_id)}
        assert found <= {each.id for each in self.store.of_user(actor.user_id)}
        return found

    def actions(self, action: str) -> int:
        return [item["action"] for item in self.items("audit")].count(action)

    def items(self, name: str) -> list[dict[str, Any]]:
        """The items of the tenant in a table."""
        return [item for item in self.cloud.items(name) if item["pk"].startswith(f"{self.company.tenant.id}#")]


@pytest.fixture
def lines(company: Company, region: Cloud) -> Lines:
    return Lines(company, region)


@pytest.fixture
def ann(company: Company) -> IssuedTokens:
    return company.moves_in()


@pytest.fixture
def bob(company: Company, ann: IssuedTokens) -> IssuedTokens:
    company.members(ann).invite("bob@acme.example", Role.EDITOR)
    return company.moves_in(name="Bob")


# -- tickets


def test_a_ticket_lets_its_session_in_once(lines: Lines, ann: IssuedTokens) -> None:
    actor, ticket = lines.company.actor(ann), lines.ticket(ann)
    assert lines.admits(ticket) == (actor.session_id, actor.user_id)
    with pytest.raises(InvalidTicket):
        lines.admits(ticket)


def test_a_ticket_is_good_for_a_minute(lines: Lines, ann: IssuedTokens) -> None:
    early, late = lines.ticket(ann), lines.ticket(ann)
    lines.company.clock.passes(seconds=TICKET_LIFE.total_seconds() - 1)
    assert lines.admits(early)
    lines.company.clock.passes(seconds=1)
    with pytest.raises(InvalidTicket):
        lines.admits(late)


def test_only_the_hash_of_a_ticket_is_kept(lines: Lines, ann: IssuedTokens) -> None:
    ticket = lines.ticket(ann)
    assert len(ticket) >= 43, "256 bits"
    assert ticket not in str([lines.items("data"), lines.items("audit")])


def test_a_ticket_is_invalid_at_another_tenant_and_not_used_up_there(lines: Lines, ann: IssuedTokens) -> None:
    ticket, other = lines.ticket(ann), another_tenant()
    with tenant_context(other), pytest.raises(InvalidTicket):
        admit(DynamoLive(table(other)), lines.company.people, ticket, lines.company.clock(), address=HERE)
    assert lines.admits(ticket)


@pytest.mark.parametrize("ticket", ["", "x", "#", "x" * 5000])
def test_other_text_is_no_ticket(lines: Lines, ticket: str) -> None:
    with pytest.raises(InvalidTicket):
        lines.admits(ticket)


def test_a_ticket_is_invalid_after_log_out(lines: Lines, ann: IssuedTokens) -> None:
    ticket = lines.ticket(ann)
    lines.company.door.log_out(ann.refresh_token)
    with pytest.raises(InvalidTicket):
        lines.admits(ticket)


# -- opening


def test_a_connection_is_stored_by_session_and_by_user_and_closed_once(lines: Lines, ann: IssuedTokens) -> None:
    own = lines.of(ann)
    own.open("c1")
    assert lines.open_of(ann) == {"c1"} and own.serves("c1")
    for _ in range(2):
        own.close("c1")
    assert lines.open_of(ann) == set()
    assert lines.store.of_user(lines.company.actor(ann).user_id) == ()
    assert (lines.actions("live.connected"), lines.actions("live.ended")) == (1, 1)


def test_nothing_opens_for_a_session_that_has_ended(lines: Lines, ann: IssuedTokens) -> None:
    lines.company.door.log_out(ann.refresh_token)
    with pytest.raises(InvalidTicket):
        lines.of(ann).open("c1")
    assert lines.open_of(ann) == set() and lines.actions("live.connected") == 0


def log_out(lines: Lines, entry: IssuedTokens) -> None:
    lines.company.door.log_out(entry.refresh_token)


def end_all_sessions(lines: Lines, entry: IssuedTokens) -> None:
    lines.company.clock.passes(seconds=1)
    with lines.company.people.begin() as changes:
        changes.end_sessions(lines.company.actor(entry).user_id, lines.company.clock())


def disable(lines: Lines, entry: IssuedTokens) -> None:
    user = _user(lines, entry)
    with lines.company.people.begin() as changes:
        changes.change_user(user, role=user.role, status=UserStatus.DISABLED, sessions_since=None)


ENDS: list[Callable[[Lines, IssuedTokens], None]] = [log_out, end_all_sessions, disable]


def _user(lines: Lines, entry: IssuedTokens) -> User:
    user = lines.company.people.user(lines.company.actor(entry).user_id)
    assert user is not None
    return user


@pytest.mark.parametrize("ends", ENDS)
def test_nothing_opens_if_the_session_ends_between_read_and_write(
    ends: Callable[[Lines, IssuedTokens], None], lines: Lines, bob: IssuedTokens
) -> None:
    """The database must refuse: the stream event of the session's end came before, and no other follows."""
    actor, as_read = lines.company.actor(bob), _user(lines, bob)
    ends(lines, bob)
    late = LiveConnection("c1", actor.user_id, actor.session_id, lines.company.clock())
    with pytest.raises(InvalidTicket), lines.store.begin() as changes:
        changes.open(late, as_read)
    assert lines.open_of(bob) == set()


def test_a_session_that_was_kept_opens_connections(lines: Lines, ann: IssuedTokens) -> None:
    """A change of the password ends all sessions except the one that made it."""
    elsewhere = lines.company.door.log_in(MAIL, PASSWORD)
    lines.company.clock.passes(seconds=1)
    lines.company.own_password(ann).change(PASSWORD, "another horse battery staple")
    lines.of(ann).open("c1")
    with pytest.raises(InvalidTicket):
        lines.of(elsewhere).open("c2")
    assert lines.open_of(ann) == {"c1"}


def test_a_user_has_twenty_connections_and_one_more_closes_the_oldest(
    lines: Lines, ann: IssuedTokens, bob: IssuedTokens
) -> None:
    other = lines.company.door.log_in(MAIL, PASSWORD)
    lines.of(bob).open("b1")
    for number in range(MOST_OF_A_USER):
        lines.company.clock.passes(seconds=1)
        lines.of((ann, other)[number % 2]).open(f"c{number}")
    assert lines.sockets.told == []
    lines.of(other).open("one-more")
    assert lines.sockets.told == [("c0", REPLACED)]
    assert len(lines.open_of(ann)) + len(lines.open_of(other)) == MOST_OF_A_USER
    assert lines.open_of(bob) == {"b1"}
    assert lines.actions("live.ended") == 1


def test_connections_with_an_unreported_end_do_not_block_new_ones(lines: Lines, ann: IssuedTokens) -> None:
    """API Gateway does not guarantee a ``$disconnect`` event."""
    for number in range(MOST_OF_A_USER):
        lines.company.clock.passes(seconds=1)
        lines.of(ann).open(f"c{number}")
    lines.sockets.gone = {f"c{number}" for number in range(MOST_OF_A_USER)}
    for number in range(3):
        lines.of(ann).open(f"new{number}")
    assert {"new0", "new1", "new2", "c3"} <= lines.open_of(ann) and "c2" not in lines.open_of(ann)


def test_a_refused_connection_closes_no_other(lines: Lines, ann: IssuedTokens) -> None:
    for number in range(MOST_OF_A_USER):
        lines.of(ann).open(f"c{number}")
    log_out(lines, ann)
    with pytest.raises(InvalidTicket):
        lines.of(ann).open("one-more")
    assert lines.sockets.told == [] and len(lines.open_of(ann)) == MOST_OF_A_USER


# -- ending


@pytest.mark.parametrize("ends", ENDS)
def test_the_end_of_a_session_ends_its_connections_and_no_others(
    ends: Callable[[Lines, IssuedTokens], None], lines: Lines, ann: IssuedTokens, bob: IssuedTokens
) -> None:
    for name in ("b1", "b2"):
        lines.of(bob).open(name)
    lines.of(ann).open("a1")
    ends(lines, bob)
    actor = lines.company.actor(bob)
    for _ in range(2):  # the stream may deliver an event twice
        lines.revocation.close_ended_of_session(actor.session_id, lines.company.clock())
        lines.revocation.close_ended_of_user(actor.user_id, lines.company.clock())
        lines.revocation.close_ended_of_user(lines.company.actor(ann).user_id, lines.company.clock())
    assert lines.sockets.closed == ["b1", "b2"] and {told for _, told in lines.sockets.told} == {ENDED}
    assert lines.open_of(bob) == set() and lines.open_of(ann) == {"a1"}
    assert lines.actions("live.ended") == 2
    assert lines.of(ann).serves("a1")


def test_another_session_of_the_same_person_goes_on(lines: Lines, ann: IssuedTokens) -> None:
    other = lines.company.door.log_in(MAIL, PASSWORD)
    lines.of(ann).open("c1")
    lines.of(other).open("c2")
    log_out(lines, ann)
    lines.revocation.close_ended_of_session(lines.company.actor(ann).session_id, lines.company.clock())
    lines.revocation.close_ended_of_user(lines.company.actor(ann).user_id, lines.company.clock())
    assert lines.sockets.closed == ["c1"] and lines.of(other).serves("c2")


def test_a_session_that_goes_on_keeps_its_connections(lines: Lines, ann: IssuedTokens) -> None:
    lines.of(ann).open("c1")
    lines.company.door.refresh(ann.refresh_token)
    lines.revocation.close_ended_of_session(lines.company.actor(ann).session_id, lines.company.clock())
    assert lines.sockets.told == [] and lines.open_of(ann) == {"c1"}


def test_a_message_after_the_end_is_not_served_and_closes_the_connection(lines: Lines, ann: IssuedTokens) -> None:
    lines.of(ann).open("c1")
    log_out(lines, ann)
    assert not lines.of(ann).serves("c1")
    assert lines.sockets.told == [("c1", ENDED)] and lines.open_of(ann) == set()
    assert lines.actions("live.ended") == 1


def test_a_connection_of_a_suspended_tenant_is_not_served(lines: Lines, ann: IssuedTokens) -> None:
    lines.of(ann).open("c1")
    lines.company.tenant = replace(lines.company.tenant, status=TenantStatus.SUSPENDED)
    assert not lines.of(ann).serves("c1")
    assert lines.sockets.told == [("c1", ENDED)]


def test_a_gateway_that_fails_leaves_the_connection_for_the_next_attempt(lines: Lines, ann: IssuedTokens) -> None:
    lines.of(ann).open("c1")
    log_out(lines, ann)
    session_id = lines.company.actor(ann).session_id
    lines.sockets.works = False
    with pytest.raises(ConnectionError):
        lines.revocation.close_ended_of_session(session_id, lines.company.clock())
    assert lines.open_of(ann) == {"c1"}
    lines.sockets.works = True
    lines.revocation.close_ended_of_session(session_id, lines.company.clock())
    assert lines.sockets.closed == ["c1"] and lines.open_of(ann) == set()


def test_a_connection_that_the_gateway_does_not_have_yet_is_tried_again_until_it_must_be_gone(
    lines: Lines, ann: IssuedTokens
) -> None:
    """The gateway has a connection only after the response to ``$connect``. The session may end before that."""
    lines.of(ann).open("c1")
    log_out(lines, ann)
    lines.sockets.gone.add("c1")
    session_id = lines.company.actor(ann).session_id
    with pytest.raises(NotOpenYet):
        lines.revocation.close_ended_of_session(session_id, lines.company.clock())
    assert lines.open_of(ann) == {"c1"}
    lines.company.clock.passes(seconds=CONNECT_GRACE.total_seconds())
    lines.revocation.close_ended_of_session(session_id, lines.company.clock())
    assert lines.open_of(ann) == set()


@pytest.mark.parametrize(
    ("connection_id", "opened", "changed"),
    [
        ("c9", timedelta(days=20_000), timedelta()),
        ("c9", CONNECT_GRACE, timedelta()),
        ("c9", -CONNECT_GRACE, timedelta()),
        ("c9", timedelta(), -CONNECT_GRACE),
        ("no/id of the gateway", timedelta(), timedelta()),
        ("x" * 900, timedelta(), timedelta()),
    ],
)
def test_no_item_can_say_that_its_connection_is_waited_for(
    lines: Lines, ann: IssuedTokens, connection_id: str, opened: timedelta, changed: timedelta
) -> None:
    """With a tenant's credentials one can write any item. The changes of other tenants are behind this one in the stream."""
    lines.of(ann).open("c1")
    log_out(lines, ann)
    actor, at = lines.company.actor(ann), lines.company.clock()
    forged = LiveConnection(connection_id, actor.user_id, actor.session_id, at + opened)
    keys = RealtimeKeys(lines.company.tenant.id)
    of_user = keys.user_connection(actor.user_id, actor.session_id, connection_id)
    for key in (keys.connection(actor.session_id, connection_id), of_user):
        item = encode_item({**key._asdict(), **to_item(forged)})
        lines.cloud.database.put_item(TableName="data", Item=item)
    lines.sockets.gone.add(connection_id)
    lines.revocation.close_ended_of_session(actor.session_id, at + changed)
    assert lines.sockets.closed == ["c1"] and lines.open_of(ann) == set()


def test_a_connection_that_is_waited_for_leaves_no_other_open(lines: Lines, ann: IssuedTokens) -> None:
    for name in ("c1", "c2", "c3"):
        lines.of(ann).open(name)
    log_out(lines, ann)
    lines.sockets.gone.add("c1")
    with pytest.raises(NotOpenYet):
        lines.revocation.close_ended_of_session(lines.company.actor(ann).session_id, lines.company.clock())
    assert lines.sockets.closed == ["c2", "c3"] and lines.open_of(ann) == {"c1"}


def test_the_items_of_a_connection_expire(lines: Lines, ann: IssuedTokens) -> None:
    lines.ticket(ann)
    lines.of(ann).open("c1")
    left = [item for item in lines.items("data") if "live" in item["pk"] + item["sk"]]
    until = {datetime.fromtimestamp(float(item["expires"]), UTC) - lines.company.clock() for item in left}
    assert len(left) == 3 and {each.total_seconds() for each in until} == {60.0, 7200.0}


@pytest.mark.parametrize(
    ("text", "fits"),
    [("L0SM9cOFvHcCIhw=", True), ("c-1_x", True), ("", False), ("a#b", False), ("a/b", False), ("x" * 129, False)],
)
def test_a_connection_id_can_stand_in_a_key(text: str, fits: bool) -> None:
    assert is_connection_id(text) is fits


def test_a_connection_from_elsewhere_is_neither_opened_nor_served(lines: Lines, ann: IssuedTokens) -> None:
    lines.of(ann).open("con_1")
    ticket = lines.ticket(ann)
    assert lines.of(ann).serves("con_1")
    lines.company.accounts(ann).set_security(HERE, require_mfa=False, address_ranges=[HERE])
    assert lines.of(ann).serves("con_1")
    company = lines.company
    away = LiveConnections(
        company.actor(ann), lines.store, company.people, lines.sockets, company.clock, "198.51.100.9"
    )
    with pytest.raises(AddressRefused):
        away.open("con_2")
    with pytest.raises(AddressRefused):
        admit(lines.store, company.people, ticket, company.clock(), address="198.51.100.9")
    assert not away.serves("con_1") and lines.sockets.closed == ["con_1"]
