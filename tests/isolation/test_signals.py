"""The two signals of isolation: what raises an *attempt*, and what is *detected* and never answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from opensearchpy.exceptions import TransportError

from docplatform.api_keys.model import key_text
from docplatform.core import ids, isolation
from docplatform.core.actor import Role
from docplatform.core.errors import DomainError, TenantNotFound
from docplatform.core.isolation import IsolationFault
from docplatform.core.tenant import tenant_context, tenant_scope
from docplatform.core.time import now
from docplatform.http.router import Router
from docplatform.identity.wiring.authority import authority_of
from docplatform.infra.dynamodb.codec import decode_item, encode_item
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.library.adapters.s3 import S3Files
from docplatform.library.views import LinkView
from docplatform.runtime import triggers
from docplatform.runtime.isolation import ALLOWED, WINDOW, AttemptStore, attempts
from docplatform.runtime.tenant_access import clients
from docplatform.runtime.triggers import event_handler
from docplatform.search.adapters.opensearch import TenantIndex, connect
from docplatform.search.model import SearchQuery
from tests.support.mocked_aws import REGION, ROOT, Answer, Cloud, Person, TenantWorld
from tests.support.mocked_region import House, new_house

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """The log lines since the last call."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def line_of(lines: Lines) -> dict[str, Any]:
    """The members of the lines since the last call: metrics of different dimensions stand in lines of their own."""
    return {name: value for line in reversed(lines()) for name, value in line.items()}


def counted(line: dict[str, Any], metric: str) -> int:
    return len(line.get(metric, []))


# -- attempts
def knocks(house: House, token: str, lines: Lines, address: str = "") -> dict[str, Any]:
    """Comes with ``token`` to the tenant's address. Returns the members of the authorizer's log lines."""
    lines()
    try:
        house.authorizes(token, address=address)
    except Exception as refused:
        assert str(refused) == "Unauthorized"
    return line_of(lines)


def a_token(house: House, region: Cloud) -> str:
    return new_house(region).moves_in()["access_token"]


def a_key(house: House, region: Cloud) -> str:
    return key_text(ids.new(ids.API_KEY, now()), b"7" * 32)


@pytest.mark.parametrize(("credential", "kind"), [(a_token, "token"), (a_key, "api-key")])
def test_another_tenants_credential_is_an_attempt_and_the_sixth_a_finding(
    house: House, region: Cloud, lines: Lines, credential: Callable[[House, Cloud], str], kind: str
) -> None:
    foreign = credential(house, region)
    for number in range(1, ALLOWED + 3):
        line = knocks(house, foreign, lines)
        assert line["cross_tenant_attempts"] == [kind]
        found = [each for each in (line,) if counted(each, "SecurityFindings")]
        assert len(found) == (number == ALLOWED + 1), number
    findings = [each for each in house.trail if each["action"] == "security.finding"]
    assert [each["facts"] for each in findings] == [{"attempts": ALLOWED + 1}]
    assert foreign not in json.dumps(house.trail)


def counter_of(actor: str, region: Cloud) -> dict[str, Any]:
    (found,) = [item for item in region.items("operations") if item["pk"] == AttemptStore.key(actor).pk]
    return found


def findings(house: House) -> int:
    return house.actions.count("security.finding")


def test_attempts_of_different_actors_and_of_long_ago_are_no_finding(house: House, region: Cloud, lines: Lines) -> None:
    for number in range(ALLOWED + 2):
        line = knocks(house, a_key(house, region), lines, address=f"192.0.2.{number}")
        assert line["cross_tenant_attempts"] == ["api-key"]
    long_ago = now() - WINDOW - timedelta(seconds=1)
    for _ in range(ALLOWED):
        attempts().add("address/198.51.100.1", long_ago)
    knocks(house, a_key(house, region), lines, address="198.51.100.1")
    assert findings(house) == 0


