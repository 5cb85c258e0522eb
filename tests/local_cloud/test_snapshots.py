"""When the local cloud makes snapshots."""

from __future__ import annotations

import threading
import time

import pytest

from local.cloud import lifecycle, snapshots


class FakeStore:
    """Tells how snapshots were made. ``grown``: what the journal has grown by, in percent."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.grown = 0

    def snapshot(self, *, by_fork: bool = True, also: object = None) -> None:
        self.made.append("by a fork" if by_fork else "here")
        self.grown = 0


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    """The store of a process that does not listen yet."""
    store = FakeStore()
    monkeypatch.setattr(lifecycle, "_listening", threading.Event())
    monkeypatch.setattr(snapshots, "_EVERY", 0.01)
    monkeypatch.setattr(snapshots, "STORE", store)
    monkeypatch.setattr(snapshots.services.SERVICES, "save", lambda: None)
    return store


def test_nothing_is_stored_before_everything_is_read(store: FakeStore) -> None:
    keeping = snapshots.Snapshots()
    store.grown = 100
    keeping.last()
    assert store.made == []


def test_a_journal_that_has_grown_brings_a_snapshot_and_a_stop_the_last_one(store: FakeStore) -> None:
    keeping = snapshots.Snapshots()
    lifecycle.mark_listening()
    assert store.made == []
    store.grown = 100
    deadline = time.monotonic() + 120
    while not store.made:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    keeping.end()
    keeping.last()
    keeping.now()
    assert store.made == ["by a fork", "here"]


def test_a_snapshot_that_fails_leaves_the_process_running(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: bool) -> None:
        store.made.append("tried")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "snapshot", full)
    keeping = snapshots.Snapshots()
    lifecycle.mark_listening()
    with pytest.raises(OSError, match="No space left"):
        keeping.now()
    keeping.last()
    assert store.made == ["tried", "tried"]
