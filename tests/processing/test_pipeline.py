"""The processing of an upload with S3 and DynamoDB (moto). The opener of files and the index are test doubles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from docplatform.core.actor import Role, system
from docplatform.core.tenant import current_tenant_id
from docplatform.core.time import now
from docplatform.extraction.model import FileRejected, FileType, RejectionReason
from docplatform.library.access import IndexedPermissions
from docplatform.library.model import Document, ProcessingStep, ScanVerdict, State
from docplatform.library.wiring import files, library
from docplatform.processing.model import Upload
from docplatform.processing.pipeline import ProcessingService, Superseded
from docplatform.processing.ports import ExtractedText, InspectedFile
from docplatform.processing.scan_results import ScanResults
from docplatform.processing.wiring import erasures
from docplatform.runtime.tenant_access import clients
from tests.support.mocked_aws import BUCKET, Person, TenantWorld

pytestmark = pytest.mark.usefixtures("in_acme")

CONTENT = b"the walrus and the carpenter"


class MemoryIndex:
    """The search entries of one tenant: document id → (name, text)."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[str, str]] = {}
        self.permissions: dict[str, IndexedPermissions] = {}

    def put(self, document: Document, text: str, permissions: IndexedPermissions) -> None:
        self.permissions[document.id] = permissions
        self.entries[document.id] = (document.name, text)

    def update_metadata(self, document: Document, permissions: IndexedPermissions) -> bool:
        if document.id not in self.entries:
            return False
        self.permissions[document.id] = permissions
        self.entries[document.id] = (document.name, self.entries[document.id][1])
        return True

    def remove(self, document_id: str) -> None:
        self.entries.pop(document_id, None)

    def left(self, document_ids: Collection[str]) -> set[str]:
        return self.entries.keys() & document_ids


@dataclass
class PlainOpener:
    """Takes every file for plain text, or rejects it with ``problem``."""

    problem: RejectionReason | None = None
    drawable: bool = True

    def inspect(self, document: Document) -> InspectedFile:
        content, version = self._fetched(document)
        problem = self.problem or (RejectionReason.SIZE_MISMATCH if len(content) != document.version.size else None)
        return InspectedFile(
            sha256="0" * 64,
            storage_version=version,
            file_type=None if problem else FileType.TEXT,
            rejected=FileRejected(problem) if problem else None,
        )

    def extract(self, document: Document) -> ExtractedText:
        self._stores(document, "text.txt", self._fetched(document)[0])
        return ExtractedText(has_text=True, title="Walrus")

    def preview(self, document: Document) -> None:
        if not self.drawable:
            raise FileRejected(RejectionReason.DAMAGED)
        for part in ("preview.webp", "thumbnail.webp"):
            self._stores(document, part, b"RIFF")

    def _fetched(self, document: Document) -> tuple[bytes, str]:
        found = self._storage.get_object(Bucket=BUCKET, Key=self._key(document, "original"))
        return found["Body"].read(), found["VersionId"]

    def _stores(self, document: Document, part: str, content: bytes) -> None:
        self._storage.put_object(Bucket=BUCKET, Key=self._key(document, part), Body=content)

    @property
    def _storage(self) -> Any:
        return boto3.client("s3", region_name="us-east-1")

    def _key(self, document: Document, part: str) -> str:
        place = "tenants" if part == "original" else "derived"
        return f"{place}/{current_tenant_id()}/documents/{document.id}/{document.version.id}/{part}"


class NoQueue:
    def send(self, queue_url: str, bodies: Mapping[str, str]) -> None: ...


