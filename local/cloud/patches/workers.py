"""Functions' processes see what they would see on Lambda, and never outlive the cloud.

A worker imports the standard library, its layers and its own code. It finds no package of the emulator's environment, which would hide
a dependency that a layer lacks. Its environment has what Lambda sets, its function's settings and its role's credentials. It ends when
the cloud is gone, for whatever reason. No function runs before the cloud answers or when the cloud is about to end.

As on Lambda, concurrent calls have a worker each. But a machine has few processors: workers start a few at a time, and a call that waits
for its start takes a worker that has become free. (Without this a burst of 12 uploads started 84 workers, and took a minute.)
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from typing import Any

from local.cloud import lifecycle
from local.cloud.patches import expect, require

_ISOLATED = ("-S", "-E", "-s", "-P")
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_SET = ("AWS_", "_AWS_", "LAMBDA_", "_LAMBDA_", "_MINISTACK_", "_X_AMZN_")
_OWN = ("LAMBDA_WARM_TTL_SECONDS", "LAMBDA_ASYNC_RETRY_BASE_SECONDS")
_ENDS_WITH = """
def _end_with(parent):
    import os, threading, time
    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()
_end_with({parent})
"""


class _Subprocess:
    """The standard module, with our way to start a worker; for one module of the emulator only."""

    @staticmethod
    def Popen(command: list[str], **more: Any) -> subprocess.Popen[Any]:
        if len(command) == 2 and command[1].endswith("_worker.py"):
            given = more["env"]
            more["env"] = {
                name: value
                for name, value in given.items()
                if name in _KEPT or (name.startswith(_SET) and name not in _OWN)
            }
            command = [command[0], *_ISOLATED, command[1]]
        return subprocess.Popen(command, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)


def ends_with(parent: int) -> str:
    """Code of a worker that ends when this process, which starts it, is gone; perhaps before the worker began."""
    return _ENDS_WITH.format(parent=parent)


def apply() -> None:
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    expect(lambda_runtime.subprocess is subprocess, "lambda_runtime.subprocess")
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    expect('env = init.get("env", {})\n    os.environ.update(env)' in script, "a worker's own settings")
    lambda_runtime.subprocess = _Subprocess()
    lambda_runtime._PYTHON_WORKER_SCRIPT = ends_with(os.getpid()) + script
    for name in ("reset", "kill_workers", "_workers", "_lock", "_worker_key"):
        require(lambda_runtime, name)
    execute = lambda_svc._execute_function

    def while_listening(*arguments: Any, **more: Any) -> dict[str, Any]:
        lifecycle.await_listening()
        if lifecycle.stopping():
            return {"error": True, "body": {"errorType": "ServiceException", "errorMessage": "the cloud is stopping"}}
        answer: dict[str, Any] = execute(*arguments, **more)
        return answer

    lambda_svc._execute_function = while_listening
    expect(lambda_svc.acquire_worker is lambda_runtime.acquire_worker, "lambda_svc.acquire_worker")
    lambda_svc.acquire_worker = _limited(lambda_runtime)


def _limited(lambda_runtime: Any) -> Any:
    acquire, starting = lambda_runtime.acquire_worker, threading.BoundedSemaphore(os.cpu_count() or 2)

    def free(key: str) -> bool:
        with lambda_runtime._lock:
            return any(not worker.in_use for worker in lambda_runtime._workers.get(key, ()))

    def acquired(name: str, config: Any, code: bytes, qualifier: str = "$LATEST", **more: Any) -> Any:
        key = lambda_runtime._worker_key(name, config, qualifier)
        turn = False
        while not free(key) and not turn:
            turn = starting.acquire(timeout=0.01)
        try:
            worker, how = acquire(name, config, code, qualifier=qualifier, **more)
            if turn and how == "spawn":
                with contextlib.suppress(Exception):  # the call starts it again, and reports what is wrong
                    lambda_runtime.ensure_spawned(worker)
            return worker, how
        finally:
            if turn:
                starting.release()

    return acquired


def end_all() -> None:
    """Ends every worker by kill -9. The calls in progress are repeated after the next start."""
    from ministack.core import lambda_runtime

    with lambda_runtime._lock:
        workers = [worker for group in lambda_runtime._workers.values() for worker in group]
        lambda_runtime._workers.clear()
    for worker in workers:
        process = worker._proc
        if process is not None:
            process.kill()
    lambda_runtime.kill_workers(workers)
