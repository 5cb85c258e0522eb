"""Functions run from the repository: an archive with the one member ``.live`` names a folder, which is used in place of its contents.

So a changed handler is live at once (its workers are recycled, see ``watch``), and a cold start unpacks nothing.
"""

from __future__ import annotations

import os
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

from local.cloud.patches import expect

MARKER = ".live"


class _LiveZip(zipfile.ZipFile):
    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        if self.namelist() != [MARKER]:
            super().extractall(path, members, pwd)
            return
        os.rmdir(path)
        os.symlink(self.read(MARKER).decode(), path)


class _Zipfile:
    """The standard module, with our archive class; for one module of the emulator only."""

    ZipFile = _LiveZip

    def __getattr__(self, name: str) -> Any:
        return getattr(zipfile, name)


def apply() -> None:
    from ministack.core import lambda_runtime

    expect(lambda_runtime.zipfile is zipfile and hasattr(lambda_runtime, "_workers"), "lambda_runtime.zipfile")
    lambda_runtime.zipfile = _Zipfile()


def workers() -> list[dict[str, Any]]:
    """The running workers: function, region, process id."""
    from ministack.core import lambda_runtime

    with lambda_runtime._lock:
        found = [(key, worker) for key, group in lambda_runtime._workers.items() for worker in group]
    return [
        {"region": key.split(":")[1], "function": key.split(":")[2], "pid": worker._proc.pid, "busy": worker.in_use}
        for key, worker in found
        if worker._proc is not None
    ]


def watch(root: Path, *, every: float = 1.0) -> None:
    """Recycle workers when the code they have imported changes: a room's for its room, all for the platform layer."""
    thread = threading.Thread(target=_watch, args=(root, every), daemon=True, name="watch-code")
    thread.start()


def _watch(root: Path, every: float) -> None:
    from ministack.core import lambda_runtime

    before = _times(root)
    while True:
        time.sleep(every)
        now = _times(root)
        changed = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
        before = now
        if not changed:
            continue
        rooms = {
            path.relative_to(root / "functions").parts[0] for path in changed if root / "functions" in path.parents
        }
        everywhere = any(root / "layers" in path.parents for path in changed)
        for function, room in _rooms(root).items():
            if everywhere or room in rooms:
                lambda_runtime.invalidate_worker(f"docplatform-{function}")


def _times(root: Path) -> dict[Path, int]:
    files = [*(root / "functions").rglob("*.py"), *(root / "layers" / "platform").rglob("*.py")]
    times = {}
    for file in files:
        try:
            times[file] = file.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return times


def _rooms(root: Path) -> dict[str, str]:
    """Function → room, by the names in the specs' text: the cloud's environment does not import the product."""
    import re

    rooms: dict[str, str] = {}
    for spec in (root / "functions").glob("*/spec.py"):
        text = spec.read_text()
        rooms |= dict.fromkeys(re.findall(r'name="([a-z-]+)"', text), spec.parent.name)
        rooms |= {f"processing-{step}": spec.parent.name for step in re.findall(r'_reading\("([a-z]+)"\)', text)}
    return rooms