@dataclass
class Uploaded:
    """A document whose file has just arrived. ``results`` takes the result of its scan."""

    person: Person
    service: ProcessingService
    results: ScanResults
    document_id: str
    version_id: str
    storage_version: str
    index: MemoryIndex = field(default_factory=MemoryIndex)

    @property
    def seen(self) -> dict[str, object]:
        admin = self.person.home.member(Role.ADMIN)
        body: dict[str, object] = admin.asks("GET", f"/v1/documents/{self.document_id}").body
        return body

    @property
    def state(self) -> str:
        return str(self.seen["processing"]["state"])  # type: ignore[index]

    def verify(self, opener: PlainOpener | None = None) -> bool:
        return self.service.verify(self.document_id, self.version_id, opener or PlainOpener())

    def scanned(self, verdict: ScanVerdict = ScanVerdict.CLEAN, *, last: bool = False) -> bool:
        upload = Upload(self.person.home.tenant.id, self.document_id, self.version_id)
        return self.results.scanned(upload, verdict, self.storage_version, last=last)

    def run(self, opener: PlainOpener | None = None) -> None:
        self.scanned()
        self.process(opener)

    def process(self, opener: PlainOpener | None = None) -> None:
        opener = opener or PlainOpener()
        if not self.verify(opener):
            return
        facts = self.service.extract(self.document_id, self.version_id, opener)
        facts |= self.service.preview(self.document_id, self.version_id, opener)
        self.service.index(self.document_id, self.version_id, facts, self.index)
        self.service.finish(self.document_id, self.version_id)


@pytest.fixture
def walrus(ann: Person, acme: TenantWorld) -> Uploaded:
    made = ann.announces("walrus.txt", size=len(CONTENT))["document"]
    key = f"tenants/{acme.tenant.id}/documents/{made['id']}/{made['version']['id']}/original"
    stored = clients(acme.tenant).client("s3").put_object(Bucket=BUCKET, Key=key, Body=CONTENT)
    platform = system(acme.tenant, "processing", "request-1")
    service = ProcessingService(platform, library(platform), files(platform), now)
    results = ScanResults(platform, library(platform), NoQueue(), "https://queue", now)
    return Uploaded(ann, service, results, made["id"], made["version"]["id"], stored["VersionId"])


def test_a_file_passes_all_steps(walrus: Uploaded, acme: TenantWorld) -> None:
    walrus.run()
    seen = walrus.seen
    assert seen["processing"] | {"finished_at": ""} == {  # type: ignore[operator]
        "state": "ready",
        "step": "done",
        "percent": 100,
        "problem": None,
        "finished_at": "",
    }
    version = seen["version"]
    assert (version["title"], version["has_text"], version["has_preview"]) == ("Walrus", True, True)  # type: ignore[index]
    assert len(version["sha256"]) == 64  # type: ignore[index]
    assert walrus.index.entries[walrus.document_id] == ("walrus.txt", CONTENT.decode())
    about = [item["action"] for item in acme.audit if item["target"] == walrus.document_id]
    assert about.count("upload.received") == 1
    assert about.count("document.ready") == 1


def test_every_step_may_run_twice(walrus: Uploaded, acme: TenantWorld) -> None:
    opener = PlainOpener()
    for _ in range(2):
        walrus.scanned()
    for _ in range(2):
        walrus.verify(opener)
    for _ in range(2):
        facts = walrus.service.extract(walrus.document_id, walrus.version_id, opener)
        facts |= walrus.service.preview(walrus.document_id, walrus.version_id, opener)
    for _ in range(2):
        walrus.service.index(walrus.document_id, walrus.version_id, facts, walrus.index)
    for _ in range(2):
        walrus.service.finish(walrus.document_id, walrus.version_id)
    assert walrus.state == "ready"
    assert acme.actions.count("document.ready") == 1
    walrus.run()  # the message was delivered again after the end
    assert walrus.state == "ready"
    assert acme.actions.count("document.ready") == 1


@pytest.mark.parametrize("killed_after", range(4))
def test_an_interrupted_run_is_repeated_from_the_start(walrus: Uploaded, killed_after: int) -> None:
    opener = PlainOpener()
    steps = [
        lambda: walrus.verify(opener),
        lambda: walrus.service.extract(walrus.document_id, walrus.version_id, opener),
        lambda: walrus.service.preview(walrus.document_id, walrus.version_id, opener),
        lambda: walrus.service.index(walrus.document_id, walrus.version_id, {}, walrus.index),
    ]
    walrus.scanned()
    for step in steps[: killed_after + 1]:
        step()
    walrus.process()
    assert walrus.state == "ready"


