"""Functions run from the repository: an archive whose one member is ``.live`` names a folder, which is used in place of the archive.

A changed handler is therefore live at once (``watch`` replaces its workers), and a cold start unpacks nothing. A worker sees only the
package of its own function, and not the folder of all functions, as on Lambda, where the asset has nothing else.
"""

from __future__ import annotations

import os
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.cloud.patches import expect, require

MARKER = ".live"
_spawning = threading.local()
"""``package``: the package of the function whose worker this thread starts."""


class _LiveZip(zipfile.ZipFile):
    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        if self.namelist() != [MARKER]:
            super().extractall(path, members, pwd)
            return
        folder, package = Path(self.read(MARKER).decode()), getattr(_spawning, "package", "")
        if package and Path(path).name == "code" and (folder / package / "__init__.py").is_file():
            os.symlink(folder / package, Path(path, package))
        else:  # a layer
            os.rmdir(path)
            os.symlink(folder, path)


class _Zipfile:
    """The standard module, with our archive class; for one module of the emulator only."""

    ZipFile = _LiveZip

    def __getattr__(self, name: str) -> Any:
        return getattr(zipfile, name)


def apply() -> None:
    from ministack.core import lambda_runtime

    expect(lambda_runtime.zipfile is zipfile and hasattr(lambda_runtime, "_workers"), "lambda_runtime.zipfile")
    require(lambda_runtime, "kill_workers")
    require(lambda_runtime, "_lock")
    lambda_runtime.zipfile = _Zipfile()
    spawn = require(lambda_runtime.Worker, "_spawn")

    def spawn_with_package(worker: Any) -> Any:
        _spawning.package = _package(worker)
        return spawn(worker)

    lambda_runtime.Worker._spawn = spawn_with_package


def _package(worker: Any) -> str:
    """The package of the worker's function: ``documents`` of the handler ``documents.handler.handler``."""
    return str(worker.config.get("Handler", "")).partition(".")[0]


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
    """Replaces workers whose code has changed: those of one function's package, or all of them for the platform layer."""
    thread = threading.Thread(target=_watch, args=(root, every), daemon=True, name="watch-code")
    thread.start()


def _watch(root: Path, every: float) -> None:
    before = _times(root)
    while True:
        time.sleep(every)
        now = _times(root)
        changed = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
        before = now
        if any(root / "layers" in path.parents for path in changed):
            recycle_all()
        elif changed:
            packages = {path.relative_to(root / "functions").parts[0] for path in changed}
            _recycle(packages.__contains__)


def _times(root: Path) -> dict[Path, int]:
    files = [*(root / "functions").rglob("*.py"), *(root / "layers" / "platform").rglob("*.py")]
    times = {}
    for file in files:
        try:
            times[file] = file.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return times


def recycle_all() -> None:
    """Replaces every worker before its next call."""
    _recycle(lambda _package: True)


def _recycle(is_changed: Callable[[str], bool]) -> None:
    """Withdraws the workers of these packages: they get no further call, and end when they have finished the present one."""
    from ministack.core import lambda_runtime

    old = []
    with lambda_runtime._lock:
        for group in lambda_runtime._workers.values():
            for worker in list(group):
                if is_changed(_package(worker)):
                    group.remove(worker)
                    old.append(worker)
    threading.Thread(target=_end_when_done, args=(lambda_runtime, old), daemon=True, name="old-workers").start()


def _end_when_done(lambda_runtime: Any, workers: list[Any]) -> None:
    while workers:
        done = [worker for worker in workers if not worker.in_use]
        lambda_runtime.kill_workers(done)
        workers = [worker for worker in workers if worker not in done]
        time.sleep(0.2)
