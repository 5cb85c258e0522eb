"""The journal of the local cloud: what it writes, what it reads, and what a full disk does to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from local.cloud.durability import journal as journals
from local.cloud.durability.changes import Changes, Described
from local.cloud.durability.files import write_whole
from local.cloud.durability.journal import Journal, StateUnreadable, read, write_all
from local.cloud.durability.replay import Replayed
from local.cloud.patches.durable_objects import finish

FULL = OSError(28, "No space left on device")


def full_disk(monkeypatch: pytest.MonkeyPatch, *, after: int = 0) -> None:
    """The disk takes ``after`` more bytes of a journal."""
    write, left = os.pwrite, [after]

    def pwrite(handle: int, content: Any, offset: int) -> int:
        if not left[0]:
            raise FULL
        done = write(handle, content[: left[0]], offset)
        left[0] -= done
        return done

    monkeypatch.setattr(journals.os, "pwrite", pwrite)


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([["put", "a", ["k"], {"text": "日本 🙂\n", "n": None}], ["gone", "a", ["l"]]])
    journal.append([["put", "a", ["k"], 2]])
    assert [record[3:] for record in read(journal.file)] == [[{"text": "日本 🙂\n", "n": None}], [], [2]]


@pytest.mark.parametrize("left", range(1, 40))
def test_a_torn_last_line_is_left_out_and_written_over(
    tmp_path: Path, left: int, capfd: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([["first"]])
    whole = journal.size
    journal.append([["second, which is a little longer than the first"]])
    os.truncate(journal.file, whole + left)
    assert list(read(journal.file, may_be_torn=True)) == [["first"]]
    with pytest.raises(StateUnreadable, match="line 2 is damaged"):
        list(read(journal.file))
    again = Journal(journal.file)
    assert f"{journal.file}: the last line was torn" in capfd.readouterr().err
    again.append([["third"]])
    assert list(read(journal.file)) == [["first"], ["third"]]


@pytest.mark.parametrize("line", [1, 2, 3])
def test_damage_that_no_kill_does_is_refused(tmp_path: Path, line: int) -> None:
    """A kill leaves the last line without its end; a line that ends and is another one is damage, also the last one."""
    journal = Journal(tmp_path / "journal")
    for number in range(3):
        journal.append([["entry", number]])
    content = bytearray(journal.file.read_bytes())
    content[12 + (line - 1) * len(content) // 3] ^= 1
    journal.file.write_bytes(content)
    with pytest.raises(StateUnreadable, match=rf"line {line} is damaged\. \./dp reset"):
        list(read(journal.file, may_be_torn=True))


def counting() -> tuple[Changes, dict[str, int]]:
    changes, state = Changes(), {"a": 1, "b": 1}
    changes.describe("value", lambda name: (["put", "values", [name], state[name]], None))
    return changes, state


def test_two_changes_of_one_thing_are_one_record_of_what_it_is(tmp_path: Path) -> None:
    changes, state = counting()
    changes.write_to(Journal(tmp_path / "journal"))
    changes.mark_changed("value", "a")
    changes.mark_changed("value", "b")
    state["a"] = 2
    changes.mark_changed("value", "a")
    changes.flush()
    changes.flush()
    assert list(read(tmp_path / "journal")) == [["put", "values", ["a"], 2], ["put", "values", ["b"], 1]]


@pytest.mark.parametrize("after", [0, 1, 30])
def test_a_full_disk_leaves_the_journal_readable_and_the_change_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    changes, state = counting()
    journal = Journal(tmp_path / "journal")
    changes.write_to(journal)
    changes.mark_changed("value", "a")
    changes.flush()
    before = journal.file.read_bytes()
    state["a"] = 2
    with monkeypatch.context() as patch:
        full_disk(patch, after=after)
        changes.mark_changed("value", "a")
        with pytest.raises(OSError, match="No space left"):
            changes.flush()
        assert changes.refusing
        assert journal.file.read_bytes() == before
        with pytest.raises(OSError, match="No space left"):
            changes.flush()
    changes.flush()
    assert not changes.refusing
    assert list(read(journal.file)) == [["put", "values", ["a"], 1], ["put", "values", ["a"], 2]]


def test_what_was_not_written_does_not_count_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A describer that tells what is new since it was written tells it again."""
    changes, written = Changes(), []

    def describe() -> Described | None:
        return None if written else (["more", "entries", [], 0, ["first"]], lambda: written.append(True))

    changes.describe("entries", describe)
    changes.write_to(Journal(tmp_path / "journal"))
    with monkeypatch.context() as patch:
        full_disk(patch)
        changes.mark_changed("entries")
        with pytest.raises(OSError, match="No space left"):
            changes.flush()
    changes.flush()
    assert list(read(tmp_path / "journal")) == [["more", "entries", [], 0, ["first"]]]


