"""An append-only file of changes. Each line is the checksum of a JSON list of records, and that list.

A line is written at once and handed to the operating system, so that it survives the process. The last line of the last journal may be
torn by a kill, which leaves it without its end; nobody was told of it, and it is left out. Everything else that is not whole is damage,
and refused.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Record = list[Any]


class StateUnreadable(RuntimeError):
    """The message says which file, why, and what to do."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"{file} cannot be read: {why}. ./dp reset starts from nothing.")


class Journal:
    """A file that records are appended to."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.size = _size_of_whole_lines(file)
        if self.size < file.stat().st_size:
            print(f"{file}: the last line was torn by a kill, and is left out", file=sys.stderr, flush=True)
            os.ftruncate(self._handle, self.size)

    def append(self, records: list[Record]) -> None:
        """Returns when the records are with the operating system. Raises OSError, and leaves the file as it was."""
        line = memoryview(as_line(records))
        try:
            done = 0
            while done < len(line):
                done += os.pwrite(self._handle, line[done:], self.size + done)
        except OSError:
            os.ftruncate(self._handle, self.size)
            raise
        self.size += len(line)

    def close(self) -> None:
        os.close(self._handle)


def as_line(records: list[Record]) -> bytes:
    content = json.dumps(records, separators=(",", ":"), default=_plain).encode()
    return b"%08x %s\n" % (zlib.crc32(content), content)


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return {"__latin1__": value.decode("latin-1")}
    raise TypeError(f"a {type(value).__name__} cannot be kept")


def write_all(file: Path, batches: Iterable[list[Record]]) -> None:
    """Writes a whole journal. Raises OSError, and removes what it has written."""
    try:
        with file.open("wb", buffering=1 << 20) as handle:
            for records in batches:
                handle.write(as_line(records))
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def read(file: Path, *, may_be_torn: bool = False) -> Iterator[Record]:
    """The records of a journal in order. ``may_be_torn``: a last line without its end is left out. Raises StateUnreadable."""
    with file.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            if may_be_torn and not line.endswith(b"\n"):
                return
            if not _is_whole(line):
                raise StateUnreadable(file, f"line {number} is damaged")
            yield from json.loads(line[9:])


def _is_whole(line: bytes) -> bool:
    if line[-1:] != b"\n" or line[8:9] != b" ":
        return False
    try:
        return int(line[:8], 16) == zlib.crc32(line[9:-1])
    except ValueError:
        return False


def _size_of_whole_lines(file: Path) -> int:
    size = 0
    with file.open("rb") as handle:
        for line in handle:
            size += len(line) if line.endswith(b"\n") else 0
    return size
