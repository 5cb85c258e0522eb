"""Files that are whole or not there, also after a kill."""

from __future__ import annotations

import contextvars
from pathlib import Path

UNFINISHED = ".new"
failures: contextvars.ContextVar[list[OSError] | None] = contextvars.ContextVar("failures", default=None)
"""What the present request could not write. The emulator turns an exception into an internal error, so that its kind would be lost."""


def write_whole(file: Path, content: bytes) -> None:
    """Replaces the file's content at once. Raises OSError, and leaves the old content, where the disk is full."""
    unfinished = file.with_name(file.name + UNFINISHED)
    try:
        unfinished.write_bytes(content)
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        note_failure(error)
        raise


def note_failure(error: OSError) -> None:
    known = failures.get()
    if known is not None:
        known.append(error)
