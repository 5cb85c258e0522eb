"""Every operation of the contract leaves a record in the audit trail: a success, a refusal and a failure."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from docplatform.core.audit import UNKNOWN_USER, Action
from docplatform.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from docplatform.http.auditing import EXEMPT, UNKNOWN_PATH
from docplatform.http.openapi import operations
from docplatform.http.router import Route, Router
from docplatform.identity.wiring.authority import authority_of
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.runtime.spec import Auth, FunctionSpec
from tests.e2e.operations import OPERATIONS, Operation
from tests.support.mocked_aws import ROOT, Answer, Cloud, function
from tests.support.mocked_region import House, new_house, operator_asks, sample

SERVED = {f"{route.method} {route.path}": (spec, auth, route) for spec, auth, route in operations(ROOT / "functions")}
OF_TENANTS = {name: each for name, each in SERVED.items() if each[1] is not Auth.OPERATOR}
RECORDED = sorted(set(OF_TENANTS) - set(EXEMPT))
WITH_ACTOR = [name for name in RECORDED if "actor" in SERVED[name][2].wants]
ELSEWHERE = {"GET /v1/search", "POST /v1/search", "DELETE /v1/sessions"}
"""Operations that need a search engine, or would end the session of the other tests."""
IDS = {"user_id": "usr_", "group_id": "grp_", "node_id": "fld_", "folder_id": "fld_", "document_id": "doc_"}
IDS |= {"key_id": "key_", "account_id": "usr_", "session_id": "ses_", "passkey_id": "pky_"}
KINDS = (Unauthenticated, Forbidden, NotFound, Conflict, Invalid)
TYPED = "Ann Smith's contract"  # what nobody should find in an audit trail


@pytest.fixture(scope="module")
def home(region: Cloud) -> House:
    return new_house(region)


@pytest.fixture(scope="module")
def admin(home: House) -> str:
    """An admin's access token."""
    return home.moves_in()["access_token"]


def value(parameter: str) -> str:
    return f"{IDS[parameter]}{'0' * 26}" if parameter in IDS else TYPED


def event_of(
    house: House, method: str, path: str, token: str, body: object = None, query: dict[str, str] | None = None
) -> dict[str, Any]:
    event = sample("api-request", HOST=house.host)
    event |= {"httpMethod": method, "path": path, "queryStringParameters": query}
    event["body"] = None if body is None else json.dumps(body)
    if token:
        event["requestContext"]["authorizer"] = house.authorizes(token)["context"]
    return event


