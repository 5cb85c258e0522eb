"""Items, files, messages and workflow inputs of one tenant that name another tenant's ids. Nothing of the other tenant is read,
changed or erased, although here the database answers everybody and both tenants share one search index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from opensearchpy.exceptions import NotFoundError

from docplatform.core.actor import Role
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.queues import SqsQueues
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.runtime import settings
from docplatform.search import wiring
from docplatform.search.adapters import opensearch
from docplatform.tenancy.items import tenant_item
from tests.support.mocked_aws import BUCKET, Cloud, TenantWorld, function
from tests.support.mocked_region import sample


@dataclass
class SharedIndex:
    """An index that two tenants share, by entry id: a client of opensearch-py without a server."""

    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def indices(self) -> Any:
        return type("Indices", (), {"exists": lambda *_, **__: True})()

    def index(self, index: str, id: str, body: dict[str, Any]) -> None:
        self.entries[id] = dict(body)

    def update(self, index: str, id: str, body: dict[str, Any]) -> None:
        if id not in self.entries:
            raise NotFoundError(404, "document_missing_exception")
        self.entries[id] |= body["doc"]

    def delete(self, index: str, id: str) -> None:
        if self.entries.pop(id, None) is None:
            raise NotFoundError(404, "not_found")

    def search(self, index: str, body: dict[str, Any]) -> dict[str, Any]:
        """By tenant and documents, as the check of erasures asks."""
        by_tenant, by_document = body["query"]["bool"]["filter"]
        found = [
            {"sort": [entry["document_id"]]}
            for entry in self.entries.values()
            if entry["tenant_id"] == by_tenant["term"]["tenant_id"]
            and entry["document_id"] in by_document["terms"]["document_id"]
        ]
        return {"hits": {"hits": found}}


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> SharedIndex:
    made = SharedIndex()
    monkeypatch.setattr(wiring, "_connection", lambda *_: made)
    monkeypatch.setattr(opensearch, "_READY", set())
    return made


def registered(region: Cloud, name: str) -> TenantWorld:
    home = region.tenant(name)
    item = {"pk": f"tenant#{home.tenant.id}", "sk": "tenant", **tenant_item(home.tenant)}
    region.database.put_item(TableName="registry", Item=encode_item(item))
    return home


@dataclass
class Victim:
    """A document of hooli that is ready, with its file, text and search entry."""

    home: TenantWorld
    shared: SharedIndex
    document_id: str
    version_id: str

    @property
    def item(self) -> dict[str, Any]:
        key = LibraryKeys(self.home.tenant.id).document(self.document_id)
        (item,) = [each for each in self.home.cloud.items("data") if Key(each["pk"], each["sk"]) == key]
        return item

    @property
    def state(self) -> tuple[object, ...]:
        """Everything of the tenant that could be changed."""
        prefix = self.home.tenant.id
        items = [item for item in self.home.cloud.items("data") if item["pk"].startswith(f"{prefix}#")]
        listed = self.home.cloud.storage.list_object_versions(Bucket=BUCKET, Prefix=f"tenants/{prefix}/")
        files = sorted((each["Key"], each["VersionId"]) for each in listed["Versions"])
        entries = {id_: entry for id_, entry in self.shared.entries.items() if entry["tenant_id"] == prefix}
        return sorted(items, key=lambda item: (item["pk"], item["sk"])), files, entries, self.home.actions


@pytest.fixture
def victim(region: Cloud, shared: SharedIndex) -> Victim:
    home = registered(region, "hooli")
    document = home.member(Role.ADMIN).announces("secret.txt")["document"]
    victim = Victim(home, shared, document["id"], document["version"]["id"])
    path = f"tenants/{home.tenant.id}/documents/{victim.document_id}/{victim.version_id}"
    for part in ("original", "text.txt"):
        region.storage.put_object(Bucket=BUCKET, Key=f"{path}/{part}", Body=b"the secret of hooli")
    key = LibraryKeys(home.tenant.id).document(victim.document_id)
    item = victim.item
    item["version"] |= {"state": "ready", "step": "done", "has_text": True}
    region.database.put_item(TableName="data", Item=encode_item({**key._asdict(), **item}))
    stream(home.tenant.id, victim.document_id)
    assert [entry["text"] for entry in shared.entries.values()] == ["the secret of hooli"]
    return victim


@pytest.fixture
def mallory(region: Cloud) -> TenantWorld:
    return registered(region, "mallory")


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    def sources() -> list[str]:
        """The sources of what has been dropped since the last call."""
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        return [line["source"] for line in lines if "ForeignIds" in line]

    yield sources


def stream(tenant_id: str, document_id: str) -> None:
    event = sample("table-stream", TENANT=tenant_id, DOCUMENT=document_id)
    assert function("index_sync").handler(event, None) == {"batchItemFailures": []}


def step(module: str, of: str, victim: Victim, /, **changes: Any) -> Any:
    given = sample("workflow-step", TENANT=of, DOCUMENT=victim.document_id, VERSION=victim.version_id)
    return function("processing", module).handler({**given, **changes}, None)


# -- items and the stream
def test_an_item_under_anothers_document_id_takes_over_nothing(victim: Victim, mallory: TenantWorld) -> None:
    before = victim.state
    key = LibraryKeys(mallory.tenant.id).document(victim.document_id)
    forged = {**victim.item, **key._asdict(), "name": "mine now.txt", "owner": "usr_mallory"}
    mallory.cloud.database.put_item(TableName="data", Item=encode_item(forged))
    stream(mallory.tenant.id, victim.document_id)
    assert victim.state == before
    (mine,) = [each for each in victim.shared.entries.values() if each["tenant_id"] == mallory.tenant.id]
    assert (mine["name"], mine["text"]) == ("mine now.txt", "")
    mallory.cloud.database.delete_item(TableName="data", Key=encode_item(key._asdict()))
    stream(mallory.tenant.id, victim.document_id)
    assert victim.state == before
    assert len(victim.shared.entries) == 1


def test_a_change_of_a_document_that_the_tenant_has_not_erases_nothing_of_another(
    victim: Victim, mallory: TenantWorld
) -> None:
    before = victim.state
    stream(mallory.tenant.id, victim.document_id)
    assert victim.state == before


def test_a_key_that_no_code_of_ours_makes_is_dropped(victim: Victim, mallory: TenantWorld, counted: Any) -> None:
    before = victim.state
    for id_ in ("", "x", "{document}x", "{tenant}#doc#{document}", "../{document}", "root", "*"):
        counted()
        stream(mallory.tenant.id, id_.format(document=victim.document_id, tenant=victim.home.tenant.id))
        assert counted() == ["stream"], id_
    assert victim.state == before


# -- files
def test_a_file_under_anothers_ids_erases_nothing_of_another(
    victim: Victim, mallory: TenantWorld, region: Cloud
) -> None:
    before = victim.state
    path = f"tenants/{mallory.tenant.id}/documents/{victim.document_id}/{victim.version_id}/original"
    region.storage.put_object(Bucket=BUCKET, Key=path, Body=b"evil")
    with pytest.raises(Exception, match="unknown"):
        step("verify", mallory.tenant.id, victim)
    step("mark_failed", mallory.tenant.id, victim)
    assert victim.state == before
    left = region.storage.list_object_versions(Bucket=BUCKET, Prefix=f"tenants/{mallory.tenant.id}/")
    assert "Versions" not in left, "the file belongs to no document of its tenant"


# -- inputs of the workflow
STEPS = ("verify", "extract", "preview", "index", "finish")


def test_a_step_touches_nothing_that_its_tenants_database_does_not_know(victim: Victim, mallory: TenantWorld) -> None:
    before = victim.state
    for module in STEPS:
        with pytest.raises(Exception, match="unknown, or not yours"):
            step(module, mallory.tenant.id, victim)
        assert victim.state == before, module


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant_id": "*"},
        {"tenant_id": None},
        {"document_id": "../doc"},
        {"document_id": ""},
        {"document_id": ["x"]},
        {"version_id": "*"},
    ],
)
def test_a_malformed_input_is_refused_and_counted(region: Cloud, counted: Any, changes: dict[str, Any]) -> None:
    victim = Victim(registered(region, "hooli"), SharedIndex(), f"doc_{'0' * 26}", f"ver_{'0' * 26}")
    for module in (*STEPS, "mark_failed"):
        counted()
        with pytest.raises(ValueError, match="an id"):
            step(module, victim.home.tenant.id, victim, **changes)
        assert counted() == ["workflow"], module


def test_the_index_step_takes_facts_of_a_file_and_nothing_else(victim: Victim) -> None:
    before = victim.state
    for forged in ({"storage_version": "other"}, {"scan": "clean"}, {"id": "ver_x"}, {"state": "ready"}):
        with pytest.raises(ValueError, match="not facts"):
            step("index", victim.home.tenant.id, victim, facts=forged)
    assert victim.state == before


# -- messages
class Workflow:
    def __init__(self) -> None:
        self.inputs: list[dict[str, Any]] = []

    def start_sync_execution(self, *, stateMachineArn: str, input: str) -> dict[str, Any]:
        self.inputs.append(json.loads(input))
        return {"status": "SUCCEEDED", "stopDate": datetime.now(UTC)}


def message(**changes: Any) -> dict[str, Any]:
    event = sample("plan-queue")
    body = {**json.loads(event["Records"][0]["body"]), **changes}
    event["Records"][0]["body"] = json.dumps(body)
    return event


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant_id": "t000000000002"},  # in another tenant's group
        {"tenant_id": "*"},
        {"document_id": "../../x"},
        {"document_id": None},
        {"version_id": "ver_x"},
        {"size": "large"},
        {"size": None},
        {"size": True},
    ],
)
def test_a_message_that_contradicts_itself_starts_nothing(
    region: Cloud, monkeypatch: pytest.MonkeyPatch, counted: Any, changes: dict[str, Any]
) -> None:
    monkeypatch.setenv("EXPRESS_WORKFLOW_ARN", "arn:express")
    monkeypatch.setenv("OPERATION_WORKFLOWS", json.dumps({"processing": "arn:standard"}))
    settings.load.cache_clear()
    start, workflow = function("processing", "run_workflow"), Workflow()
    monkeypatch.setattr(start, "own_client", lambda *_, **__: workflow)
    assert start.handler(message(), None) == {"batchItemFailures": []}
    assert len(workflow.inputs) == 1
    counted()
    with pytest.raises(ValueError, match="id|message|group"):  # it comes back, and ends in the dead-letter queue
        start.handler(message(**changes), None)
    assert counted() == ["message"]
    assert len(workflow.inputs) == 1


def test_an_event_of_no_tenant_is_counted(region: Cloud, counted: Any) -> None:
    counted()
    for tenant in ("t000000000009", "..", "*"):
        for name in ("upload", "scan-result"):
            assert function("ingestion").handler(sample(name, TENANT=tenant), None) == {"queued": False}
            assert counted() == ["event"]


def test_a_scan_result_under_anothers_ids_changes_nothing_of_another(
    victim: Victim, mallory: TenantWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(SqsQueues, "send", lambda _self, url, bodies: sent.extend(bodies.items()))
    before = victim.state
    event = sample("scan-result", TENANT=mallory.tenant.id)
    event["detail"]["s3ObjectDetails"] |= {
        "bucketName": BUCKET,
        "objectKey": f"tenants/{mallory.tenant.id}/documents/{victim.document_id}/{victim.version_id}/original",
    }
    event["detail"]["scanResultDetails"]["scanResultStatus"] = "THREATS_FOUND"
    assert function("ingestion").handler(event, None) == {"queued": True}  # to erase the file
    assert [group for group, _ in sent] == [mallory.tenant.id]
    assert victim.state == before
