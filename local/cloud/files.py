"""Files that are whole or not there, also after a kill."""

from __future__ import annotations

from pathlib import Path

UNFINISHED = ".new"


def write_whole(file: Path, content: bytes) -> None:
    """Replaces the file's content at once. Raises OSError, and leaves the old content, where the disk is full."""
    unfinished = file.with_name(file.name + UNFINISHED)
    try:
        unfinished.write_bytes(content)
        unfinished.replace(file)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
