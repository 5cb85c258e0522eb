"""The log of a table's changes is bounded, and outlives a kill in the middle of a write."""

from pathlib import Path

import pytest

from local.cloud import change_log
from local.cloud.change_log import ChangeLog


def test_the_first_change_after_the_moment_counts(tmp_path: Path) -> None:
    log = ChangeLog(tmp_path / "log")
    log.record("p", "a", None)
    log.record("p", "a", {"v": {"S": "1"}})
    log.record("p", "b", {"v": {"S": "é\n"}})
    assert ChangeLog(tmp_path / "log").changed_after(0) == {("p", "a"): None, ("p", "b"): {"v": {"S": "é\n"}}}


def test_what_is_forgotten_moves_the_earliest_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_log, "_LARGEST", 1_000)
    log = ChangeLog(tmp_path / "log")
    began = log.since()
    for number in range(200):
        log.record("p", str(number), None)
    kept = sorted(int(sort) for _partition, sort in log.changed_after(0))
    assert kept == list(range(kept[0], 200))
    assert kept[0] > 0
    assert log.since() > began
    assert len(log.changed_after(log.since())) >= len(kept) - 1  # of that moment on, none is missing
    assert sum(file.stat().st_size for file in (tmp_path / "log").iterdir()) < 3_000


def test_a_line_that_a_kill_has_cut_off_is_left_out(tmp_path: Path) -> None:
    ChangeLog(tmp_path / "log").record("p", "a", None)
    with (tmp_path / "log" / "log").open("a") as file:
        file.write('[17, "p", "b", {"v"')
    log = ChangeLog(tmp_path / "log")
    assert log.changed_after(0) == {("p", "a"): None}
    log.record("p", "c", None)
    assert set(log.changed_after(0)) == {("p", "a"), ("p", "c")}


def test_the_period_bounds_the_earliest_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ChangeLog(tmp_path / "log")
    log.begin(days=2)
    began = log.since()
    monkeypatch.setattr(change_log.time, "time", lambda: began + 3 * 86_400)
    assert (log.earliest(), log.latest()) == (began + 86_400, began + 3 * 86_400 - 300)
    log.begin(days=2)
    assert log.earliest() == log.latest() == began + 3 * 86_400
