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

STARTED_BY = "DOCPLATFORM_STARTED_BY"


def _exit_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_exit_with, args=(int(os.environ[STARTED_BY]),), daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
