"""The functions of live connections, called as by API Gateway and the table's stream. moto is the gateway."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.keys import Key
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.tenancy.adapters.keys import TenancyKeys
from tests.conftest import Environment
from tests.support.mocked_aws import REGION, function
from tests.support.mocked_region import House, new_house, sample

ENDPOINT = f"https://abcdef1234.execute-api.{REGION}.amazonaws.com/live"
PING = '{"action": "ping"}'


@pytest.fixture(autouse=True)
def endpoint(environment: Environment) -> None:
    environment.has(LIVE_ENDPOINT=ENDPOINT)


@dataclass
class Line:
    """The client's end of a WebSocket."""

    house: House
    entry: dict[str, str]
    name: str = "c1"
    context: dict[str, Any] = field(default_factory=dict)

    def url(self) -> str:
        answer = self.house.asks("POST", "/v1/live/tickets", token=self.entry["access_token"])
        assert answer.status == 201, answer
        return str(answer["url"])

    def ticket(self) -> str:
        return self.url().partition("?ticket=")[2]

    def is_let_in(self, ticket: str | None, host: str = "") -> bool:
        """Whether the authorizer admits the ticket. API Gateway returns 401 for exactly 'Unauthorized'."""
        host = host or f"{self.house.subdomain}.live.us.example"
        event = sample("live-authorizer", HOST=host, TICKET=ticket or "", CONNECTION=self.name)
        if ticket is None:
            event["queryStringParameters"] = None
        try:
            answer = function("realtime", "authorizer").handler(event, None)
        except Exception as refused:
            assert str(refused) == "Unauthorized", refused
            return False
        (statement,) = answer["policyDocument"]["Statement"]
        assert (statement["Effect"], statement["Resource"]) == ("Allow", event["methodArn"])
        self.context = answer["context"]
        return True

    def sends(self, kind: str, body: str = "") -> dict[str, Any]:
        event = sample("live-event", EVENT=kind, CONNECTION=self.name) | {"body": body}
        event["requestContext"]["authorizer"] = self.context
        answer: dict[str, Any] = function("realtime", "messages").handler(event, None)
        return answer

    def opens(self) -> int:
        assert self.is_let_in(self.ticket())
        return int(self.sends("CONNECT")["statusCode"])

    def says(self, text: str) -> Any:
        """The reply to a message; None if there is none."""
        answer = self.sends("MESSAGE", text)
        return json.loads(answer["body"]) if "body" in answer else None

    def pings(self) -> bool:
        return bool(self.says(PING) == {"type": "pong"})

    def is_open(self) -> bool:
        connection = {"session_id": self.context.get("session_id"), "id": self.name}
        return any(connection.items() <= item.items() for item in self.house.cloud.items("data"))


@pytest.fixture
def ann(house: House) -> Line:
    return Line(house, house.moves_in(), "of-ann")


@pytest.fixture
def vi(house: House, ann: Line) -> Line:
    house.invites("vi@x.example", ann.entry["access_token"])
    return Line(house, house.moves_in("vi@x.example", "Vi"), "of-vi")


def test_a_connection_is_opened_with_a_ticket_and_answers(house: House, ann: Line) -> None:
    assert ann.opens() == 200
    assert ann.pings()
    assert ann.sends("DISCONNECT") == {"statusCode": 200}
    told = [action for action in house.actions if action.startswith("live")]
    assert told == ["live-ticket.issued", "live.connected", "live.ended"]


def test_the_address_is_the_tenants_and_says_nothing_of_the_person(ann: Line) -> None:
    address, _, ticket = ann.url().partition("?ticket=")
    assert address == f"wss://{ann.house.subdomain}.live.us.example/"
    assert len(ticket) >= 43


def test_a_ticket_that_comes_twice_is_refused(ann: Line) -> None:
    ticket = ann.ticket()
    assert [ann.is_let_in(ticket), ann.is_let_in(ticket)] == [True, False]


@pytest.mark.parametrize("ticket", [None, "", ".", "x", "#", "x" * 5_000])
def test_other_text_as_ticket_is_refused(ann: Line, ticket: str | None) -> None:
    assert not ann.is_let_in(ticket)


