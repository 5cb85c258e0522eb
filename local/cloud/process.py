"""Runs a module in a process that ends when the process that started it is gone.

python -m local.cloud.process MODULE [ARGUMENT]...

The starting process names itself in ``STARTED_BY``: it may be gone before this one has begun.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

STARTED_BY = "DOCPLATFORM_STARTED_BY"


def _exit_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def end_without(path: Path, file: IO[Any]) -> None:
    """Ends this process when the open file is no longer the one at its path: somebody has deleted the state, nothing can be stored in it,
    and no command would find the process any more. It would keep its ports for ever."""
    threading.Thread(target=_exit_without, args=(path, os.fstat(file.fileno()).st_ino), daemon=True).start()


def _is(path: Path, inode: int) -> bool:
    """In one call: between two, the file can be gone."""
    try:
        return path.stat().st_ino == inode
    except FileNotFoundError:
        return False


def _exit_without(path: Path, inode: int) -> None:
    while _is(path, inode):
        time.sleep(1)
    print(f"{path} was deleted, so this process ends", file=sys.stderr, flush=True)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_exit_with, args=(int(os.environ[STARTED_BY]),), daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
