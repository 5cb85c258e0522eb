"""Whatever dies on the way, the document ends ready."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from local.supervisor import snapshot
from local.testing import Cloud
from tests.e2e.client import Member, create_tenant, send
from tests.e2e.conftest import US
from tests.extraction.samples import SAMPLES

PDF = next(sample for sample in SAMPLES if sample.media_type == "application/pdf")
FUNCTIONS = (
    "ingestion-dispatch",
    "processing-start",
    "processing-verify",
    "processing-scan",
    "processing-extract",
    "processing-preview",
    "processing-index",
    "processing-finish",
)


def test_whichever_worker_is_killed_while_documents_are_processed_none_is_lost(ann: Member) -> None:
    uploaded = {}
    for function in FUNCTIONS:
        with dying(ann.site.cloud, function):
            for number in range(3):
                uploaded[ann.uploads(f"{function} {number}.pdf", PDF.content, PDF.media_type)] = function
            time.sleep(4)
    for document_id, function in uploaded.items():
        document = ann.waits_for(document_id, patience=240)
        assert document["processing"]["state"] == "ready", (function, document["processing"])


@contextmanager
def dying(cloud: Cloud, function: str) -> Iterator[None]:
    """Its workers are killed again and again."""
    stop = threading.Event()

    def murder() -> None:
        while not stop.is_set():
            if cloud.kill_worker(US, function):
                time.sleep(3)  # let it live a little
            time.sleep(0.02)

    killer = threading.Thread(target=murder)
    killer.start()
    try:
        yield
    finally:
        stop.set()
        killer.join()


def test_a_stop_in_the_middle_and_a_start_lose_nothing(ann: Member) -> None:
    uploaded = [ann.uploads(f"interrupted {number}.pdf", PDF.content, PDF.media_type) for number in range(6)]
    waiting = ann.announces("later.txt", 5, "text/plain")
    ann.site.cloud.restart()
    for document_id in uploaded:
        document = ann.waits_for(document_id, patience=240)
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
        document = ann.waits_for(document_id, patience=240)
        assert document["processing"]["state"] == "ready", document["processing"]
        assert ann.downloads(document_id) == PDF.content