def test_a_snapshot_that_finds_the_disk_full_leaves_nothing(tmp_path: Path) -> None:
    def batches() -> Any:
        yield [["put", "a", ["k"], 1]]
        raise FULL

    with pytest.raises(OSError, match="No space left"):
        write_all(tmp_path / "snapshot", batches())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_finds_the_disk_full_keeps_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "service.json"
    write_whole(file, b"old")

    def write_bytes(path: Path, content: bytes) -> int:
        with path.open("wb") as handle:
            handle.write(content[:1])
        raise FULL

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"new")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("service.json", b"old")]


TABLE = ("1", "here", "table")
QUEUE = ("1", "here", "url")
HISTORY: list[list[Any]] = [
    ["table", *TABLE, []],
    ["item", *TABLE, "p", "s", {"v": {"S": "1"}}],
    ["stream", *TABLE, True, 0, ["r0", "r1"], 2],
    ["queue", *QUEUE, {"queue": {"name": "q"}, "messages": [{"id": "m1"}, {"id": "m2"}], "gone": [], "dedup": {}}],
    ["put", "sts._sessions", ["key"], 1],
    ["more", "mails", ["1", "here"], 0, ["first"]],
    ["item", *TABLE, "p", "s", None],
    ["item", *TABLE, "p", "t", {"v": {"S": "2"}}],
    ["stream", *TABLE, False, 2, ["r2"], 3],
    ["queue", *QUEUE, {"queue": {"name": "q"}, "messages": [{"id": "m3"}], "gone": ["m1"], "dedup": {}}],
    ["gone", "sts._sessions", ["key"]],
    ["more", "mails", ["1", "here"], 1, ["second"]],
]


@pytest.mark.parametrize("twice_from", range(len(HISTORY) + 1))
def test_records_that_a_snapshot_has_already_do_no_harm(twice_from: int) -> None:
    """The journal after a snapshot may begin with what the snapshot holds."""
    replayed = Replayed()
    replayed.apply(HISTORY)
    replayed.apply(HISTORY[twice_from:])
    assert {key: {pk: dict(each) for pk, each in items.items()} for key, items in replayed.items.items()} == {
        TABLE: {"p": {"t": {"v": {"S": "2"}}}}
    }
    assert (replayed.streams[TABLE].first, replayed.streams[TABLE].records) == (0, ["r0", "r1", "r2"])
    assert set(replayed.queues[QUEUE]["messages"]) == {"m2", "m3"}
    assert not replayed.stores["sts._sessions"]
    assert replayed.lists == {("mails", ("1", "here")): ["first", "second"]}


def test_a_stream_that_was_closed_begins_anew() -> None:
    replayed = Replayed()
    replayed.apply(
        [["stream", *TABLE, True, 0, ["old"], 1], ["no_stream", *TABLE], ["stream", *TABLE, True, 0, ["new"], 2]]
    )
    assert replayed.streams[TABLE].records == ["new"]
    replayed.apply([["stream", *TABLE, True, 0, ["newest"], 3]])
    assert replayed.streams[TABLE].records == ["newest"]


def test_bytes_of_an_object_are_moved_into_place_if_it_was_stored(tmp_path: Path) -> None:
    for name, noted in (("stored", '{"bytes": "1"}'), ("replaced", '{"bytes": "0"}'), ("old", '{"etag": "x"}')):
        (tmp_path / name).write_bytes(b"old bytes")
        (tmp_path / f"{name}.meta.json").write_text(noted)
        (tmp_path / f"{name}.1.tmp").write_bytes(b"new bytes")
    (tmp_path / "never.1.tmp").write_bytes(b"new bytes")
    (tmp_path / "stored.meta.json.tmp").write_text("{")
    finish(tmp_path)
    found = {each.name: each.read_bytes() for each in tmp_path.iterdir() if not each.name.endswith(".json")}
    assert found == {"stored": b"new bytes", "replaced": b"old bytes", "old": b"old bytes"}
