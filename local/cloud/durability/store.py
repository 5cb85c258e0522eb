"""The state folder: the last snapshot, the journals after it, and the files of the services.

``journal/snapshot-N`` holds what the journals before N have said, and ``journal/journal-N`` what came after it. A snapshot is written by a
forked copy of the process, which has the state of one moment, while the process goes on with the next journal. Older files are removed
when the snapshot is whole.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from local.cloud import lifecycle
from local.cloud.durability import services
from local.cloud.durability.changes import CHANGES
from local.cloud.durability.files import UNFINISHED
from local.cloud.durability.journal import Journal, Record, StateUnreadable, read, write_all
from local.cloud.durability.replay import Replayed

FORMAT = 2  # 1 was a file for each service, without a journal
_TIMEOUT = 120  # seconds: a snapshot that takes longer hangs, and is ended

Snapshot = Callable[[], Iterator[list[Record]]]
Restore = Callable[[services.State, Replayed], None]
_KEPT: dict[str, list[tuple[Snapshot, Restore]]] = {}


def keep(service: str, members: dict[str, Callable[[Any], Any] | None], snapshot: Snapshot, restore: Restore) -> None:
    """Takes members of a service's state into the journal. ``snapshot`` yields records of all of it; ``restore`` adds what was replayed to
    the service's data, or to the service."""
    services.leave_to_journal(service, members)
    _KEPT.setdefault(service, []).append((snapshot, restore))


class Store:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "journal"
        self._number = 0

    def load(self) -> None:
        """Gives the emulator's services the stored state. Raises StateUnreadable, and OSError where the disk is full."""
        from ministack import app

        self._folder.mkdir(parents=True, exist_ok=True)
        replayed = self._replayed()
        for name, module in app._state_map.items():
            data = services.read(name)
            try:
                for _, restore in _KEPT.get(name, ()):
                    restore(data, replayed)
                if data:
                    app._get_module(module).load_persisted_state(data)
            except Exception as error:
                raise StateUnreadable(services.file_of(name), f"it does not fit ({error!r})") from error
        with CHANGES.lock:
            if self._number == 0:  # a new state, or one of format 1
                self._number = 1
                write_all(self._unfinished(), _records())
                self._unfinished().replace(self._file("snapshot"))
                services.save_histories()
            CHANGES.write_to(Journal(self._file("journal")))
        services.SERVICES.save()

    def _replayed(self) -> Replayed:
        replayed = Replayed()
        for file in self._folder.glob(f"*{UNFINISHED}"):
            file.unlink()
        snapshots = sorted(self._folder.glob("snapshot-*"))
        if not snapshots:
            return replayed
        newest = _number(snapshots[-1])
        _check_format(snapshots[-1])
        replayed.apply(read(snapshots[-1]))
        journals = [file for file in sorted(self._folder.glob("journal-*")) if _number(file) >= newest]
        for file in journals:
            replayed.apply(read(file, may_be_torn=file == journals[-1]))
        self._number = max([newest, *map(_number, journals)])
        self._remove_before(newest)
        return replayed

    @property
    def grown(self) -> int:
        """Bytes of journal since the last snapshot, as a share of it: 100 is as large as it, 32 MB at least."""
        snapshots = sorted(self._folder.glob("snapshot-*"))
        size = snapshots[-1].stat().st_size if snapshots else 0
        return 100 * CHANGES.size // max(size, 32 << 20)

    def snapshot(self, *, by_fork: bool = True, also: Callable[[], None] = lambda: None) -> None:
        """Writes everything up to the call, and what ``also`` writes. Raises OSError where that fails; the snapshot before it stays.
        ``by_fork``: the process goes on meanwhile; not for the thread that serves requests."""
        if not by_fork:
            with CHANGES.lock:
                self._begin_journal()
                also()
                write_all(self._unfinished(), _records())
        elif os.waitpid(lifecycle.call_in_loop(partial(self._fork, also)), 0)[1]:
            self._unfinished().unlink(missing_ok=True)
            raise OSError("the snapshot could not be written; the one before it stays")
        self._unfinished().replace(self._file("snapshot"))
        self._remove_before(self._number)

    def _begin_journal(self) -> None:
        CHANGES.flush()
        CHANGES.write_to(Journal(self._file("journal", self._number + 1)))
        self._number += 1

    def _fork(self, also: Callable[[], None]) -> int:
        """The id of the process that writes. It is forked between two requests, so no change is half done in it."""
        with CHANGES.lock:
            self._begin_journal()
            sys.stderr.flush()
            child = os.fork()
            if child == 0:
                _write_and_end(self._unfinished(), also)
        return child

    def _file(self, kind: str, number: int = 0) -> Path:
        return self._folder / f"{kind}-{number or self._number:09d}"

    def _unfinished(self) -> Path:
        return self._file("snapshot").with_name(self._file("snapshot").name + UNFINISHED)

    def _remove_before(self, number: int) -> None:
        for file in (*self._folder.glob("snapshot-*"), *self._folder.glob("journal-*")):
            if file.suffix != UNFINISHED and _number(file) < number:
                file.unlink()


def _number(file: Path) -> int:
    try:
        return int(file.name.rpartition("-")[2])
    except ValueError:
        raise StateUnreadable(file, "its name has no number") from None


def _check_format(file: Path) -> None:
    first = next(read(file), None)
    if first is None or first[0] != "format":
        raise StateUnreadable(file, "it is damaged")
    if first[1] > FORMAT:
        raise StateUnreadable(file, "a newer version has written it")


def _records() -> Iterator[list[Record]]:
    yield [["format", FORMAT]]
    yield from chain.from_iterable(snapshot() for kept in _KEPT.values() for snapshot, _ in kept)


def _write_and_end(file: Path, also: Callable[[], None]) -> None:
    """Runs in the copy, which closes the process's connections and never returns into its code."""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_TIMEOUT)
        os.closerange(3, 65_536)
        also()
        write_all(file, _records())
    except BaseException as error:
        print(f"snapshot: {error!r}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)