def test_another_key_each_time_is_one_actor(house: House, region: Cloud, lines: Lines) -> None:
    for _ in range(ALLOWED + 1):
        knocks(house, a_key(house, region), lines, address="192.0.2.71")
    assert findings(house) == 1


def test_attempts_at_another_tenant_each_time_are_one_actors(house: House, region: Cloud, lines: Lines) -> None:
    foreign, houses = a_token(house, region), [new_house(region) for _ in range(ALLOWED)]
    for each in [*houses, house]:
        knocks(each, foreign, lines)
    assert [findings(each) for each in [*houses, house]] == [0] * ALLOWED + [1]


def test_a_time_of_the_future_counts(house: House, region: Cloud, lines: Lines) -> None:
    for _ in range(ALLOWED):
        attempts().add("address/192.0.2.72", now() + timedelta(days=1))
    knocks(house, a_key(house, region), lines, address="192.0.2.72")
    assert findings(house) == 1


def test_no_counter_is_among_the_items_that_a_tenants_credentials_reach(
    house: House, region: Cloud, lines: Lines
) -> None:
    before = {(item["pk"], item["sk"]) for item in region.items("data")}
    for _ in range(ALLOWED + 1):
        knocks(house, a_key(house, region), lines, address="192.0.2.73")
    assert {(item["pk"], item["sk"]) for item in region.items("data")} == before
    counter = counter_of("address/192.0.2.73", region)
    assert (len(counter["times"]), "192.0.2.73" in str(counter)) == (ALLOWED + 1, False)


def test_a_flood_of_attempts_is_one_small_item(region: Cloud) -> None:
    at = now()
    counts = [attempts().add("flood", at) for _ in range(120)]
    assert (max(counts), counts.count(ALLOWED + 1)) == (50, 1)
    assert len(counter_of("flood", region)["times"]) <= 50


def test_a_full_counter_keeps_the_attempts_of_the_window(region: Cloud) -> None:
    at = now()
    for _ in range(47):
        attempts().add("full", at - WINDOW)
    assert [attempts().add("full", at) for _ in range(ALLOWED + 1)] == [*range(1, ALLOWED + 2)]


@pytest.mark.parametrize("token", ["a.b.c", "dpk_nothing"])
def test_a_typing_error_is_no_attempt(house: House, lines: Lines, token: str) -> None:
    assert "cross_tenant_attempts" not in knocks(house, token, lines)


@pytest.mark.parametrize("code", ["AccessDeniedException", "AccessDenied"])
def test_a_call_that_aws_denies_with_the_tenants_credentials_is_an_attempt(
    ann: Person, lines: Lines, code: str
) -> None:
    def deny(request: Any, **_: Any) -> AWSResponse:
        body = json.dumps({"__type": f"x#{code}", "message": "not authorized"}).encode()
        response = AWSResponse(request.url, 400, {}, None)
        response._content = body
        return response

    events = clients(ann.home.tenant).client("dynamodb").meta.events
    lines()
    events.register_first("before-send.dynamodb.BatchGetItem", deny, unique_id="deny")
    answer = ann.asks("GET", f"/v1/folders/fld_{'0' * 26}")
    events.unregister("before-send.dynamodb.BatchGetItem", unique_id="deny")
    line = line_of(lines)
    assert (answer.status, answer["code"]) == (500, "internal")
    assert line["cross_tenant_attempts"] == ["access-denied"]
    assert ann.home.actions[-1] == "operation.failed"


def test_a_head_of_an_object_that_is_denied_is_an_attempt(acme: TenantWorld) -> None:
    denied = AWSResponse("https://s3.example", 403, {}, None)
    denied._content = b""
    with tenant_scope(), tenant_context(acme.tenant):
        isolation.begin()
        storage = clients(acme.tenant).client("s3")
        storage.meta.events.register_first("before-send.s3.HeadObject", lambda **_: denied, unique_id="deny")
        with pytest.raises(ClientError):
            storage.head_object(Bucket="documents", Key=f"tenants/{acme.tenant.id}/documents/x")
        storage.meta.events.unregister("before-send.s3.HeadObject", unique_id="deny")
        assert isolation.signals().attempts == ["access-denied"]


