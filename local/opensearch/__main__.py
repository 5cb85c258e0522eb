"""Command line: ``python -m local.opensearch --port 9200 --data DIR``. Serves until SIGTERM.

The folder is locked for as long as the node lives, and not only this process: after a ``kill -9`` the next start waits
until the node that was left has ended.
"""

from __future__ import annotations

import argparse
import fcntl
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO

from local import opensearch
from local.java import CannotRun

_LEFT = 90.0  # seconds in which a node that was left has ended


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.opensearch", description="A real OpenSearch node.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of the indexes; created if missing")
    options = parser.parse_args(arguments)
    try:
        lock = _lock(options.data)
        server = opensearch.start(options.data, options.port, kept_open=(lock.fileno(),))
    except CannotRun as error:
        print(error, file=sys.stderr, flush=True)
        return opensearch.NOT_STARTED
    stopping = threading.Event()

    def stop() -> None:
        stopping.set()
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=stop).start())
    print(f"OpenSearch is ready on http://127.0.0.1:{options.port}", flush=True)
    code = server.wait()
    return 0 if stopping.is_set() else code or 1


def _lock(folder: Path) -> IO[str]:
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("w")
    deadline = time.monotonic() + _LEFT
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise CannotRun(f"another node uses {folder}") from None
            time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
