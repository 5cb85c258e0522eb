"""The events of an upload, from arrival to the queue, with DynamoDB and S3 (moto): in any order, twice, lost, and forged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from docplatform.core.actor import system
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.infra.queues import SqsQueues
from docplatform.library.model import ProcessingStep, ScanVerdict, State, Version
from docplatform.library.wiring import library
from docplatform.processing.model import Upload
from docplatform.processing.scan_results import ScanResults
from docplatform.processing.wiring import processing
from docplatform.tenancy.items import tenant_item
from tests.support.mocked_aws import BUCKET, Cloud, Person, TenantWorld, function
from tests.support.mocked_region import sample

pytestmark = pytest.mark.usefixtures("in_acme")
STORED = "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"


@dataclass
class Queue:
    sent: list[dict[str, Any]] = field(default_factory=list)

    def send(self, queue_url: str, bodies: Mapping[str, str]) -> None:
        self.sent += [json.loads(body) for body in bodies.values()]


@dataclass
class Awaited:
    """A document that waits for its file."""

    home: TenantWorld
    document_id: str
    version_id: str
    queue: Queue = field(default_factory=Queue)

    @property
    def upload(self) -> Upload:
        return Upload(self.home.tenant.id, self.document_id, self.version_id)

    @property
    def results(self) -> ScanResults:
        actor = system(self.home.tenant, "upload", "event")
        return ScanResults(actor, library(actor), self.queue, "https://queue", lambda: datetime.now(UTC))

    @property
    def version(self) -> Version:
        return library(system(self.home.tenant, "test", "run")).document(self.document_id).version

    def scanned(self, verdict: ScanVerdict, stored: str = STORED) -> bool:
        return self.results.scanned(self.upload, verdict, stored)

    def is_at(self, state: State, step: ProcessingStep) -> None:
        """Brings the document to this state, as its processing would."""
        document = library(system(self.home.tenant, "test", "run")).document(self.document_id)
        changed = replace(document.version, state=state, step=step)
        with library(system(self.home.tenant, "test", "run")).begin() as changes:
            changes.change_version(document, changed)

    @property
    def actions(self) -> list[str]:
        about = [item["action"] for item in self.home.audit if item["target"] == self.document_id]
        return [action for action in about if action.startswith("upload.")]


@pytest.fixture
def awaited(ann: Person, acme: TenantWorld) -> Awaited:
    made = ann.announces("walrus.txt", size=28)["document"]
    return Awaited(acme, made["id"], made["version"]["id"])


def test_a_clean_file_is_queued_once_its_scan_has_a_result(awaited: Awaited) -> None:
    assert awaited.results.received(awaited.upload)
    assert (awaited.version.state, awaited.version.step) == (State.PROCESSING, ProcessingStep.SCANNING)
    assert awaited.queue.sent == []
    assert awaited.scanned(ScanVerdict.CLEAN)
    tenant = awaited.home.tenant.id
    assert awaited.queue.sent == [
        {"tenant_id": tenant, "document_id": awaited.document_id, "version_id": awaited.version_id, "size": 28}
    ]
    assert (awaited.version.scan, awaited.version.storage_version) == (ScanVerdict.CLEAN, STORED)
    assert awaited.actions == ["upload.received", "upload.scanned"]


@pytest.mark.parametrize("order", sorted(set(permutations(["arrival", "arrival", "result", "result"]))))
def test_events_in_any_order_and_twice_lead_to_the_same(awaited: Awaited, order: tuple[str, ...]) -> None:
    for event in order:
        if event == "arrival":
            awaited.results.received(awaited.upload)
        else:
            assert awaited.scanned(ScanVerdict.CLEAN)
    assert (awaited.version.state, awaited.version.step) == (State.PROCESSING, ProcessingStep.SCANNING)
    assert awaited.version.scan is ScanVerdict.CLEAN
    assert sorted(awaited.actions) == ["upload.received", "upload.scanned"]


def test_arrival_and_result_at_the_same_moment_are_both_stored(
    awaited: Awaited, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, read = awaited.results, type(library(system(awaited.home.tenant, "x", "y"))).document
    between = [lambda: awaited.results.received(awaited.upload)]

    def slowly(self: Any, document_id: str) -> Any:
        found = read(self, document_id)
        if between:
            between.pop()()
        return found

    monkeypatch.setattr("docplatform.library.adapters.store.DynamoLibrary.document", slowly)
    assert results.scanned(awaited.upload, ScanVerdict.CLEAN, STORED)
    assert awaited.version.scan is ScanVerdict.CLEAN
    assert awaited.actions == ["upload.received", "upload.scanned"]


@pytest.mark.parametrize("verdict", [ScanVerdict.FAILED, ScanVerdict.ACCESS_DENIED])
def test_a_scan_that_did_not_take_place_queues_nothing_and_is_shown(awaited: Awaited, verdict: ScanVerdict) -> None:
    assert not awaited.scanned(verdict)
    assert awaited.queue.sent == []
    assert (awaited.version.scan, awaited.version.state) == (verdict, State.PROCESSING)
    assert awaited.scanned(ScanVerdict.CLEAN)
    assert len(awaited.queue.sent) == 1


def test_malware_that_a_later_scan_finds_puts_the_file_into_quarantine(awaited: Awaited, ann: Person) -> None:
    awaited.scanned(ScanVerdict.CLEAN)
    awaited.is_at(State.READY, ProcessingStep.DONE)
    assert not awaited.scanned(ScanVerdict.FAILED)
    assert awaited.version.scan is ScanVerdict.CLEAN, "a scan that did not take place says nothing new"
    assert not awaited.scanned(ScanVerdict.INFECTED)
    assert awaited.version.scan is ScanVerdict.INFECTED
    assert ann.asks("GET", f"/v1/documents/{awaited.document_id}/content")["scan"] == "infected"
    assert not awaited.scanned(ScanVerdict.CLEAN)
    assert awaited.version.scan is ScanVerdict.INFECTED, "nobody is let out of quarantine by an event"
    assert len(awaited.queue.sent) == 1


def test_a_result_that_comes_after_the_scan_was_given_up_starts_the_processing(awaited: Awaited) -> None:
    awaited.results.scanned(awaited.upload, ScanVerdict.FAILED, STORED, last=True)
    processing(system(awaited.home.tenant, "processing", "run")).mark_failed(
        awaited.document_id, awaited.version_id, "scan_failed", "", _NoIndex()
    )
    assert awaited.version.state is State.FAILED
    assert awaited.scanned(ScanVerdict.CLEAN)
    assert (awaited.version.state, awaited.version.trouble) == (State.PROCESSING, None)
    assert len(awaited.queue.sent) == 2


class _NoIndex:
    def put(self, *_: object) -> None: ...

    def update_metadata(self, *_: object) -> bool:
        return True

    def remove(self, *_: object) -> None: ...


def test_the_result_for_other_bytes_or_another_version_changes_nothing(awaited: Awaited) -> None:
    awaited.scanned(ScanVerdict.INFECTED)
    assert not awaited.scanned(ScanVerdict.CLEAN, stored="of another file")
    assert awaited.version.scan is ScanVerdict.INFECTED
    other = Upload(awaited.home.tenant.id, awaited.document_id, "ver_" + "0" * 26)
    assert not awaited.results.scanned(other, ScanVerdict.CLEAN, STORED)
    assert not awaited.results.received(other)
    assert awaited.version.scan is ScanVerdict.INFECTED


def test_a_file_of_a_deleted_document_is_queued_to_be_erased(awaited: Awaited, ann: Person) -> None:
    assert ann.asks("DELETE", f"/v1/documents/{awaited.document_id}").status == 204
    assert not awaited.results.received(awaited.upload)
    assert awaited.scanned(ScanVerdict.CLEAN)
    assert [each["document_id"] for each in awaited.queue.sent] == [awaited.document_id]


def test_a_step_that_read_the_document_before_the_result_does_not_store_over_it(awaited: Awaited) -> None:
    """Each progress is stored on condition of the result that it was decided on."""
    awaited.scanned(ScanVerdict.CLEAN)
    store = library(system(awaited.home.tenant, "test", "run"))
    before = store.document(awaited.document_id)
    awaited.is_at(State.PROCESSING, ProcessingStep.EXTRACTING)
    awaited.scanned(ScanVerdict.INFECTED)
    with pytest.raises(Exception, match="changed while it was processed"), store.begin() as changes:
        changes.change_version(before, before.version)
    assert awaited.version.scan is ScanVerdict.INFECTED


# -- the function, with AWS's own events
@pytest.fixture
def registered(region: Cloud, acme: TenantWorld) -> TenantWorld:
    item = {"pk": f"tenant#{acme.tenant.id}", "sk": "tenant", **tenant_item(acme.tenant)}
    region.database.put_item(TableName="registry", Item=encode_item(item))
    return acme


def filled(event: dict[str, Any], awaited: Awaited, **changes: str) -> dict[str, Any]:
    """A sample event, about the document's file."""
    named = {
        "doc_01m83gqsf9bafswwtw7dk31ryr": awaited.document_id,
        "ver_01m83gqsf9af5vhyvhmg4ddfcy": awaited.version_id,
        "docplatform-documents-111111111111-us-east-1": BUCKET,
    }
    text = json.dumps(event)
    for before, after in {**named, **changes}.items():
        assert before in text
        text = text.replace(before, after)
    return dict(json.loads(text))


