"""Documents become ready although workers, or the whole cloud, die while they are processed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from local.supervisor import snapshot
from local.testing import Cloud
from tests.e2e.client import Member, create_tenant, send
from tests.e2e.conftest import US
from tests.extraction.samples import SAMPLES

PDF = next(sample for sample in SAMPLES if sample.media_type == "application/pdf")
RECOVERY = (
    480.0  # seconds until a message that was in hand comes again and its document is processed, on a slow machine
)
UPLOADS = 20  # for each function, at most: until one of its workers was killed
FUNCTIONS = (
    "ingestion-dispatch",
    "processing-start",
    "processing-verify",
    "processing-extract",
    "processing-preview",
    "processing-index",
    "processing-finish",
)


def test_whichever_worker_is_killed_while_documents_are_processed_none_is_lost(ann: Member) -> None:
    uploaded = {}
    for function in FUNCTIONS:
        with killed(ann.site.cloud, function) as was_killed:
            for number in range(UPLOADS):
                uploaded[ann.uploads(f"{function} {number}.pdf", PDF.content, PDF.media_type)] = function
                if number >= 2 and was_killed.wait(3):
                    break
            assert was_killed.is_set(), f"no worker of {function} was seen at work"
    for document_id, function in uploaded.items():
        document = ann.waits_for(document_id, timeout=RECOVERY)
        assert document["processing"]["state"] == "ready", (function, document["processing"])


@contextmanager
def killed(cloud: Cloud, function: str) -> Iterator[threading.Event]:
    """The function's workers are killed while they work, every few seconds. The event is set when one has been."""
    stop, was_killed = threading.Event(), threading.Event()

    def kill_workers() -> None:
        while not stop.wait(0.02):
            if cloud.kill_worker(US, function):
                was_killed.set()
                stop.wait(3)  # a worker that died every time would exhaust the attempts

    killer = threading.Thread(target=kill_workers)
    killer.start()
    try:
        yield was_killed
    finally:
        stop.set()
        killer.join()


def test_a_stop_in_the_middle_and_a_start_lose_nothing(ann: Member) -> None:
    uploaded = [ann.uploads(f"interrupted {number}.pdf", PDF.content, PDF.media_type) for number in range(6)]
    waiting = ann.announces("later.txt", 5, "text/plain")
    ann.site.cloud.restart()
    for document_id in uploaded:
        document = ann.waits_for(document_id, timeout=RECOVERY)
        assert document["processing"]["state"] == "ready", document["processing"]
        assert ann.downloads(document_id) == PDF.content
    renewed = ann.asks("POST", f"/v1/documents/{waiting['document']['id']}/upload").json()
    assert send(renewed["upload"], b"later").status_code == 200
    assert ann.waits_for(waiting["document"]["id"])["processing"]["state"] == "ready"
    created = create_tenant(ann.site.cloud, US, "standard")
    assert created.admin.asks("GET", "/v1/folders/root").status_code == 200


def test_what_was_stored_survives_a_kill_of_the_whole_cloud(ann: Member) -> None:
    uploaded = [ann.uploads(f"survivor {number}.pdf", PDF.content, PDF.media_type) for number in range(3)]
    cloud = ann.site.cloud
    snapshot(cloud.settings)
    cloud.kill_and_start()
    for document_id in uploaded:
        document = ann.waits_for(document_id, timeout=RECOVERY)
        assert document["processing"]["state"] == "ready", document["processing"]
        assert ann.downloads(document_id) == PDF.content
