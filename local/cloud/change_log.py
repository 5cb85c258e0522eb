"""The changes of one table, so that it can be restored as it was at an earlier moment.

Each change appends the old image to a file in the state's folder, before the change; the file outlives a stop and a kill. It is bounded:
what is forgotten moves the earliest moment that can be restored, as the recovery period does.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_DAY = 86_400
_BEHIND = 300.0  # seconds: AWS's latest moment is about five minutes ago
_LONGEST_LINE = 2**22  # bytes: an item has at most 400 KB, which JSON may escape
_LARGEST = 32 * 2**20  # bytes of a file; there are two, and the older one is dropped


class ChangeLog:
    """The changes of one table since recovery was turned on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._since, self._log, self._older = (folder / name for name in ("since", "log", "older"))
        self._open: IO[str] | None = None
        if not self._since.exists():
            self.begin(35)

    def begin(self, days: int) -> None:
        self.end()
        self._folder.mkdir(parents=True)
        self.keep(days, time.time())

    def end(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def keep(self, days: int, since: float) -> None:
        unfinished = self._since.with_suffix(".new")
        unfinished.write_text(json.dumps({"since": since, "days": days}))
        unfinished.replace(self._since)

    def days(self) -> int:
        return int(json.loads(self._since.read_text())["days"])

    def since(self) -> float:
        return float(json.loads(self._since.read_text())["since"])

    def earliest(self) -> float:
        return max(self.since(), time.time() - self.days() * _DAY)

    def latest(self) -> float:
        return max(self.earliest(), time.time() - _BEHIND)

    def record(self, partition: Any, sort: Any, old: Any) -> None:
        """Writes down what a change is about to replace; ``old``: None where nothing was."""
        if self._open is None:
            _cut_to_whole_lines(self._log)
            self._open = self._log.open("a")
        self._open.write(json.dumps([time.time(), partition, sort, old]) + "\n")
        self._open.flush()
        if self._open.tell() > _LARGEST:
            self._open.close()
            self._open = None
            forgotten = self._older.exists()
            self._log.replace(self._older)
            if forgotten:  # a change at the first moment that is left may have been the last one forgotten
                self.keep(self.days(), next(_lines(self._older))[0])

    def changed_after(self, moment: float) -> dict[tuple[Any, Any], Any]:
        """Key → the item as it was at that moment, of all that have changed since."""
        found: dict[tuple[Any, Any], Any] = {}
        for file in (self._older, self._log):
            for at, partition, sort, old in _lines(file):
                if at > moment:
                    found.setdefault((partition, sort), old)
        return found


def _cut_to_whole_lines(file: Path) -> None:
    """Removes the part of a line that a kill has left at the end."""
    if not file.exists():
        return
    with file.open("rb+") as log:
        start = max(0, log.seek(0, 2) - _LONGEST_LINE)
        log.seek(start)
        log.truncate(start + log.read().rfind(b"\n") + 1)


def _lines(file: Path) -> Iterator[Any]:
    if not file.exists():
        return
    with file.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)
