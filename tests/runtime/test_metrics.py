"""Business metrics: every emitter, in the source code and at run time. A dimension never names a tenant, a person or a
document."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cdk.specs import discover
from docplatform.authentication.sign_in import IssuedTokens
from docplatform.core.actor import Role
from docplatform.core.errors import DomainError
from docplatform.core.tenant import Plan
from docplatform.extraction.model import RejectionReason
from docplatform.http import problems, router
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.runtime import settings
from docplatform.runtime.metrics import Metric, SignInMethod
from docplatform.runtime.tenant_access import clients
from docplatform.search.model import Hits
from docplatform.tenancy.items import tenant_item
from tests.support.mocked_aws import ROOT, Cloud, Person, TenantWorld, function
from tests.support.mocked_region import House, new_house, sample

PACKAGE, FUNCTIONS = ROOT / "layers/platform/python/docplatform", ROOT / "functions"
RECORDER = "docplatform.runtime.metrics"


# -- by their source


class Emitter(NamedTuple):
    place: str
    metric: str
    by: str


def sources() -> Iterator[Path]:
    for folder in (PACKAGE, FUNCTIONS):
        yield from sorted(folder.rglob("*.py"))


def emitters() -> Iterator[Emitter]:
    """Every call of the recorder's functions, with the expression that gives the dimension's value."""
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        taken = {
            alias.asname or alias.name: alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == RECORDER
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and taken.get(node.func.id) in EMITS:
                by = [ast.unparse(word.value) for word in node.keywords if word.arg == "by"]
                place = str(path.relative_to(ROOT if path.is_relative_to(FUNCTIONS) else PACKAGE.parent))
                yield Emitter(place, ast.unparse(node.args[0]), by[0] if by else "")


EMITS = ("count", "measure")
SHARED = {
    "docplatform/http/router.py": "every API function",
    "docplatform/runtime/isolation.py": "every API function",
    "docplatform/runtime/telemetry.py": "every function",
    "docplatform/runtime/tenant_access.py": "every function that acts for tenants",
}
"""Code that many functions run → how the operators' page calls them."""
CLOSED = {
    "plan": ("actor.tenant.plan", "tenant.plan"),
    "code": ("error.code", "Forbidden.code", "Unauthenticated.code"),
    "source": ("source",),
    "verdict": ("result.verdict",),
    "method": tuple(f"SignInMethod.{each.name}" for each in SignInMethod),
    "kind": ("kind", "FINDING"),
    "": ("",),
}
"""The expressions that may give a dimension its value, each of a closed vocabulary. A new one is looked at by whoever
adds it here."""


def test_every_emitter_takes_its_dimensions_value_from_a_closed_vocabulary() -> None:
    found = list(emitters())
    assert len(found) > 15
    for emitter in found:
        metric = Metric[emitter.metric.removeprefix("Metric.")]
        assert emitter.by in CLOSED[metric.dimension], emitter


def test_every_metric_and_every_way_to_sign_in_has_an_emitter() -> None:
    found = list(emitters())
    assert {each.metric for each in found} == {f"Metric.{each.name}" for each in Metric}
    assert {each.by for each in found if each.metric == "Metric.SIGN_INS"} == set(CLOSED["method"])


def test_there_is_no_other_way_to_emit() -> None:
    """No code uses Powertools' metrics directly, or a recorder that the tests above would not see."""
    own = {PACKAGE / "runtime/metrics.py", PACKAGE / "runtime/telemetry.py"}
    for path in set(sources()) - own:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"aws_lambda_powertools(\.metrics| import .*Metrics)|['\"]_aws['\"]", text), path
        assert not re.search(rf"import .*\bmetrics\b|import {re.escape(RECORDER)}|\.(count|measure)\(Metric", text), (
            path
        )