def arrival(awaited: Awaited) -> dict[str, Any]:
    return filled(sample("upload", TENANT=awaited.home.tenant.id), awaited)


def result(awaited: Awaited, **changes: str) -> dict[str, Any]:
    return filled(sample("scan-result", TENANT=awaited.home.tenant.id), awaited, **changes)


STATUSES = {
    "NO_THREATS_FOUND": ("clean", True),
    "THREATS_FOUND": ("infected", True),
    "UNSUPPORTED": ("unsupported", True),
    "ACCESS_DENIED": ("access_denied", False),
    "FAILED": ("failed", False),
    "SOMETHING_NEW": ("failed", False),
    "": ("failed", False),
}


@pytest.mark.parametrize("status", STATUSES)
def test_the_function_stores_what_guardduty_says_and_never_takes_it_for_clean(
    registered: TenantWorld, awaited: Awaited, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setattr(SqsQueues, "send", lambda _self, url, bodies: awaited.queue.send(url, bodies))
    verdict, queued = STATUSES[status]
    given = result(awaited, NO_THREATS_FOUND=status)
    if not status:
        given["detail"]["scanStatus"] = "FAILED"
        del given["detail"]["scanResultDetails"]
    assert function("ingestion").handler(arrival(awaited), None) == {"queued": False}
    assert function("ingestion").handler(given, None) == {"queued": queued}
    assert (awaited.version.scan.value, len(awaited.queue.sent)) == (verdict, int(queued))
    assert awaited.version.storage_version == given["detail"]["s3ObjectDetails"]["versionId"]


@pytest.mark.parametrize(
    "change",
    [
        {f'"{BUCKET}"': '"somebody-elses"'},
        {"/original": "/text.txt"},
        {"tenants/": "derived/"},
    ],
)
def test_a_result_about_anything_but_an_upload_is_dropped(
    registered: TenantWorld, awaited: Awaited, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    monkeypatch.setattr(SqsQueues, "send", lambda _self, url, bodies: awaited.queue.send(url, bodies))
    assert function("ingestion").handler(result(awaited, **change), None) == {"queued": False}
    assert (awaited.version.scan, awaited.queue.sent) == (ScanVerdict.NOT_SCANNED, [])
