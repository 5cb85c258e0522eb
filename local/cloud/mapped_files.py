"""Files as bytes that are read from the disk where they are used."""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LARGE = 8 << 20  # bytes from which a file is mapped
PIECE = 1 << 20


class MappedFile(mmap.mmap):
    """A file as bytes that can be read only. Large parts of it are views, and no copies."""

    file: Path

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            if step == 1 and stop - start >= LARGE:
                return memoryview(self)[start:stop]
        return super().__getitem__(at)

    def pieces(self) -> Iterator[bytes]:
        """The content, one piece after the other, each of which leaves the memory again."""
        for start in range(0, len(self), PIECE):
            yield super().__getitem__(slice(start, start + PIECE))
            self.madvise(mmap.MADV_DONTNEED, start, min(PIECE, len(self) - start))


def mapped(file: Path) -> Any:
    """The content of a file: bytes, or a mapped file where it is large."""
    if file.stat().st_size < LARGE:
        return file.read_bytes()
    with file.open("rb") as opened:
        content = MappedFile(opened.fileno(), 0, access=mmap.ACCESS_READ)
    content.file = file
    return content


def temporary(file: Path) -> Any:
    """The content of a file that goes when nobody needs it any more; an object that has taken it over has a name of its own for it."""
    content = mapped(file)
    if isinstance(content, MappedFile):
        weakref.finalize(content, file.unlink, missing_ok=True)
    else:
        file.unlink()
    return content


def write(file: Path, content: Any) -> None:
    """Writes a new file; a mapped file gets a second name and is not copied. Raises OSError."""
    if isinstance(content, MappedFile):
        os.link(content.file, file)
    else:
        file.write_bytes(content)


def pieces(body: Any) -> Iterator[bytes]:
    """The pieces of a mapped file, or of a view of a part of it."""
    if isinstance(body, MappedFile):
        yield from body.pieces()
        return
    for start in range(0, len(body), PIECE):
        yield bytes(body[start : start + PIECE])
        body.obj.madvise(mmap.MADV_DONTNEED)
