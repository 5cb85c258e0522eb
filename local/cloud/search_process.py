"""The search server as a child process of the cloud, in the host's virtual environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from local.opensearch import NOT_STARTED

ROOT = Path(__file__).resolve().parents[2]
_STOP = 75.0  # seconds; OpenSearch writes everything before it ends


class SearchProcess:
    """A search server that is started again when it dies. One that cannot start takes the cloud with it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._keep_running, daemon=True, name="search-server").start()

    def _keep_running(self) -> None:
        server = os.environ["DOCPLATFORM_SEARCH_SERVER"]
        command = [os.environ["DOCPLATFORM_HOST_PYTHON"], "-m", "local.cloud.process", server]
        command += ["--port", os.environ["DOCPLATFORM_SEARCH_PORT"], "--data", os.environ["DOCPLATFORM_SEARCH_DATA"]]
        starts = 0
        while not self._stopping.is_set():
            starts += 1
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr, stderr=sys.stderr)
            code = self._process.wait()
            if self._stopping.is_set():
                return
            if code == NOT_STARTED and starts == 1:
                print("the search server does not start; the cloud ends", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGTERM)
                return
            print("the search server died; it is started again", file=sys.stderr, flush=True)
            time.sleep(1)

    def stop(self) -> None:
        """Ends the server once it has finished its writes."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=_STOP)
            except subprocess.TimeoutExpired:
                self._process.kill()