def test_a_ticket_opens_a_connection_of_its_own_tenant_only(house: House, ann: Line) -> None:
    other = new_house(house.cloud)
    eve, ours = Line(other, other.moves_in(), "of-eve"), ann.ticket()
    assert not eve.is_let_in(ours)
    assert eve.opens() == 200
    assert eve.context["tenant_id"] == other.facts["id"]
    assert ann.is_let_in(ours), "it was not used up at another's"


@pytest.mark.parametrize("host", ["nobody.live.us.example", "live.us.example", "127.0.0.1", "."])
def test_a_ticket_opens_nothing_at_an_unknown_host(ann: Line, host: str) -> None:
    ticket = ann.ticket()
    assert not ann.is_let_in(ticket, host)
    assert ann.is_let_in(ticket), "it was not used up there"


def test_a_suspended_tenant_opens_nothing(house: House, ann: Line) -> None:
    ticket = ann.ticket()
    house.is_registered_as(status="suspended")
    assert not ann.is_let_in(ticket)


def test_a_tenant_of_another_region_opens_nothing_here(house: House, ann: Line) -> None:
    ticket = ann.ticket()
    house.is_registered_as(region="eu-central-1")
    assert not ann.is_let_in(ticket)


def test_an_error_of_the_platform_is_no_refusal(ann: Line, environment: Environment) -> None:
    """API Gateway then returns 500, and a client tries again."""
    ticket = ann.ticket()
    environment.has(DATA_TABLE="no-such-table")
    with pytest.raises(AssertionError, match="ResourceNotFound"):
        ann.is_let_in(ticket)
    environment.has(DATA_TABLE="data")
    assert ann.is_let_in(ticket)


@pytest.mark.parametrize(
    "text",
    ['{"action": "dance"}', "{}", '{"action": ["ping"]}', "ping", "[1]", "", "[" * 4_000, '"' + "é" * 4_100 + '"'],
)
def test_a_bad_message_gets_a_problem_and_the_connection_stays_open(ann: Line, text: str) -> None:
    ann.opens()
    told = ann.says(text)
    assert told["type"] == "problem"
    assert (told["problem"]["code"], told["problem"]["request_id"]) == ("malformed_request", "L0SM9EXAMPLEIhw=")
    assert ann.pings()


@pytest.mark.parametrize("kind", ["CONNECT", "MESSAGE", "DISCONNECT"])
def test_a_connection_without_the_authorizers_context_is_refused(ann: Line, kind: str) -> None:
    answer = ann.sends(kind, PING)
    assert answer["statusCode"] == 401
    assert json.loads(answer["body"])["problem"]["code"] == "invalid_ticket"
    assert not ann.is_open()


@pytest.mark.parametrize("name", ["", "a#b", "../x", "x" * 200])
def test_a_connection_that_cannot_stand_in_a_key_is_refused(ann: Line, name: str) -> None:
    ann.name = name
    assert ann.opens() == 401
    assert "live.connected" not in ann.house.actions


def test_a_failed_connect_is_an_internal_error_and_can_be_repeated(ann: Line, environment: Environment) -> None:
    assert ann.is_let_in(ann.ticket())
    environment.has(DATA_TABLE="no-such-table")
    answer = ann.sends("CONNECT")
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["problem"]["code"] == "internal"
    environment.has(DATA_TABLE="data")
    assert ann.sends("CONNECT")["statusCode"] == 200 and ann.pings()


def test_a_message_after_the_end_is_not_served(house: House, ann: Line) -> None:
    ann.opens()
    log_out(ann)
    assert ann.says(PING) is None
    assert not ann.is_open() and house.actions.count("live.ended") == 1


def test_a_log_out_before_the_connect_event_opens_nothing(house: House, ann: Line) -> None:
    assert ann.is_let_in(ann.ticket())
    log_out(ann)
    assert ann.sends("CONNECT")["statusCode"] == 401
    assert "live.connected" not in house.actions


