"""Uploads whose event never came: they are found in storage and processed, and nothing is looked for for ever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.core.actor import system
from docplatform.core.tenant import tenant_context
from docplatform.library.wiring import files, library
from docplatform.processing.missed_uploads import MissedUploads
from docplatform.processing.wiring import processing
from tests.support.mocked_aws import BUCKET, TenantWorld

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Queue:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    def send(self, queue_url: str, bodies: Mapping[str, str]) -> None:
        self.sent += [(queue_url, group, json.loads(body)) for group, body in bodies.items()]


class Recovery:
    """The job for one tenant, at a time that the test sets."""

    def __init__(self, home: TenantWorld) -> None:
        self.home, self.queue, self.began = home, Queue(), datetime.now(UTC)

    def runs(self, after: timedelta) -> dict[str, int]:
        actor = system(self.home.tenant, "missed-uploads", "run")
        with tenant_context(self.home.tenant):
            job = MissedUploads(
                self.home.tenant, library(actor), files(actor), self.queue, "https://queue", lambda: self.began + after
            )
            return job.recover()

    def arrives(self, document: dict[str, Any], content: bytes = b"lost") -> None:
        key = f"tenants/{self.home.tenant.id}/documents/{document['id']}/{document['version']['id']}/original"
        self.home.cloud.storage.put_object(Bucket=BUCKET, Key=key, Body=content)

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
    assert recovery.runs(after=31 * MINUTE) == {"looked_for": 1, "found": 1}
    tenant = recovery.home.tenant.id
    message = {"tenant_id": tenant, "document_id": document["id"], "version_id": document["version"]["id"], "size": 4}
    assert recovery.queue.sent == [("https://queue", tenant, message)]


def test_a_file_that_has_just_arrived_is_left_to_its_event(recovery: Recovery, document: dict[str, Any]) -> None:
    recovery.arrives(document)
    assert recovery.runs(after=29 * MINUTE) == {"looked_for": 0, "found": 0}


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
    assert recovery.runs(after=100 * DAY) == {"looked_for": 0, "found": 0}


def test_what_is_being_processed_is_not_looked_for(recovery: Recovery, document: dict[str, Any]) -> None:
    recovery.arrives(document)
    actor = system(recovery.home.tenant, "test", "run")
    with tenant_context(recovery.home.tenant):
        processing(actor).mark_failed(document["id"], document["version"]["id"], "", "", _NoIndex())
    assert recovery.runs(after=HOUR) == {"looked_for": 0, "found": 0}


class _NoIndex:
    def put(self, *_: object) -> None: ...

    def describe(self, *_: object) -> bool:
        return True

    def remove(self, *_: object) -> None: ...


def test_one_tenants_job_finds_nothing_of_another(recovery: Recovery, document: dict[str, Any]) -> None:
    recovery.arrives(document)
    other = Recovery(recovery.home.cloud.tenant("hooli"))
    assert other.runs(after=HOUR) == {"looked_for": 0, "found": 0}
    assert recovery.queue.sent == []


def test_a_deleted_document_is_not_looked_for(recovery: Recovery, acme: TenantWorld) -> None:
    ann = acme.member()
    document = ann.announces("gone.txt")["document"]
    assert ann.asks("DELETE", f"/v1/documents/{document['id']}").status == 204
    assert recovery.runs(after=HOUR) == {"looked_for": 0, "found": 0}
