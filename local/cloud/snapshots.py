"""Stores the emulator's state while it runs, so that a ``kill -9`` loses seconds and not everything.

The emulator itself stores its state when it is stopped, and S3's objects as they come. A snapshot is written by a forked copy
of the process, which holds the state as it was at one moment, while the process goes on. Log lines and metrics are left
out of it: they grow without end, and are written at a clean stop. Nothing is stored before everything that was stored is
read: an empty service would take its own state's place.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from local.cloud import lifecycle
from local.cloud.patches import async_events

_EVERY = 2.0  # seconds between the end of a snapshot and the next, at least
_SHARE = 8  # and at least so many times as long as the last one took
_SETTLED = 5.0  # seconds after the last request in which work may go on inside
_PATIENCE = 60  # seconds: what takes longer hangs, and is ended
_LEFT_OUT = frozenset({"cloudwatch_logs", "cloudwatch"})


class Snapshots:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = self._stored = 0.0
        self._last_took = 0.0
        self._ended = False
        threading.Thread(target=self._keep, daemon=True, name="snapshots").start()

    def changed(self) -> None:
        """Something may have changed."""
        self._changed = time.monotonic()

    def now(self) -> None:
        """Returns when everything up to the call is stored."""
        with self._lock:
            self._fork(frozenset())

    def last(self) -> None:
        """Everything, by this process itself; no snapshot follows."""
        with self._lock:
            self._ended = True
            if not lifecycle.listening():
                return
            delivered = async_events.done()
            _store(frozenset())
            _forget(delivered)

    def _keep(self) -> None:
        lifecycle.await_listening(None)
        while not self._ended:
            time.sleep(max(_EVERY, _SHARE * self._last_took))
            if self._stored < self._changed + _SETTLED:
                with self._lock:
                    self._fork(_LEFT_OUT)

    def _fork(self, left_out: frozenset[str]) -> None:
        if self._ended:
            return
        began, delivered = time.monotonic(), async_events.done()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            _store_and_end(left_out)
        _, status = os.waitpid(child, 0)
        self._last_took = time.monotonic() - began
        if status:
            print(f"a snapshot failed ({status}); the one before it stays", file=sys.stderr, flush=True)
        else:
            self._stored = began
            _forget(delivered)


def _forget(delivered: list[Path]) -> None:
    for file in delivered:
        file.unlink(missing_ok=True)


def _store_and_end(left_out: frozenset[str]) -> None:
    """In the copy: none of the process's connections, and no way back into its code."""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_PATIENCE)
        os.closerange(3, 65_536)
        _store(left_out)
    except BaseException as error:
        print(f"snapshot: {error!r}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def _store(left_out: frozenset[str]) -> None:
    from ministack import app
    from ministack.core import persistence

    services: dict[str, Any] = app._build_persistence_save_dict()
    persistence.save_all({name: get for name, get in services.items() if name not in left_out})
