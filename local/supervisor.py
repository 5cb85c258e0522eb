"""Starts and stops a local cloud's process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from local import opensearch
from local.java import CannotRun
from local.settings import ACCOUNT, CLOUD_PYTHON, HOME, ROOT, LocalSettings

_START_UP = _STOP = 180.0  # seconds, on a slow machine
_START_UP_OF_NODE = 480.0  # with a real OpenSearch


class CannotStart(RuntimeError):
    """The message says why, and what to do."""


class CannotStop(RuntimeError):
    """The message says what to do."""


def environment(settings: LocalSettings) -> dict[str, str]:
    state = settings.state
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHONDONTWRITE"))}
    return {
        **own,
        "PYTHONPATH": str(ROOT),
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": settings.root_key,
        "AWS_SECRET_ACCESS_KEY": settings.root_secret,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": HOME,
        "GATEWAY_PORT": str(settings.port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
        "DOCPLATFORM_STATE": str(state),
        "STATE_DIR": str(state / "services"),
        "S3_DATA_DIR": str(state / "objects"),
        "LAMBDA_WARM_TTL_SECONDS": "900",
        "DOCPLATFORM_REGION_PORTS": json.dumps(settings.region_ports),
        "DOCPLATFORM_SEARCH_PORT": str(settings.search_port),
        "DOCPLATFORM_SEARCH_SERVER": "local.opensearch" if settings.opensearch else "local.search_server",
        "DOCPLATFORM_SEARCH_DATA": str(state / ("opensearch" if settings.opensearch else "search")),
        "DOCPLATFORM_HOST_PYTHON": sys.executable,
    }


def running(settings: LocalSettings) -> int:
    """The process id; 0 if it does not run. (A process locks its state for as long as it lives.)"""
    lock = settings.state / "cloud.lock"
    while lock.exists():
        with lock.open("r+") as probe:
            try:
                fcntl.lockf(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return 0
            except OSError:
                noted = probe.read()
        if noted:
            return int(noted)
        time.sleep(0.01)  # the process has the lock and is about to write its id
    return 0


def was_killed(settings: LocalSettings) -> bool:
    """Whether the last run ended without storing its state."""
    return (settings.state / "unclean").exists() and not running(settings)


def check_opensearch() -> None:
    """Gets what a real OpenSearch needs. Raises CannotStart."""
    try:
        opensearch.check()
    except CannotRun as error:
        raise CannotStart(f"a real OpenSearch does not run here: {error}") from error


def start(settings: LocalSettings, **more: str) -> None:
    """Starts the cloud, and returns once it answers. ``more``: environment variables. Raises CannotStart."""
    if running(settings):
        return
    if settings.opensearch:
        check_opensearch()
    state, unclean = settings.state, was_killed(settings)
    for port in (settings.port, settings.search_port, *settings.region_ports.values()):
        _await_free(settings, port, 30.0 if unclean else 3.0)
    for folder in ("services", "objects", "search"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    with (state / "cloud.log").open("ab") as log:
        process = subprocess.Popen(
            [str(CLOUD_PYTHON), "-m", "local.cloud.server"],
            cwd=ROOT,
            env=environment(settings) | more,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    deadline = time.monotonic() + (_START_UP_OF_NODE if settings.opensearch else _START_UP)
    while not (running(settings) == process.pid and _healthy(settings) and _search_answers(settings)):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            if not unclean:
                (state / "unclean").unlink(missing_ok=True)
            tail = (state / "cloud.log").read_text(errors="replace").splitlines()[-15:]
            raise CannotStart("the local cloud did not start:\n  " + "\n  ".join(tail))
        time.sleep(0.05)


def stop(settings: LocalSettings) -> bool:
    """Stops the cloud once it has stored its state. Returns whether it ran. Raises CannotStop when it does not end in time."""
    process = running(settings)
    if not process:
        return False
    os.kill(process, signal.SIGTERM)
    if not _wait_for_end(settings, process):
        raise CannotStop(f"the local cloud (process {process}) does not end; if it must: kill -9 {process}")
    return True


def kill(settings: LocalSettings) -> None:
    """Ends the cloud by ``kill -9``: log lines and metrics since its last snapshot are lost, and nothing else."""
    process = running(settings)
    if process:
        os.kill(process, signal.SIGKILL)
        _wait_for_end(settings, process)


def snapshot(settings: LocalSettings) -> None:
    """Has the cloud store everything up to now, with log lines and metrics."""
    request = urllib.request.Request(f"{settings.endpoint}/_local/snapshot", method="POST")
    with urllib.request.urlopen(request, timeout=120):
        pass


def _wait_for_end(settings: LocalSettings, process: int) -> bool:
    deadline = time.monotonic() + _STOP
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, os.WNOHANG)
        if not running(settings):
            return True
        time.sleep(0.05)
    return False


def _healthy(settings: LocalSettings) -> bool:
    try:
        with urllib.request.urlopen(f"{settings.endpoint}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _search_answers(settings: LocalSettings) -> bool:
    """Whether the real OpenSearch answers. Nobody waits for the local search server, which is quick."""
    if not settings.opensearch:
        return True
    health = f"http://127.0.0.1:{settings.search_port}/_cluster/health?wait_for_status=yellow&timeout=1s"
    try:
        with urllib.request.urlopen(health, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _await_free(settings: LocalSettings, port: int, seconds: float) -> None:
    """Waits for a free port: a search server whose cloud was killed takes a moment to end, and a busy machine a long one."""
    for _ in range(int(10 * seconds)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.1)
    others = "./dp up --port N --region-port N"
    if settings.has_run:
        others = f"./dp reset, which deletes everything, then {others} (the ports are kept with the state)"
    raise CannotStart(f"port {port} is taken; stop what listens there, or choose others: {others}")