def served(handler: Any, house: House, event: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """The status, and the records that the request has added to the tenant's trail."""
    forget_trail(house)
    status = handler(event, None)["statusCode"]
    return status, house.trail


def forget_trail(house: House) -> None:
    """Empties the table, because moto reads all of it each time."""
    for item in house.cloud.items("audit"):
        house.cloud.database.delete_item(TableName="audit", Key=encode_item({"pk": item["pk"], "sk": item["sk"]}))


def stubbed(route: Route, error: Exception | None = None) -> Any:
    """A router with this route, whose handler returns nothing, or raises ``error``."""

    def call(**_: object) -> None:
        if error:
            raise error

    router = Router(route.dialect, authorities=authority_of)
    bare = {"body": None, "query": None, "response": None, "step_up": None, "handler_errors": KINDS, "cursor_in": ""}
    router._add(dataclasses.replace(route, call=call, **bare))
    return router.handler


def stub_event(route: Route, house: House, admin: str) -> dict[str, Any]:
    path = route.path
    for part in [part for part in path.split("/") if part.startswith("{")]:
        path = path.replace(part, value(part[1:-1]))
    return event_of(house, route.method, path, admin if "actor" in route.wants else "")


# -- by default: whatever a handler does or forgets
@pytest.mark.parametrize("name", RECORDED)
def test_an_operation_that_records_nothing_itself_is_recorded(name: str, home: House, admin: str) -> None:
    route = SERVED[name][2]
    status, (record,) = served(stubbed(route), home, stub_event(route, home, admin))
    assert status < 400
    assert record["action"] == route.audit_action
    assert record["actor"].startswith("usr_") if "actor" in route.wants else record["actor"] == UNKNOWN_USER
    assert TYPED not in str(record)


@pytest.mark.parametrize("name", RECORDED)
def test_each_refusal_is_recorded_once_with_ids_and_nothing_else(name: str, home: House, admin: str) -> None:
    route = SERVED[name][2]
    event = stub_event(route, home, admin)
    for kind in KINDS:
        status, (record,) = served(stubbed(route, kind(TYPED)), home, event)
        assert status >= 400
        assert (record["action"], record["facts"]) == ("access.refused", {"code": kind.code, "method": route.method})
        assert record["target"].split("/")[:3] == route.path.split("/")[:3]
        assert TYPED not in str(record)


@pytest.mark.parametrize("name", RECORDED)
def test_a_failure_is_recorded(name: str, home: House, admin: str) -> None:
    route = SERVED[name][2]
    status, (record,) = served(stubbed(route, OSError(TYPED)), home, stub_event(route, home, admin))
    assert (status, record["action"]) == (500, "operation.failed")
    assert TYPED not in str(record)


def test_what_is_recorded_already_is_not_recorded_again(home: House) -> None:
    for name, secret in (("log-in", "wrong"), ("reset", "wrong")):
        path, body = {
            "log-in": ("/v1/auth/login", {"email": home.admin_email, "password": secret}),
            "reset": ("/v1/auth/password/reset", {"token": secret, "password": "another battery staple"}),
        }[name]
        status, records = served(function("identity").handler, home, event_of(home, "POST", path, "", body))
        assert (status, len(records)) == (401, 1), records


def test_a_read_that_cannot_be_recorded_is_not_answered_and_a_refusal_stays_one(
    home: House, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("the audit table does not answer")

    read, hidden = (event_of(home, "GET", path, admin) for path in ("/v1/folders/root", f"/v1/folders/fld_{'0' * 26}"))
    monkeypatch.setattr(TenantTable, "record_standalone", refuse)
    assert function("folders").handler(read, None)["statusCode"] == 500
    assert function("folders").handler(hidden, None)["statusCode"] == 404


# -- before a route is found
def test_an_unknown_path_is_recorded_without_its_text(home: House, admin: str) -> None:
    for path, method, code in (
        (f"/v1/folders/root/{TYPED}", "GET", "unknown_route"),
        ("/v1/folders", "DELETE", "method_not_allowed"),
    ):
        _, (record,) = served(function("folders").handler, home, event_of(home, method, path, admin))
        assert (record["target"], record["facts"]["code"]) == (UNKNOWN_PATH, code)
        assert record["actor"].startswith("usr_")


def test_a_request_of_a_suspended_tenant_is_recorded(region: Cloud) -> None:
    house = new_house(region)
    house.is_registered_as(status="suspended")
    body = {"email": house.admin_email, "password": "x" * 12}
    event = event_of(house, "POST", "/v1/auth/login", "", body)
    status, (record,) = served(function("identity").handler, house, event)
    assert (status, record["facts"]["code"], record["actor"]) == (403, "tenant_suspended", UNKNOWN_USER)


def test_the_caller_of_another_tenant_is_not_named_in_the_trail(region: Cloud, home: House, admin: str) -> None:
    other = new_house(region)
    event = event_of(home, "GET", "/v1/folders/root", admin)
    event["headers"]["Host"] = other.host
    before = len(home.trail)
    status, (record,) = served(function("folders").handler, other, event)
    assert (status, record["actor"], record["session"]) == (403, UNKNOWN_USER, "")
    assert len(home.trail) == before


def test_a_request_to_no_tenant_is_refused_without_a_record(region: Cloud, home: House) -> None:
    event = event_of(home, "POST", "/v1/auth/login", "", {"email": "a@b.example", "password": "x" * 12})
    event["headers"]["Host"] = "nobody.us.example"
    before = len(region.items("audit"))
    assert function("identity").handler(event, None)["statusCode"] == 404
    assert len(region.items("audit")) == before


# -- the real handlers
def real(name: str) -> Any:
    spec: FunctionSpec = SERVED[name][0]
    packages = [each for each in (ROOT / "functions").iterdir() if (each / "spec.py").exists()]
    (package,) = [each.name for each in packages if spec in function(each.name, "spec").FUNCTIONS]
    return function(package, spec.handler.partition(".")[0]).handler


def described(name: str) -> Operation:
    (found,) = [each for each in OPERATIONS if str(each) == name]
    return found


@pytest.mark.parametrize("name", WITH_ACTOR)
def test_a_request_that_does_not_fit_is_recorded(name: str, home: House, admin: str) -> None:
    operation = described(name)
    path = operation.at(**{each: value(each) for each in operation.parameters})
    event = event_of(home, operation.method, path, admin, query={"surprise": TYPED})
    status, (record,) = served(real(name), home, event)
    assert 400 <= status < 500
    assert record["action"] in ("access.refused", "step-up.refused")
    assert TYPED not in str(record)


@pytest.mark.parametrize("name", WITH_ACTOR)
def test_a_request_without_an_actor_is_recorded(name: str, home: House) -> None:
    """What the authorizer lets through without a user, because the tenant was not there for it (docs/adr/0004)."""
    operation = described(name)
    path = operation.at(**{each: value(each) for each in operation.parameters})
    status, (record,) = served(real(name), home, event_of(home, operation.method, path, ""))
    assert (status, record["facts"]["code"], record["actor"]) == (401, "unauthenticated", UNKNOWN_USER)


@pytest.mark.parametrize("name", [name for name in WITH_ACTOR if name not in ELSEWHERE])
def test_what_is_not_there_is_recorded_with_its_id(name: str, home: House, admin: str) -> None:
    """With a valid body and the ids of nothing. Operations without an id succeed, and are on record too."""
    operation = described(name)
    path = operation.at(**{each: value(each) for each in operation.parameters})
    event = event_of(home, operation.method, path, admin, operation.body)
    status, records = served(real(name), home, event)
    assert len(records) >= 1, status
    if status in (403, 404):
        assert [each["action"] for each in records] in (["access.refused"], ["step-up.refused"])
    if status < 300 and operation.method == "GET":
        assert [each["action"] for each in records] != [Action.REQUEST_ANSWERED], "declare audit_action at the route"


def test_reads_of_things_are_recorded_under_their_id_at_one_put(region: Cloud) -> None:
    ann = region.tenant("reads").member()
    folder = ann.creates_folder("Contracts")["id"]
    calls = ann.home.calls(lambda: ann.asks("GET", f"/v1/folders/{folder}"))
    assert calls.count("PutItem") == 1
    assert (ann.home.audit[-1]["action"], ann.home.audit[-1]["target"]) == ("folder.read", folder)


def test_a_repetition_and_a_change_of_nothing_are_recorded(region: Cloud) -> None:
    ann = region.tenant("again").member()
    folder = ann.creates_folder("Contracts", key="one")["id"]
    assert ann.creates_folder("Contracts", key="one")["id"] == folder
    assert ann.home.actions == ["folder.created", "folder.read"]
    assert ann.asks("PATCH", f"/v1/folders/{folder}", {}).status in (200, 400, 422)
    assert len(ann.home.actions) == 3


# -- the authorizer
@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", "token", "Bearer nothing", "Bearer dpk_nothing"])
def test_the_authorizer_records_each_refusal_once(home: House, header: str) -> None:
    before = len(home.trail)
    with pytest.raises(Exception, match="Unauthorized"):
        home.authorizes("", header=header)
    (record,) = home.trail[before:]
    assert record["action"] in ("token.refused", "api-key.refused")


# -- exceptions
def test_the_exceptions_are_operations_of_the_contract_and_say_why() -> None:
    assert set(EXEMPT) == {"GET /v1/health", "GET /v1/openapi.json", "GET /v1/auth/jwks.json"}
    of_no_tenant = {name for name, (*_, route) in OF_TENANTS.items() if not {"actor", "tenant"} & set(route.wants)}
    assert set(EXEMPT) == of_no_tenant
    assert all(len(reason) > 20 for reason in EXEMPT.values())


@pytest.mark.parametrize("name", sorted(EXEMPT))
def test_an_exception_leaves_no_record(name: str, home: House) -> None:
    route = SERVED[name][2]
    _, records = served(stubbed(route), home, event_of(home, route.method, route.path, ""))
    assert records == []


def test_an_operator_who_reads_a_tenant_is_in_the_tenants_trail(region: Cloud, home: House) -> None:
    before = len(home.trail)
    answer: Answer = operator_asks(region, "GET", f"/operator/v1/tenants/{home.facts['id']}")
    assert answer.status == 200
    (record,) = home.trail[before:]
    assert (record["action"], record["actor"].split(":")[0]) == ("tenant.read", "operator")