def test_the_operators_page_lists_every_metric_with_its_unit_its_dimensions_and_who_emits_it() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+?) \| (.+?) \| .+ \|$", page, re.MULTILINE)
    listed = {name: (unit, re.findall(r"`([\w-]+)`", dimensions), who) for name, unit, dimensions, who in rows}
    assert listed.keys() == {each.title for each in Metric}
    for metric in Metric:
        unit, dimensions, _ = listed[metric.title]
        assert unit == metric.unit.value
        assert dimensions == ["service", *([metric.dimension] if metric.dimension else [])]
    specs = {f"functions/{each.handler.rpartition('.')[0].replace('.', '/')}.py": each.spec.name for each in discover()}
    specs |= {"functions/identity/credentials.py": "identity", "docplatform/runtime/authorizer.py": "authorizer"}
    for emitter in emitters():
        who = listed[Metric[emitter.metric.removeprefix("Metric.")].title][2]
        named = specs.get(emitter.place)
        assert f"`{named}`" in who if named else SHARED[emitter.place] in who


# -- by what they emit


@pytest.fixture
def home(region: Cloud) -> TenantWorld:
    made = region.tenant(f"t{datetime.now(UTC).timestamp():.6f}".replace(".", ""), Plan.ENTERPRISE)
    item = {"pk": f"tenant#{made.tenant.id}", "sk": "tenant", **tenant_item(made.tenant)}
    region.database.put_item(TableName="registry", Item=encode_item(item))
    clients(made.tenant)  # so that no event of a test counts its credentials
    return made


Told = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """The log lines with metrics since the last call, without those of credentials if not asked for: whether a request needs
    new ones depends on the requests before it."""

    def read(credentials: bool = False) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in lines if "_aws" in line and (credentials or "CredentialsIssued" not in line)]

    return read


