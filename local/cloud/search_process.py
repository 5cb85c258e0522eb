"""The search server as a child process of the cloud, in the host's virtual environment."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class SearchProcess:
    """A search server that is started again when it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._keep_running, daemon=True, name="search-server").start()

    def _keep_running(self) -> None:
        command = [os.environ["DOCPLATFORM_HOST_PYTHON"], "-m", "local.cloud.process", "local.search_server"]
        command += ["--port", os.environ["DOCPLATFORM_SEARCH_PORT"], "--data", os.environ["DOCPLATFORM_SEARCH_DATA"]]
        while not self._stopping.is_set():
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr, stderr=sys.stderr)
            self._process.wait()
            if not self._stopping.is_set():
                print("the search server died; it is started again", file=sys.stderr, flush=True)
                time.sleep(1)

    def stop(self) -> None:
        """Ends the server once it has finished its writes."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