@pytest.mark.parametrize("problem", list(RejectionReason))
def test_a_rejected_file_has_the_reason_and_is_found_by_name(walrus: Uploaded, problem: RejectionReason) -> None:
    walrus.scanned()
    with pytest.raises(FileRejected) as refused:
        walrus.verify(PlainOpener(problem))
    code, _, detail = str(refused.value).partition(": ")
    walrus.service.mark_failed(walrus.document_id, walrus.version_id, code, detail, walrus.index)
    processing = walrus.seen["processing"]
    assert processing["state"] == "failed"  # type: ignore[index]
    assert processing["problem"] == {"code": problem.value, "title": problem.title, "detail": problem.advice}  # type: ignore[index]
    assert walrus.index.entries[walrus.document_id] == ("walrus.txt", "")


def test_an_error_of_the_platform_is_named_as_such(walrus: Uploaded) -> None:
    walrus.scanned()
    walrus.verify()
    walrus.service.mark_failed(walrus.document_id, walrus.version_id, "", "", walrus.index)
    assert walrus.seen["processing"]["problem"]["code"] == "processing_failed"  # type: ignore[index]


class NeverOpened(PlainOpener):
    def inspect(self, document: Document) -> InspectedFile:
        raise AssertionError("the file was opened")


@pytest.mark.parametrize(
    ("verdict", "problem"),
    [
        (ScanVerdict.INFECTED, RejectionReason.INFECTED),
        (ScanVerdict.FAILED, RejectionReason.SCAN_FAILED),
        (ScanVerdict.ACCESS_DENIED, RejectionReason.SCAN_FAILED),
    ],
)
def test_a_file_that_is_not_known_to_be_clean_is_neither_opened_nor_downloaded(
    walrus: Uploaded, verdict: ScanVerdict, problem: RejectionReason
) -> None:
    walrus.scanned(verdict, last=True)
    with pytest.raises(FileRejected) as refused:
        walrus.verify(NeverOpened())
    assert refused.value.problem is problem
    walrus.service.mark_failed(walrus.document_id, walrus.version_id, problem.value, "", walrus.index)
    assert walrus.seen["processing"]["problem"]["code"] == problem.value  # type: ignore[index]
    assert walrus.seen["version"]["scan"] == verdict.value  # type: ignore[index]
    answer = walrus.person.asks("GET", f"/v1/documents/{walrus.document_id}/content")
    assert (answer.status, answer["scan"]) == (409, verdict.value)


def test_a_file_that_no_scanner_can_open_is_shown_as_such_and_stays_its_owners(
    walrus: Uploaded, acme: TenantWorld
) -> None:
    walrus.scanned(ScanVerdict.UNSUPPORTED)
    walrus.process()
    assert (walrus.state, walrus.seen["version"]["scan"]) == ("ready", "unsupported")  # type: ignore[index]
    assert walrus.person.asks("GET", f"/v1/documents/{walrus.document_id}/content").status == 200
    (record,) = [item for item in acme.audit if item["action"] == "content.downloaded"]
    assert record["facts"]["scan"] == "unsupported"


def test_nothing_is_processed_before_the_scan_has_a_result(walrus: Uploaded) -> None:
    assert walrus.verify(NeverOpened()) is False
    assert walrus.state == "awaiting_upload"
    assert walrus.person.asks("GET", f"/v1/documents/{walrus.document_id}/content").status == 409
    walrus.run()
    assert walrus.state == "ready"


def test_a_download_waits_for_the_verified_bytes(walrus: Uploaded) -> None:
    walrus.scanned()
    answer = walrus.person.asks("GET", f"/v1/documents/{walrus.document_id}/content")
    assert (answer.status, answer["code"]) == (409, "not_ready")


def test_what_an_earlier_version_began_to_process_is_looked_for_until_it_has_a_result(
    walrus: Uploaded, acme: TenantWorld
) -> None:
    """Its workflow waited for the result, with the document on no list."""
    document = library(walrus.person.actor).document(walrus.document_id)
    began = replace(document.version, state=State.PROCESSING, step=ProcessingStep.SCANNING)
    with library(walrus.person.actor).begin() as changes:
        changes.change_version(document, began)
    assert waiting(acme) == []
    assert walrus.verify(NeverOpened()) is False
    assert waiting(acme) == [walrus.document_id]
    walrus.run()
    assert (walrus.state, waiting(acme)) == ("ready", [])


def waiting(acme: TenantWorld) -> list[str]:
    """The documents that the job for missed uploads will look for."""
    platform = system(acme.tenant, "missed-uploads", "run")
    return [each.id for each in library(platform).awaited_uploads(now() + timedelta(days=30), 10)]


