"""A change is in the journal as a whole, also when the journal is written in the middle of it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import lifecycle
from local.cloud.durability import store
from local.cloud.durability.changes import CHANGES
from local.cloud.durability.journal import Journal, read
from tests.local_cloud.emulator import in_the_emulator


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = str(tmp_path_factory.mktemp("journals"))
    found: dict[str, Any] = in_the_emulator("changes_in_emulator", folder, DOCPLATFORM_STATE=folder, STATE_DIR=folder)
    return found


@pytest.mark.slow
def test_a_transaction_is_one_line(written: dict[str, Any]) -> None:
    changed = [{record[4] for record in line if record[0] == "item"} for line in written["lines"]["transaction"]]
    assert [each for each in changed if each] == [{"0", "1", "2"}]


@pytest.mark.slow
def test_a_message_is_written_that_came_long_after_its_list_was_found(written: dict[str, Any]) -> None:
    (last,) = written["lines"]["message"][-1]
    assert [each["id"] for each in last[4]["messages"]] == ["sent"]


@pytest.mark.slow
@pytest.mark.parametrize("story", ["deleted_queue", "deleted_table", "deleted_entry"])
def test_what_was_deleted_stays_so(written: dict[str, Any], story: str) -> None:
    (last,) = written["lines"][story][-1]
    assert last[0] == "gone" or last[4] is None


@pytest.mark.slow
def test_the_journal_is_written_regularly_between_two_requests(written: dict[str, Any]) -> None:
    assert written["thread"] == "the loop's"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Thread]:
    """The thread that serves requests."""
    monkeypatch.setattr(lifecycle, "_loops", [])
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    lifecycle.serve_on(loop)
    yield thread
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> store.Store:
    """A state with one entry, and a journal."""
    folder = tmp_path / "journal"
    folder.mkdir()
    monkeypatch.setattr(store, "_KEPT", {"any": [(lambda: iter([[["put", "a", ["k"], 1]]]), lambda *_: None)]})
    monkeypatch.setattr(CHANGES, "_journal", None)
    CHANGES.write_to(Journal(folder / "journal-000000001"))
    return store.Store(tmp_path)


def test_a_snapshot_is_begun_between_two_requests(
    kept: store.Store, served: threading.Thread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork, threads = os.fork, list[threading.Thread]()

    def noted() -> int:
        threads.append(threading.current_thread())
        return fork()

    monkeypatch.setattr(store.os, "fork", noted)
    kept.snapshot()
    assert threads == [served]
    (snapshot,) = (tmp_path / "journal").glob("snapshot-*")
    assert list(read(snapshot)) == [["format", store.FORMAT], ["put", "a", ["k"], 1]]
