"""Starts and stops a local cloud's process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from local.settings import ACCOUNT, CLOUD_PYTHON, HOME, ROOT, LocalSettings


class CannotStart(RuntimeError):
    """Says why, and what to do."""


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
        "STATE_DIR": str(state / "services"),
        "S3_DATA_DIR": str(state / "objects"),
        "LAMBDA_WARM_TTL_SECONDS": "900",
        "DOCPLATFORM_REGION_PORTS": json.dumps(settings.region_ports),
        "DOCPLATFORM_SEARCH_PORT": str(settings.search_port),
        "DOCPLATFORM_SEARCH_DATA": str(state / "search"),
        "DOCPLATFORM_HOST_PYTHON": sys.executable,
    }


def running(settings: LocalSettings) -> int:
    """The process id; 0 when it does not run."""
    file = settings.state / "cloud.pid"
    try:
        process = int(file.read_text())
        os.kill(process, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return 0
    return process


def was_killed(settings: LocalSettings) -> bool:
    """Whether the last run ended without storing its state: its process id is still noted."""
    return (settings.state / "cloud.pid").exists() and not running(settings)


def start(settings: LocalSettings) -> None:
    """Returns when it answers. Raises CannotStart."""
    if running(settings):
        return
    for port in (settings.port, settings.search_port, *settings.region_ports.values()):
        if _taken(port):
            raise CannotStart(f"port {port} is taken; stop what listens there, or choose others: ./dp up --port N")
    state = settings.state
    for folder in ("services", "objects", "search"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    log = (state / "cloud.log").open("ab")
    process = subprocess.Popen(
        [str(CLOUD_PYTHON), "-m", "local.cloud.serve"],
        cwd=ROOT,
        env=environment(settings),
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    (state / "cloud.pid").write_text(str(process.pid))
    deadline = time.monotonic() + 60
    while not _healthy(settings):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = (state / "cloud.log").read_text(errors="replace").splitlines()[-15:]
            raise CannotStart("the local cloud did not start:\n  " + "\n  ".join(tail))
        time.sleep(0.1)


def stop(settings: LocalSettings) -> bool:
    """Lets it store its state. Returns whether it ran."""
    process = running(settings)
    if not process:
        return False
    os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
            os.waitpid(process, os.WNOHANG)
        except ChildProcessError:
            pass
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        os.kill(process, signal.SIGKILL)
    (settings.state / "cloud.pid").unlink(missing_ok=True)
    return True


def _healthy(settings: LocalSettings) -> bool:
    try:
        with urllib.request.urlopen(f"{settings.endpoint}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
