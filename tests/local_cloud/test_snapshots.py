"""The local cloud stores its state only after it has read the stored state."""

from __future__ import annotations

import threading
import time

import pytest

from local.cloud import lifecycle, snapshots


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The snapshots of a process that does not listen yet."""
    told: list[str] = []
    monkeypatch.setattr(lifecycle, "_listening", threading.Event())
    monkeypatch.setattr(snapshots, "_EVERY", 0.01)
    monkeypatch.setattr(snapshots, "_store", lambda left_out: told.append("all"))
    monkeypatch.setattr(snapshots.async_events, "done", list)
    monkeypatch.setattr(snapshots.Snapshots, "_fork", lambda self, left_out: told.append("by a fork"))
    return told


def test_nothing_is_stored_before_everything_is_read(stored: list[str]) -> None:
    keeping = snapshots.Snapshots()
    keeping.changed()
    time.sleep(0.2)
    keeping.last()
    assert stored == []


def test_from_then_on_it_is(stored: list[str]) -> None:
    keeping = snapshots.Snapshots()
    keeping.changed()
    lifecycle.mark_listening()
    deadline = time.monotonic() + 120
    while not stored:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    keeping.last()
    assert (stored[0], stored[-1]) == ("by a fork", "all")