def test_a_file_of_another_length_is_refused(walrus: Uploaded, acme: TenantWorld) -> None:
    key = f"tenants/{acme.tenant.id}/documents/{walrus.document_id}/{walrus.version_id}/original"
    stored = clients(acme.tenant).client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"short")
    walrus.storage_version = stored["VersionId"]
    walrus.scanned()
    with pytest.raises(FileRejected) as refused:
        walrus.verify()
    assert refused.value.problem is RejectionReason.SIZE_MISMATCH


def test_a_file_without_preview_still_becomes_ready(walrus: Uploaded) -> None:
    walrus.run(PlainOpener(drawable=False))
    assert walrus.state == "ready"
    assert walrus.seen["version"]["has_preview"] is False  # type: ignore[index]


def test_a_download_is_the_verified_version(walrus: Uploaded, acme: TenantWorld) -> None:
    walrus.run()
    key = f"tenants/{acme.tenant.id}/documents/{walrus.document_id}/{walrus.version_id}/original"
    clients(acme.tenant).client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"something else")
    url = walrus.person.asks("GET", f"/v1/documents/{walrus.document_id}/content")["url"]
    assert "versionId=" in url
    stored = library(walrus.person.actor).document(walrus.document_id).version.storage_version
    answer = clients(acme.tenant).client("s3").get_object(Bucket=BUCKET, Key=key, VersionId=stored)
    assert answer["Body"].read() == CONTENT


@pytest.mark.parametrize("what", ["content", "preview", "thumbnail"])
def test_a_link_outlives_its_session_by_no_more_than_a_minute(walrus: Uploaded, what: str) -> None:
    """S3 accepts a link from anyone and checks no session."""
    walrus.run()
    link = walrus.person.asks("GET", f"/v1/documents/{walrus.document_id}/{what}")
    (seconds,) = parse_qs(urlsplit(link["url"]).query)["X-Amz-Expires"]
    assert 30 <= int(seconds) <= 60
    assert datetime.fromisoformat(link["expires_at"]) <= datetime.now(UTC) + timedelta(minutes=1)


def test_a_document_renamed_while_it_is_indexed_is_found_by_its_new_name(walrus: Uploaded) -> None:
    class SlowIndex(MemoryIndex):
        def put(self, document: Document, text: str, permissions: IndexedPermissions) -> None:
            walrus.person.asks("PATCH", f"/v1/documents/{document.id}", {"name": "carpenter.txt"})
            super().put(document, text, permissions)

    walrus.index = SlowIndex()
    walrus.run()
    assert walrus.index.entries[walrus.document_id][0] == "carpenter.txt"


def test_a_folder_cut_off_while_a_document_in_it_is_indexed_is_cut_off_in_the_index(
    walrus: Uploaded, acme: TenantWorld
) -> None:
    admin = acme.member(Role.ADMIN)
    folder = admin.creates_folder("Vault")["id"]
    admin.asks("PATCH", f"/v1/documents/{walrus.document_id}", {"folder_id": folder})

    class SlowIndex(MemoryIndex):
        def put(self, document: Document, text: str, permissions: IndexedPermissions) -> None:
            assert admin.cuts(folder).status == 200
            super().put(document, text, permissions)

    walrus.index = SlowIndex()
    walrus.run()
    assert walrus.index.permissions[walrus.document_id].nodes == (walrus.document_id, folder)


def stored(acme: TenantWorld, document_id: str) -> list[str]:
    """The keys of all files of a document, without what stands before the tenant's id and after the document's."""
    pages = acme.cloud.storage.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    keys = [each["Key"] for page in pages for each in page.get("Versions", ())]
    return sorted(f"{key.split('/')[0]} {key.split('/')[-1]}" for key in keys if f"/{document_id}/" in key)


def test_what_is_made_of_a_file_stands_where_nothing_is_scanned(walrus: Uploaded, acme: TenantWorld) -> None:
    walrus.run()
    assert stored(acme, walrus.document_id) == [
        "derived preview.webp",
        "derived text.txt",
        "derived thumbnail.webp",
        "tenants original",
    ]
    assert "/derived/" in walrus.person.asks("GET", f"/v1/documents/{walrus.document_id}/preview")["url"]
    walrus.person.asks("DELETE", f"/v1/documents/{walrus.document_id}")
    walrus.service.update_index(walrus.document_id, walrus.index)
    assert stored(acme, walrus.document_id) == []


