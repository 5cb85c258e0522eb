"""Stores the emulator's state while it runs, so that a ``kill -9`` loses seconds and not everything.

The emulator itself stores its state when it is stopped, and S3's objects as they arrive. A snapshot is written by a forked copy of the
process, which has the state of one moment, while the process goes on. Log lines and metrics are left out, because they grow without
end; they are written at a clean stop. No snapshot is made before the stored state has been read: an empty service would replace it.
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

_EVERY = 2.0  # seconds between snapshots, at least
_SHARE = 8  # and at least this many times as long as the last snapshot took
_SETTLED = 5.0  # seconds after the last request in which functions may still change something
_TIMEOUT = 60  # seconds: a snapshot that takes longer hangs, and is ended
_LEFT_OUT = frozenset({"cloudwatch_logs", "cloudwatch"})


class Snapshots:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = self._stored = 0.0
        self._last_took = 0.0
        self._ended = False
        threading.Thread(target=self._store_regularly, daemon=True, name="snapshots").start()

    def changed(self) -> None:
        """Notes that something may have changed."""
        self._changed = time.monotonic()

    def now(self) -> None:
        """Stores everything up to the call."""
        with self._lock:
            self._fork(frozenset())

    def last(self) -> None:
        """Stores everything in this process, without a fork. No snapshot follows."""
        with self._lock:
            self._ended = True
            if not lifecycle.listening():
                return
            delivered = async_events.done()
            _store(frozenset())
            _remove(delivered)

    def _store_regularly(self) -> None:
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
            _remove(delivered)


def _remove(delivered: list[Path]) -> None:
    for file in delivered:
        file.unlink(missing_ok=True)


def _store_and_end(left_out: frozenset[str]) -> None:
    """Runs in the copy, which closes the process's connections and never returns into its code."""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_TIMEOUT)
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