def values(line: dict[str, Any]) -> dict[str, Any]:
    """Metric → its values; and the dimension beside ``service``, with its value."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    names = {name for each in directive["Dimensions"] for name in each} - {"service"}
    return {name: line[name] for name in (*(each["Name"] for each in directive["Metrics"]), *sorted(names))}


def test_credentials_count_when_sts_has_issued_them_and_not_when_they_are_kept(region: Cloud, told: Told) -> None:
    made = region.tenant(f"c{datetime.now(UTC).timestamp():.6f}".replace(".", ""), Plan.ENTERPRISE)
    ann = made.member()
    ann.asks("GET", "/v1/folders/root")
    ann.asks("GET", "/v1/folders/root")
    assert [values(line) for line in told(credentials=True)] == [{"CredentialsIssued": [1]}]


def test_an_announced_upload(home: TenantWorld, told: Told) -> None:
    assert home.member().announces("lease.txt").status == 201
    (line,) = told()
    assert values(line) == {"UploadsAnnounced": [1], "plan": "enterprise"}


def test_a_received_upload(home: TenantWorld, told: Told) -> None:
    dispatch = function("ingestion")
    document = home.member().announces("lease.txt")["document"]
    arrival = sample("upload", TENANT=home.tenant.id)
    arrival["detail"]["object"]["key"] = (
        f"tenants/{home.tenant.id}/documents/{document['id']}/{document['version']['id']}/original"
    )
    told()
    dispatch.handler(arrival, None)
    (line,) = told()
    assert values(line) == {"UploadsReceived": [1], "plan": "enterprise"}
    dispatch.handler(sample("upload", TENANT="t000000000009"), None)
    assert list(map(values, told())) == [
        {"CrossTenantAttempts": [1], "kind": "event"},
        {"ForeignIds": [1], "source": "event"},
    ]


def step(name: str, home: TenantWorld, document: dict[str, Any], **more: str) -> None:
    event = {"tenant_id": home.tenant.id, "document_id": document["id"], "version_id": document["version"]["id"]}
    function("processing", name).handler({**event, **more}, None)


def test_a_document_that_is_ready_counts_once_although_the_step_runs_twice(home: TenantWorld, told: Told) -> None:
    document = home.member().announces("lease.txt")["document"]
    told()
    step("finish", home, document)
    step("finish", home, document)
    (line,) = told()
    assert values(line) == {"DocumentsReady": [1]}


class NoIndex:
    def put(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ('{"errorMessage": "encrypted: ask Ann for it", "errorType": "FileRejected"}', "encrypted"),
        ('{"errorMessage": "ann@acme.example is out of memory"}', "processing_failed"),
        ("", "processing_failed"),
    ],
)
def test_a_document_that_failed_counts_by_its_code(
    home: TenantWorld, told: Told, monkeypatch: pytest.MonkeyPatch, cause: str, code: str
) -> None:
    document = home.member().announces("lease.txt")["document"]
    told()
    monkeypatch.setattr(function("processing", "mark_failed"), "index", lambda _: NoIndex())
    step("mark_failed", home, document, cause=cause)
    step("mark_failed", home, document, cause=cause)
    (line,) = told()
    assert values(line) == {"DocumentsFailed": [1], "code": code}


def test_processing_seconds_are_from_the_queue_to_the_end_of_a_ready_document(
    region: Cloud, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPRESS_WORKFLOW_ARN", "arn:express")
    monkeypatch.setenv("OPERATION_WORKFLOWS", json.dumps({"processing": "arn:standard"}))
    settings.load.cache_clear()
    workflow_runner, event = function("processing", "run_workflow"), sample("plan-queue")
    queued = int(event["Records"][0]["attributes"]["SentTimestamp"]) / 1000
    outcomes = iter(["ready", "failed", "nothing to do"])

    def run(_: object, **__: object) -> dict[str, Any]:
        ended = datetime.fromtimestamp(queued + 12.5, UTC)
        return {"status": "SUCCEEDED", "stopDate": ended, "output": json.dumps({"outcome": next(outcomes)})}

    workflow = type("Workflow", (), {"start_sync_execution": run})()
    monkeypatch.setattr(workflow_runner, "own_client", lambda *_, **__: workflow)
    for _ in range(3):
        assert workflow_runner.handler(event, None) == {"batchItemFailures": []}
    (line,) = told()
    assert values(line) == {"ProcessingSeconds": [pytest.approx(12.5)]}
    assert line["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "ProcessingSeconds", "Unit": "Seconds"}]


def test_searches_by_either_way_and_only_those_that_were_answered(
    home: TenantWorld, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = home.member()
    assert ann.asks("POST", "/v1/search", {"query": "lease of Ann"}).status == 503  # there is no engine here
    (refusal,) = told()
    assert values(refusal) == {"Refusals": [1], "code": "unavailable"}
    engine = type("Search", (), {"search": lambda *_, **__: Hits((), 0, "")})()
    monkeypatch.setattr(function("search"), "search", lambda _: engine)
    assert ann.asks("POST", "/v1/search", {"query": "lease of Ann"}).status == 200
    assert ann.asks("GET", "/v1/search", query={"q": "lease of Ann"}).status == 200
    assert [values(line) for line in told()] == [{"Searches": [1]}, {"Searches": [1]}]


def test_sign_ins_by_invitation_and_password_and_refusals_by_code(house: House, told: Told) -> None:
    house.moves_in()
    house.logs_in()
    house.logs_in(password="wrong")
    found = [values(line) for line in told()]
    assert found == [
        {"SignIns": [1], "method": "invitation"},
        {"SignIns": [1], "method": "password"},
        {"Refusals": [1], "code": "invalid_credentials"},
    ]


WAYS = [
    ("identity", "POST", "/v1/auth/mfa", {"challenge": "c" * 43, "code": "123456"}, "second-factor"),
    ("identity", "POST", "/v1/auth/mfa/enrolment/confirm", {"challenge": "c" * 43, "code": "123456"}, "mfa-enrolment"),
    ("identity", "POST", "/v1/auth/passkey", {"challenge": "c" * 43, "passkey": {"id": "x"}}, "passkey"),
    ("sso", "GET", "/v1/sso/callback", None, "oidc"),
    ("sso", "POST", "/v1/sso/acs", "SAMLResponse=x&RelayState=" + "s" * 43, "saml"),
]


@pytest.mark.parametrize(("package", "verb", "path", "body", "method"), WAYS, ids=[way[-1] for way in WAYS])
def test_sign_ins_by_a_proof_that_was_good(
    house: House,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    verb: str,
    path: str,
    body: Any,
    method: str,
) -> None:
    """The use case is a stand-in that lets everybody in; tests/authentication and tests/sso have the real ones."""
    issued = IssuedTokens("access", "refresh")

    class LetsIn:
        def finish(self, *_: object) -> IssuedTokens:
            return issued

        verify_factor = log_in_with_passkey = finish

        def confirm_enrolment(self, *_: object) -> tuple[IssuedTokens, tuple[str, ...]]:
            return issued, ("code",)

    use_case = ("handler", "_sign_on") if package == "sso" else ("credentials", "_mfa_sign_in")
    monkeypatch.setattr(function(package, use_case[0]), use_case[1], lambda *_: LetsIn())
    event = sample("api-request", HOST=house.host)
    form = isinstance(body, str)
    event |= {"httpMethod": verb, "path": path, "body": body if form else json.dumps(body) if body else None}
    event["headers"] |= {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    event["queryStringParameters"] = {"state": "s" * 43, "code": "c"} if method == "oidc" else None
    answer = house.cloud.call(package, event)
    assert answer.status == 200, answer
    (line,) = told()
    assert values(line) == {"SignIns": [1], "method": method}


def test_refusals_of_the_authorizer(house: House, region: Cloud, told: Told) -> None:
    token, other = house.moves_in()["access_token"], new_house(region)
    told()
    with pytest.raises(Exception, match="Unauthorized"):
        house.authorizes("no token")
    house.authorizes(token)
    other.authorizes(token)
    assert [line["code"] for line in told() if "code" in line] == ["unauthenticated", "forbidden"]


def test_refusals_of_live_connections(home: TenantWorld, told: Told) -> None:
    event = {"requestContext": {"eventType": "CONNECT", "connectionId": "abc=", "requestId": "r"}}
    assert function("realtime", "messages").handler(event, None)["statusCode"] == 401
    (line,) = told()
    assert values(line) == {"Refusals": [1], "code": "invalid_ticket"}


def codes(kind: type[DomainError] = DomainError) -> set[str]:
    return {kind.code}.union(*(codes(each) for each in kind.__subclasses__()))


def test_no_dimension_of_a_whole_mornings_work_names_a_tenant_a_person_or_a_document(
    home: TenantWorld, told: Told
) -> None:
    assert router.InvalidRequest in problems.MalformedRequest.__subclasses__()  # the router's errors are known, too
    vocabulary = {
        "plan": {each.value for each in Plan},
        "method": {each.value for each in SignInMethod},
        "code": codes() | {each.code for each in RejectionReason} | {"processing_failed"},
    }
    ann, admin = home.member(name="Ann Adams"), home.member(Role.ADMIN, name="Ada Adams")
    _work_a_morning(ann, admin)
    lines = told()
    assert len(lines) >= 8
    for line in lines:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == "docplatform"
            for dimensions in directive["Dimensions"]:
                assert dimensions[0] == "service" and len(dimensions) <= 2
                for name in dimensions[1:]:
                    assert line[name] in vocabulary[name]
            for metric in directive["Metrics"]:
                assert all(isinstance(value, float) for value in line[metric["Name"]])


def _work_a_morning(ann: Person, admin: Person) -> None:
    document = ann.announces("Lease of Ann Adams.txt")["document"]["id"]
    folder = ann.creates_folder("Adams")["id"]
    refused = [
        ann.announces("Lease of Ann Adams.txt"),
        ann.announces("../x"),
        ann.creates_folder("Adams"),
        ann.asks("GET", f"/v1/documents/{document}/content"),
        ann.asks("GET", f"/v1/documents/{folder}"),
        ann.asks("GET", f"/v1/folders/{folder}/children", query={"cursor": ann.id}),
        ann.asks("PATCH", f"/v1/folders/{folder}", {"name": "Ann", "colour": document}),
        ann.asks("GET", f"/v1/documents/{document}/nothing"),
        ann.asks("DELETE", f"/v1/users/{admin.id}"),
        admin.asks("DELETE", f"/v1/users/{document}"),
    ]
    assert all(answer.status >= 400 for answer in refused), refused