def test_text_and_pictures_of_an_earlier_version_are_found_beside_the_file(walrus: Uploaded, acme: TenantWorld) -> None:
    walrus.run()
    folder = f"{acme.tenant.id}/documents/{walrus.document_id}/{walrus.version_id}"
    for part in ("text.txt", "preview.webp", "thumbnail.webp"):
        source = {"Bucket": BUCKET, "Key": f"derived/{folder}/{part}"}
        acme.cloud.storage.copy_object(Bucket=BUCKET, Key=f"tenants/{folder}/{part}", CopySource=source)
        acme.cloud.storage.delete_object(**source)
    forgets_where(acme, walrus.document_id)
    walrus.index.entries.clear()
    walrus.service.update_index(walrus.document_id, walrus.index)
    assert walrus.index.entries[walrus.document_id] == ("walrus.txt", CONTENT.decode())
    url = walrus.person.asks("GET", f"/v1/documents/{walrus.document_id}/thumbnail")["url"]
    assert urlsplit(url).path.endswith(f"/tenants/{folder}/thumbnail.webp")
    walrus.person.asks("DELETE", f"/v1/documents/{walrus.document_id}")
    walrus.service.update_index(walrus.document_id, walrus.index)
    assert stored(acme, walrus.document_id) == []


def forgets_where(acme: TenantWorld, document_id: str) -> None:
    """Makes the stored document one of an earlier version of the product."""
    key = {"pk": {"S": f"{acme.tenant.id}#doc#{document_id}"}, "sk": {"S": "doc"}}
    acme.cloud.database.update_item(TableName="data", Key=key, UpdateExpression="REMOVE version.derived_apart")


def test_text_that_was_stored_while_the_product_was_deployed_is_found(walrus: Uploaded, acme: TenantWorld) -> None:
    walrus.run()
    forgets_where(acme, walrus.document_id)
    walrus.index.entries.clear()
    walrus.service.update_index(walrus.document_id, walrus.index)
    assert walrus.index.entries[walrus.document_id] == ("walrus.txt", CONTENT.decode())


def test_a_document_deleted_while_it_is_processed_leaves_nothing(walrus: Uploaded, acme: TenantWorld) -> None:
    walrus.scanned()
    walrus.verify()
    walrus.service.extract(walrus.document_id, walrus.version_id, PlainOpener())
    walrus.person.asks("DELETE", f"/v1/documents/{walrus.document_id}")
    walrus.service.mark_failed(walrus.document_id, walrus.version_id, "", "", walrus.index)
    assert walrus.index.entries == {}
    prefix = f"tenants/{acme.tenant.id}/documents/{walrus.document_id}/"
    assert acme.cloud.storage.list_object_versions(Bucket=BUCKET, Prefix=prefix).get("Versions", []) == []
    assert erasures(walrus.service._actor, lambda: walrus.index).verify([walrus.document_id]) == 1
    assert acme.actions[-1] == "document.erased"


def test_the_index_follows_renames_and_deletions(walrus: Uploaded) -> None:
    walrus.run()
    walrus.person.asks("PATCH", f"/v1/documents/{walrus.document_id}", {"name": "renamed.txt"})
    walrus.service.update_index(walrus.document_id, walrus.index)
    assert walrus.index.entries[walrus.document_id][0] == "renamed.txt"
    walrus.index.entries.clear()  # a lost entry is written again from the stored text
    walrus.service.update_index(walrus.document_id, walrus.index)
    assert walrus.index.entries[walrus.document_id] == ("renamed.txt", CONTENT.decode())
    walrus.person.asks("DELETE", f"/v1/documents/{walrus.document_id}")
    walrus.service.update_index(walrus.document_id, walrus.index)
    assert walrus.index.entries == {}


def test_a_step_for_another_version_is_refused(walrus: Uploaded) -> None:
    with pytest.raises(Superseded):
        walrus.service.verify(walrus.document_id, "ver_" + "0" * 26, PlainOpener())
    assert walrus.state == "awaiting_upload"