@pytest.fixture
def collection() -> Iterator[tuple[str, list[int]]]:
    """A search collection that answers with the statuses in the list, in turn."""
    statuses: list[int] = []

    class Collection(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.send_response(statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_HEAD = do_PUT = do_DELETE = do_GET = _answer  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Collection) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/own", statuses
        server.shutdown()


@pytest.mark.parametrize("status", [403, 404, 400])
@pytest.mark.parametrize(
    "ask",
    [
        lambda index: index.search(SearchQuery("word", None, 10, "", 5)),
        lambda index: index.left([f"doc_{'0' * 26}"]),
        lambda index: index.remove(f"doc_{'0' * 26}"),
        lambda index: index._client.indices.exists(index="documents"),
    ],
    ids=["search", "left", "remove", "exists"],
)
def test_a_denial_of_a_search_collection_is_an_attempt_and_no_other_refusal_is(
    acme: TenantWorld, collection: tuple[str, list[int]], ask: Callable[[TenantIndex], Any], status: int
) -> None:
    endpoint, statuses = collection
    statuses += [status, status]
    with tenant_scope(), tenant_context(acme.tenant):
        isolation.begin()
        index = TenantIndex(connect(endpoint, Credentials("a", "b", "c"), REGION), endpoint, acme.tenant.id)
        with suppress(DomainError, TransportError):
            ask(index)
        assert isolation.signals().attempts == (["access-denied"] if status == 403 else [])


def test_an_event_that_names_a_tenant_of_another_region_is_an_attempt(
    region: Cloud, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = new_house(region)
    house.is_registered_as(region="eu-central-1")
    lines()

    @event_handler("index-sync")
    def handler(event: dict[str, str]) -> None:
        triggers.tenant_of(event["tenant_id"])

    with pytest.raises(TenantNotFound):
        handler({"tenant_id": house.facts["id"]}, None)
    line = line_of(lines)
    assert line["cross_tenant_attempts"] == ["event"]
    assert REGION != "eu-central-1"


# -- detected
def is_detected(answer: Answer, home: TenantWorld, lines: Lines, place: str) -> None:
    """The request ended without an answer; log, metric and audit trail say so."""
    assert (answer.status, answer["code"]) == (500, "isolation_fault")
    line = line_of(lines)
    assert (line["level"], line["cross_tenant_detected"], line["CrossTenantDetected"]) == ("ERROR", [place], [1.0])
    assert line["tenant_id"] == home.tenant.id
    record = home.audit[-1]
    assert record["action"] == "access_denied"
    assert (record["facts"]["reason"], record["facts"]["place"]) == ("tenant_mismatch", place)


def test_an_item_of_another_tenant_is_never_answered(
    ann: Person, region: Cloud, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = region.tenant("other").member(name="Bo")
    foreign = other.creates_folder("Bo's contracts")["id"]
    get = TenantTable.get

    def anywhere(table: TenantTable, key: Any) -> Any:
        raw = next((each for each in table._client.scan(TableName="data")["Items"] if foreign in each["pk"]["S"]), None)
        return get(table, key) or (decode_item(raw) if raw else None)

    monkeypatch.setattr(TenantTable, "get", anywhere)
    lines()
    is_detected(ann.asks("GET", f"/v1/folders/{foreign}"), ann.home, lines, "item")


def test_no_item_is_written_under_the_key_of_another_tenant(acme: TenantWorld, region: Cloud) -> None:
    other = region.tenant("other").tenant.id
    for name in ("pk", "gsi1pk", "gsi2pk", "gsi3pk"):
        with tenant_context(acme.tenant), pytest.raises(IsolationFault):
            encode_item({name: f"{other}#doc#1"})
        with tenant_context(acme.tenant):
            assert encode_item({name: f"{acme.tenant.id}#doc#1"})


def test_a_row_of_an_index_that_leads_to_another_tenant_is_dropped_and_reported(
    ann: Person, region: Cloud, lines: Lines
) -> None:
    """An item of another tenant with this tenant's key in an index: it can be written with that tenant's credentials."""
    mine = ann.creates_folder("Mine")["id"]
    mallory = region.tenant("mallory").tenant.id
    item = {"pk": f"{mallory}#folder#{mine}", "sk": "folder", "gsi1pk": f"{ann.home.tenant.id}#children#root"}
    region.database.put_item(TableName="data", Item=encode_item({**item, "gsi1sk": f"2000#{mine}"}))
    lines()
    answer = ann.lists(sort="created_at")
    assert (answer.status, [each["id"] for each in answer["items"]]) == (200, [mine])
    line = line_of(lines)
    assert (line["level"], line["cross_tenant_detected"]) == ("ERROR", ["index-row"])
    assert ann.names_in(sort="created_at", limit="1") == ["Mine"], "a page may end at the dropped row"


@pytest.mark.parametrize("part", ["tenants", "derived", "derived/tenants", "elsewhere"])
def test_the_key_of_another_tenants_object_is_never_used(
    ann: Person, region: Cloud, lines: Lines, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    other = region.tenant("other").tenant.id
    document = ann.announces("a.txt")["document"]["id"]
    monkeypatch.setattr(S3Files, "_key", lambda *_: f"{part}/{other}/documents/{document}/x/original")
    lines()
    is_detected(ann.asks("POST", f"/v1/documents/{document}/upload"), ann.home, lines, "object-key")


def planted_link(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documents function answers with ``url`` as the link of a download."""
    router = Router(authorities=authority_of)

    @router.get("/v1/documents/{document_id}/content", response=LinkView)
    def download(actor: Any, document_id: str) -> LinkView:
        return LinkView(method="GET", url=url, headers={}, expires_at=now())

    monkeypatch.setattr("functions.documents.handler.handler", router.handler)


@pytest.mark.parametrize("host", ["s3.example/documents", "documents.s3.example", "gateway.example/s3/documents"])
@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("tenants/OWN", True),
        ("derived/OWN", True),
        ("tenants/OTHER", False),
        ("derived/OTHER", False),
        ("tenants%2FOTHER", False),
        ("tenants/OWN/../OTHER", False),
        ("tenants/OWN/%2e%2e/OTHER", False),
        ("derived/tenants/OTHER", False),
        ("tenants/OWN/derived/OTHER", False),
        ("elsewhere", False),
    ],
)
def test_a_link_to_another_tenants_object_is_never_answered(
    ann: Person, region: Cloud, lines: Lines, monkeypatch: pytest.MonkeyPatch, host: str, path: str, own: bool
) -> None:
    path = path.replace("OWN", ann.home.tenant.id).replace("OTHER", region.tenant("other").tenant.id)
    planted_link(f"https://{host}/{path}/documents/x/y/original?X-Amz-Signature=1", monkeypatch)
    lines()
    answer = ann.asks("GET", f"/v1/documents/doc_{'0' * 26}/content")
    if own:
        assert answer.status == 200
        assert "cross_tenant_detected" not in line_of(lines)
    else:
        is_detected(answer, ann.home, lines, "link")


def test_every_link_of_the_contract_is_one_that_is_checked() -> None:
    """Members of answers that hold an address: the one of live connections, and the link that is checked."""
    contract = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    named = {
        name
        for name, schema in contract["components"]["schemas"].items()
        if any(member in ("url", "href", "location", "link") for member in schema.get("properties", {}))
    }
    assert named == {"docplatform__library__views__LinkView", "LiveTicket"}


def test_signals_end_with_their_invocation(ann: Person, lines: Lines) -> None:
    with tenant_scope():
        isolation.begin()
        isolation.note_attempt(isolation.AttemptKind.EVENT)
    lines()
    assert ann.home.member(Role.ADMIN).asks("GET", "/v1/folders/root").status == 200
    assert "cross_tenant_attempts" not in line_of(lines)
