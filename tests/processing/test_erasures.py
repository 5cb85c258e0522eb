"""Erasures of deleted documents: nobody waits for the search index, and none is forgotten."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.core.actor import system
from docplatform.core.tenant import tenant_context
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.library.access import IndexedPermissions
from docplatform.library.model import Document
from docplatform.library.wiring import library
from docplatform.processing.erasures import ErasureService
from docplatform.processing.wiring import processing
from docplatform.runtime.tenant_access import registry
from docplatform.search import wiring
from docplatform.tenancy.items import tenant_item
from tests.support.mocked_aws import BUCKET, Person, TenantWorld, function
from tests.support.mocked_region import sample

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class SlowIndex:
    """An index that shows deletions when the test says so. ``calls``: what it was asked."""

    def __init__(self) -> None:
        self.visible: set[str] = set()
        self.calls: list[tuple[str, Any]] = []

    def put(self, document: Document, text: str, permissions: IndexedPermissions) -> None:
        self.visible.add(document.id)

    def update_metadata(self, document: Document, permissions: IndexedPermissions) -> bool:
        return document.id in self.visible

    def remove(self, document_id: str) -> None:
        self.calls.append(("remove", document_id))

    def left(self, document_ids: Collection[str]) -> set[str]:
        self.calls.append(("left", set(document_ids)))
        return self.visible & set(document_ids)

    def settles(self) -> None:
        self.visible.clear()


class Erasing:
    """Documents of one tenant that are deleted, at a time that the test sets."""

    def __init__(self, home: TenantWorld, person: Person) -> None:
        self.home, self.person, self.index = home, person, SlowIndex()
        item = {"pk": f"tenant#{home.tenant.id}", "sk": "tenant", **tenant_item(home.tenant)}
        home.cloud.database.put_item(TableName="registry", Item=encode_item(item))
        registry.cache_clear()

    def uploaded(self, name: str) -> str:
        made = self.person.announces(name)["document"]
        for place, part in (("tenants", "original"), ("derived", "text.txt")):
            key = f"{place}/{self.home.tenant.id}/documents/{made['id']}/{made['version']['id']}/{part}"
            self.home.cloud.storage.put_object(Bucket=BUCKET, Key=key, Body=b"x")
        self.index.visible.add(made["id"])
        return str(made["id"])

    def deleted(self, *names: str) -> list[str]:
        found = [self.uploaded(name) for name in names]
        for each in found:
            assert self.person.asks("DELETE", f"/v1/documents/{each}").status == 204
        return found

    def streamed(self, document_ids: list[str]) -> None:
        records = []
        for each in document_ids:
            (record,) = sample("table-stream", TENANT=self.home.tenant.id, DOCUMENT=each)["Records"]
            record["dynamodb"]["SequenceNumber"] = each
            records.append(record)
        assert function("index_sync").handler({"Records": records}, None) == {"batchItemFailures": []}

    def sweeps(self, after: timedelta) -> dict[str, int]:
        actor = system(self.home.tenant, "erasures", "run")
        with tenant_context(self.home.tenant):
            steps = processing(actor)
            service = ErasureService(
                actor,
                library(actor),
                lambda: self.index,
                lambda document_id: steps.erase(document_id, self.index),
                lambda: datetime.now(UTC) + after,
            )
            return dict(service.sweep())

    @property
    def erased(self) -> list[tuple[str, int]]:
        records = [item for item in self.home.audit if item["action"] == "document.erased"]
        assert all(item["facts"]["verified"] is True for item in records)
        return [(item["target"], item["facts"]["objects"]) for item in records]

    @property
    def files(self) -> list[str]:
        pages = self.home.cloud.storage.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
        return [each["Key"] for page in pages for each in page.get("Versions", ())]


@pytest.fixture
def erasing(acme: TenantWorld, ann: Person, monkeypatch: pytest.MonkeyPatch) -> Iterator[Erasing]:
    made = Erasing(acme, ann)
    monkeypatch.setattr(wiring, "index", lambda _tenant: made.index)
    monkeypatch.setattr(function("index_sync"), "index", lambda _tenant: made.index)

    def no_waiting(_seconds: float) -> None:
        raise AssertionError("somebody waits")

    monkeypatch.setattr(time, "sleep", no_waiting)
    yield made


def test_a_batch_deletes_first_and_checks_once_without_waiting(erasing: Erasing) -> None:
    gone = erasing.deleted(*(f"{number}.txt" for number in range(25)))
    erasing.streamed(gone)
    assert [name for name, _ in erasing.index.calls] == ["remove"] * 25 + ["left"]
    assert erasing.index.calls[-1] == ("left", set(gone))
    assert erasing.files == []
    assert erasing.erased == [], "the entries can still be found"


def test_what_is_gone_at_the_end_of_the_batch_is_complete(erasing: Erasing) -> None:
    gone = erasing.deleted("a.txt", "b.txt")
    erasing.index.visible.discard(gone[0])
    erasing.streamed(gone)
    assert erasing.erased == [(gone[0], 2)]
    erasing.index.settles()
    assert erasing.sweeps(after=2 * MINUTE) == {"looked_at": 1, "completed": 1, "erased_again": 0}
    assert erasing.erased == [(gone[0], 2), (gone[1], 2)]
    assert erasing.sweeps(after=HOUR)["looked_at"] == 0


def test_a_deletion_whose_event_is_lost_is_carried_out_by_the_job(erasing: Erasing) -> None:
    gone = erasing.deleted("lost.txt")
    assert erasing.sweeps(after=timedelta())["looked_at"] == 0  # its event may still come
    assert erasing.sweeps(after=2 * MINUTE) == {"looked_at": 1, "completed": 0, "erased_again": 1}
    assert erasing.files == []
    erasing.index.settles()
    assert erasing.sweeps(after=17 * MINUTE)["completed"] == 1
    assert erasing.erased == [(gone[0], 2)]


def test_an_event_that_comes_twice_is_recorded_once(erasing: Erasing) -> None:
    gone = erasing.deleted("a.txt")
    erasing.index.settles()
    for _ in range(2):
        erasing.streamed(gone)
    erasing.sweeps(after=HOUR)
    assert erasing.erased == [(gone[0], 2)]


def test_an_entry_that_stays_is_deleted_again_and_after_an_hour_somebody_is_told(erasing: Erasing) -> None:
    gone = erasing.deleted("stays.txt")
    erasing.streamed(gone)
    assert erasing.sweeps(after=30 * MINUTE)["erased_again"] == 1
    assert erasing.sweeps(after=45 * MINUTE)["erased_again"] == 1
    with pytest.raises(RuntimeError, match="survived"):
        erasing.sweeps(after=61 * MINUTE)
    assert erasing.erased == []


def test_a_check_that_fails_leaves_the_batch_done(erasing: Erasing, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = erasing.deleted("a.txt")

    def down(_ids: Collection[str]) -> set[str]:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(erasing.index, "left", down)
        erasing.streamed(gone)
    erasing.index.settles()
    assert erasing.sweeps(after=HOUR)["completed"] == 1


def test_a_tenant_without_a_collection_has_nothing_to_check(erasing: Erasing) -> None:
    actor = system(erasing.home.tenant, "erasures", "run")

    def none() -> SlowIndex:
        raise AssertionError("asked for")

    with tenant_context(erasing.home.tenant):
        service = ErasureService(actor, library(actor), none, lambda _: None, lambda: datetime.now(UTC) + HOUR)
        assert dict(service.sweep())["looked_at"] == 0


def test_one_tenants_job_sees_nothing_of_another(erasing: Erasing) -> None:
    hooli = erasing.home.cloud.tenant("hooli")
    other = hooli.member().announces("theirs.txt")["document"]["id"]
    assert hooli.member().asks("DELETE", f"/v1/documents/{other}").status in (204, 403, 404)
    assert erasing.sweeps(after=HOUR)["looked_at"] == 0
