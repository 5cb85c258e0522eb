"""Keeps two commands from making or deleting the same local cloud at the same moment."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_held: list[int] = []
"""Locked files. They are unlocked when this process ends, however it does."""


def claim(folder: Path) -> bool:
    """Claims a cloud's folder until this process ends. Returns False where another process has done so."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(folder.name + ".lock")  # not in the folder, which may be deleted
    file = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return False
    _held.append(file)
    return True
