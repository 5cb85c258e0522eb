"""Uploads whose event never came: they are found in storage and processed, and nothing is looked for for ever."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.core.actor import system
from docplatform.core.tenant import tenant_context
from docplatform.infra.dynamodb.codec import Item, encode_item
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.library.adapters.s3 import S3Files
from docplatform.library.model import Document, ScanVerdict, Version
from docplatform.library.wiring import files, library
from docplatform.processing.missed_uploads import MissedUploads
from docplatform.processing.model import Upload
from docplatform.processing.scan_results import ScanResults
from docplatform.processing.wiring import processing
from tests.support.mocked_aws import BUCKET, TenantWorld

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Queue:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    def send(self, queue_url: str, bodies: Mapping[str, str]) -> None:
        self.sent += [(queue_url, group, json.loads(body)) for group, body in bodies.items()]


class Scanner:
    """``says``: what stands in the tag of every file. ``asked``: the files for which a scan was asked."""

    def __init__(self) -> None:
        self.says: ScanVerdict | None = ScanVerdict.CLEAN
        self.asked: list[tuple[str, str]] = []

    def verdict(self, document: Document, storage_version: str) -> ScanVerdict | None:
        return self.says

    def scan_again(self, document: Document, storage_version: str) -> None:
        self.asked.append((document.id, storage_version))


class Recovery:
    """The job for one tenant, at a time that the test sets."""

    def __init__(self, home: TenantWorld) -> None:
        self.home, self.queue, self.scanner, self.began = home, Queue(), Scanner(), datetime.now(UTC)

    def runs(self, after: timedelta) -> dict[str, int]:
        actor = system(self.home.tenant, "missed-uploads", "run")
        with tenant_context(self.home.tenant):
            results = ScanResults(actor, library(actor), self.queue, "https://queue", lambda: self.began + after)
            job = MissedUploads(
                self.home.tenant, library(actor), files(actor), self.scanner, results, lambda: self.began + after
            )
            return job.recover()

    def arrives(self, document: dict[str, Any], content: bytes = b"lost") -> str:
        """Returns the S3 version id."""
        key = f"tenants/{self.home.tenant.id}/documents/{document['id']}/{document['version']['id']}/original"
        return str(self.home.cloud.storage.put_object(Bucket=BUCKET, Key=key, Body=content)["VersionId"])

    def version(self, document: dict[str, Any]) -> Version:
        """The stored version of the document."""
        with tenant_context(self.home.tenant):
            return library(system(self.home.tenant, "test", "run")).document(document["id"]).version

    @property
    def queued(self) -> list[str]:
        return [body["document_id"] for _, _, body in self.queue.sent]


@pytest.fixture
def recovery(acme: TenantWorld) -> Recovery:
    return Recovery(acme)


@pytest.fixture
def document(acme: TenantWorld) -> dict[str, Any]:
    found: dict[str, Any] = acme.member().announces("lease.txt", size=4)["document"]
    return found


def test_a_file_whose_event_never_came_is_queued_as_its_event_would_have(
    recovery: Recovery, document: dict[str, Any]
) -> None:
    recovery.arrives(document)
    assert recovery.runs(after=31 * MINUTE) == {"looked_for": 1, "found": 1, "scans": 0}
    tenant = recovery.home.tenant.id
    message = {"tenant_id": tenant, "document_id": document["id"], "version_id": document["version"]["id"], "size": 4}
    assert recovery.queue.sent == [("https://queue", tenant, message)]


def test_a_file_that_has_just_arrived_is_left_to_its_event(recovery: Recovery, document: dict[str, Any]) -> None:
    recovery.arrives(document)
    assert recovery.runs(after=29 * MINUTE) == {"looked_for": 0, "found": 0, "scans": 0}


def test_a_file_that_is_queued_is_not_queued_again_while_it_waits_for_its_turn(
    recovery: Recovery, document: dict[str, Any]
) -> None:
    recovery.arrives(document)
    recovery.runs(after=HOUR)
    recovery.runs(after=HOUR + 15 * MINUTE)
    recovery.runs(after=6 * HOUR)
    assert recovery.queued == [document["id"]]
    recovery.runs(after=7 * HOUR + MINUTE)  # that message is lost, too
    assert recovery.queued == [document["id"]] * 2


def test_a_document_without_a_file_is_looked_for_less_and_less_and_at_last_no_more(
    recovery: Recovery, document: dict[str, Any]
) -> None:
    looks = [hours for hours in range(24 * 70) if recovery.runs(after=hours * HOUR)["looked_for"]]
    assert 8 <= len(looks) <= 14
    assert all(later - earlier >= earlier / 2 for earlier, later in zip(looks, looks[1:], strict=False))
    recovery.arrives(document)
    assert recovery.runs(after=100 * DAY) == {"looked_for": 0, "found": 0, "scans": 0}


def test_what_is_being_processed_is_not_looked_for(recovery: Recovery, document: dict[str, Any]) -> None:
    recovery.arrives(document)
    actor = system(recovery.home.tenant, "test", "run")
    with tenant_context(recovery.home.tenant):
        processing(actor).mark_failed(document["id"], document["version"]["id"], "", "", _NoIndex())
    assert recovery.runs(after=HOUR) == {"looked_for": 0, "found": 0, "scans": 0}


class _NoIndex:
    def put(self, *_: object) -> None: ...

    def describe(self, *_: object) -> bool:
        return True

    def remove(self, *_: object) -> None: ...


def test_one_tenants_job_finds_nothing_of_another(recovery: Recovery, document: dict[str, Any]) -> None:
    recovery.arrives(document)
    other = Recovery(recovery.home.cloud.tenant("hooli"))
    assert other.runs(after=HOUR) == {"looked_for": 0, "found": 0, "scans": 0}
    assert recovery.queue.sent == []


def test_a_deleted_document_is_not_looked_for(recovery: Recovery, acme: TenantWorld) -> None:
    ann = acme.member()
    document = ann.announces("gone.txt")["document"]
    assert ann.asks("DELETE", f"/v1/documents/{document['id']}").status == 204
    assert recovery.runs(after=HOUR) == {"looked_for": 0, "found": 0, "scans": 0}


# -- a scan without a result
def test_a_scan_that_has_no_result_is_asked_for_less_and_less_and_given_up_after_a_day(
    recovery: Recovery, document: dict[str, Any], acme: TenantWorld
) -> None:
    stored, recovery.scanner.says = recovery.arrives(document), None
    runs = [recovery.runs(after=quarters * 15 * MINUTE) for quarters in range(4 * 23)]
    assert 5 <= sum(run["scans"] for run in runs) <= 8
    assert set(recovery.scanner.asked) == {(document["id"], stored)}
    assert recovery.queued == []
    for hours in range(23, 60):
        recovery.runs(after=hours * HOUR)
    assert recovery.queued[0] == document["id"]  # its processing says on the document that it could not be scanned
    assert recovery.version(document).scan is ScanVerdict.FAILED
    assert [item["facts"]["verdict"] for item in acme.audit if item["action"] == "upload.scanned"] == ["failed"]


@pytest.mark.parametrize("verdict", [ScanVerdict.FAILED, ScanVerdict.ACCESS_DENIED])
def test_a_scan_that_did_not_take_place_is_repeated_and_its_result_counts(
    recovery: Recovery, document: dict[str, Any], verdict: ScanVerdict
) -> None:
    recovery.arrives(document)
    recovery.scanner.says = verdict
    assert recovery.runs(after=HOUR) == {"looked_for": 1, "found": 0, "scans": 1}
    recovery.scanner.says = ScanVerdict.INFECTED
    assert recovery.runs(after=3 * HOUR) == {"looked_for": 1, "found": 1, "scans": 0}
    assert recovery.version(document).scan is ScanVerdict.INFECTED


def test_what_waits_for_its_result_is_left_alone_for_half_an_hour(recovery: Recovery, acme: TenantWorld) -> None:
    document = acme.member().announces("slow.txt", size=4)["document"]
    recovery.arrives(document)
    recovery.scanner.says = None
    with tenant_context(acme.tenant):
        actor = system(acme.tenant, "upload", "event")
        results = ScanResults(actor, library(actor), recovery.queue, "https://queue", lambda: recovery.began)
        assert results.received(Upload(acme.tenant.id, document["id"], document["version"]["id"]))
    assert recovery.runs(after=29 * MINUTE)["looked_for"] == 0
    assert recovery.runs(after=31 * MINUTE) == {"looked_for": 1, "found": 0, "scans": 1}


# -- rows of the index are hints


def _forged(home: TenantWorld, document: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """The stored item of a document with other attributes, which stands before all others in a list of awaited uploads."""
    key = {"pk": {"S": f"{home.tenant.id}#doc#{document['id']}"}, "sk": {"S": "doc"}}
    item = home.cloud.database.get_item(TableName="data", Key=key)["Item"]
    return {**item, "gsi3sk": {"S": "2020-01-01T00:00:00.000Z#x"}, **attributes}


def test_rows_that_another_tenant_wrote_into_the_list_hide_nothing_and_are_not_followed(
    recovery: Recovery, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docplatform.processing.missed_uploads._MOST", 3)
    asked: list[Key] = []  # IAM refuses a whole read for one foreign key
    get_many = TenantTable.get_many

    def watched(table: TenantTable, keys: Iterable[Key]) -> dict[Key, Item]:
        asked.extend(wanted := list(keys))
        return get_many(table, wanted)

    monkeypatch.setattr(TenantTable, "get_many", watched)
    recovery.arrives(document)
    hooli = recovery.home.cloud.tenant("hooli")
    mine = f"{recovery.home.tenant.id}#awaited-uploads"
    for number in range(7):
        theirs = hooli.member().announces(f"{number}.txt", size=4)["document"]
        recovery.home.cloud.database.put_item(TableName="data", Item=_forged(hooli, theirs, gsi3pk={"S": mine}))
    asked.clear()
    assert recovery.runs(after=HOUR) == {"looked_for": 1, "found": 1, "scans": 0}
    assert recovery.queued == [document["id"]]
    assert {key.pk.partition("#")[0] for key in asked} == {recovery.home.tenant.id}


@pytest.mark.parametrize(
    "forged",
    [
        {"pk": "TENANT#folder#fld_01m83gqsf9bafswwtw7dk31ryr"},
        {"pk": "TENANT#doc#../../t000000000002"},
        {"pk": "TENANT#doc#doc_01m83gqsf9bafswwtw7dk31ryr"},  # whose id is the one of the other document
        {"sk": "version#000001"},
        {"version": {"id": "../../../t000000000002/documents/x", "state": "awaiting_upload"}},
        {"version": {"id": "v" * 90, "state": "awaiting_upload"}},
        {"version": {"state": "awaiting_upload"}},
        {"version": {}},
    ],
)
def test_an_item_of_the_own_tenant_that_is_no_document_is_passed_over(
    recovery: Recovery, acme: TenantWorld, document: dict[str, Any], forged: dict[str, Any]
) -> None:
    recovery.arrives(document)
    other = acme.member().announces("other.txt", size=4)["document"]
    item = _forged(acme, other)
    acme.cloud.database.delete_item(TableName="data", Key={"pk": item["pk"], "sk": item["sk"]})
    changed = json.loads(json.dumps(forged).replace("TENANT", acme.tenant.id))
    acme.cloud.database.put_item(TableName="data", Item={**item, **encode_item(changed)})
    assert recovery.runs(after=HOUR) == {"looked_for": 1, "found": 1, "scans": 0}
    assert recovery.queued == [document["id"]]


def test_a_document_that_raises_keeps_no_other_from_being_found_now_or_later(
    recovery: Recovery, acme: TenantWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docplatform.processing.missed_uploads._MOST", 2)
    broken = [acme.member().announces(f"{number}.txt", size=4)["document"]["id"] for number in range(2)]
    document = acme.member().announces("lost.txt", size=4)["document"]
    recovery.arrives(document)
    arrived = S3Files.arrived

    def refuses(files: S3Files, document_id: str, version_id: str) -> Any:
        if document_id in broken:
            raise PermissionError("the key is disabled")
        return arrived(files, document_id, version_id)

    monkeypatch.setattr(S3Files, "arrived", refuses)
    with pytest.raises(PermissionError):
        recovery.runs(after=HOUR)
    recovery.runs(after=HOUR)
    assert recovery.queued == [document["id"]]
