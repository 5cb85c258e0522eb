"""The cloud's process: the emulator with its patches, a port for each region, the door of the search, and the search server as a child.

python -m local.cloud.serve          everything it needs to know is in its environment (see ``local/supervisor.py``)
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    from local.cloud import patches

    patches.apply_all()
    from local.cloud.patches import live_code

    live_code.watch(ROOT)
    search = SearchServer()
    search.start()
    try:
        asyncio.run(_serve())
    finally:
        search.stop()


async def _serve() -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from local.cloud.patches import regions

    config = Config()
    config.bind = [f"127.0.0.1:{port}" for port in (int(os.environ["GATEWAY_PORT"]), *regions.ports())]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(application, config, shutdown_trigger=stop.wait)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    from ministack.app import app

    from local.cloud import search_gate
    from local.cloud.patches import live_code, regions

    if scope["type"] == "http":
        regions.arrived_at.set((scope.get("server") or ("", 0))[1] or 0)
        if scope["path"].startswith(search_gate.PREFIX):
            await search_gate.serve(scope, receive, send)
            return
        if scope["path"] == "/_local/workers":
            content = json.dumps(live_code.workers()).encode()
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
            )
            await send({"type": "http.response.body", "body": content})
            return
    await app(scope, receive, send)


class SearchServer:
    """The search engine, in the host's environment; started again when it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._keep, daemon=True, name="search-server").start()

    def _keep(self) -> None:
        command = [os.environ["DOCPLATFORM_HOST_PYTHON"], "-m", "local.search_server"]
        command += ["--port", os.environ["DOCPLATFORM_SEARCH_PORT"], "--data", os.environ["DOCPLATFORM_SEARCH_DATA"]]
        while not self._stopping.is_set():
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr, stderr=sys.stderr)
            self._process.wait()
            if not self._stopping.is_set():
                print("the search server died; it is started again", file=sys.stderr, flush=True)
                time.sleep(1)

    def stop(self) -> None:
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)


if __name__ == "__main__":
    main()