@pytest.mark.slow
def test_one_connection_too_many_closes_the_oldest(house: House, ann: Line) -> None:
    lines = [Line(house, ann.entry, f"c{number}") for number in range(21)]
    assert {line.opens() for line in lines} == {200}
    assert [line.is_open() for line in lines] == [False] + [True] * 20


def test_a_connection_of_a_tenant_that_was_suspended_meanwhile_is_ended(house: House, ann: Line) -> None:
    ann.opens()
    house.is_registered_as(status="suspended")
    assert ann.says(PING) is None and not ann.is_open()


@pytest.mark.parametrize("ticket", ["", "x"])
def test_a_refused_ticket_is_audited_at_the_hosts_tenant(house: House, ann: Line, ticket: str) -> None:
    assert not ann.is_let_in(ticket)
    (refusal,) = [each for each in house.trail if each["action"] == "live-ticket.refused"]
    assert refusal["actor"] == "unknown" and "unknown, used or too old" in str(refusal)


def test_nobody_is_admitted_if_the_audit_record_cannot_be_written(ann: Line, environment: Environment) -> None:
    environment.has(AUDIT_TABLE="no-such-table")
    assert not ann.is_let_in("x")


# -- events of the stream


def tells(*keys: Key) -> dict[str, Any]:
    """Calls the function with a stream event for changed items with these keys."""
    records = []
    for place, (pk, sk) in enumerate(keys):
        (record,) = sample("table-stream")["Records"]
        record["dynamodb"] |= {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "SequenceNumber": str(place)}
        records.append(record)
    answer: dict[str, Any] = function("realtime", "revocation").handler({"Records": records}, None)
    return answer


def log_out(line: Line) -> None:
    answer = line.house.asks("POST", "/v1/auth/logout", {"refresh_token": line.entry["refresh_token"]})
    assert answer.status == 204, answer


def test_an_ended_session_is_told_and_closed_and_others_stay(house: House, ann: Line, vi: Line) -> None:
    assert (ann.opens(), vi.opens()) == (200, 200)
    log_out(vi)
    assert tells(house.keys(IdentityKeys).session(vi.context["session_id"])) == {"batchItemFailures": []}
    assert (vi.is_open(), ann.is_open()) == (False, True)
    assert ann.pings()


def test_a_disabled_user_is_told_and_closed(house: House, ann: Line, vi: Line) -> None:
    vi.opens()
    user = vi.context["user_id"]
    changed = house.asks("PATCH", f"/v1/users/{user}", {"disabled": True}, ann.entry["access_token"])
    assert changed.status == 200, changed
    assert tells(house.keys(IdentityKeys).user(user), house.keys(IdentityKeys).user(user)) == {"batchItemFailures": []}
    assert not vi.is_open()
    assert house.actions.count("live.ended") == 1


def test_a_deleted_user_is_closed_and_opens_nothing_more(house: House, ann: Line, vi: Line) -> None:
    vi.opens()
    late = Line(house, vi.entry, "late")
    assert late.is_let_in(late.ticket())
    user = vi.context["user_id"]
    assert house.asks("DELETE", f"/v1/users/{user}", token=ann.entry["access_token"]).status == 204
    assert tells(house.keys(IdentityKeys).user(user)) == {"batchItemFailures": []}
    assert late.sends("CONNECT")["statusCode"] == 401
    assert not vi.is_open() and not late.is_open()


def test_a_failure_is_where_the_stream_resumes(house: House, ann: Line, environment: Environment) -> None:
    ann.opens()
    log_out(ann)
    session = house.keys(IdentityKeys).session(ann.context["session_id"])
    environment.has(DATA_TABLE="no-such-table")
    assert tells(house.keys(LibraryKeys).document("doc_x"), session) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    environment.has(DATA_TABLE="data")
    assert tells(session) == {"batchItemFailures": []} and not ann.is_open()


def test_other_changes_are_passed_over(house: House) -> None:
    document, usage = house.keys(LibraryKeys).document("doc_x"), house.keys(TenancyKeys).usage()
    others = (document, usage, Key("registry#session#x", "session"), Key("t#session#x", "session"))
    assert tells(*others) == {"batchItemFailures": []}
