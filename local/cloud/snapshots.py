"""Snapshots of the local cloud's state: when the journal has grown, when somebody asks for one, and the last one at a stop.

Nothing that was answered waits for a snapshot: it is in the journal (``durability``). Log lines and metrics are the exception. They are
written when somebody asks for a snapshot, and at a stop. No snapshot is made before the stored state has been read.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from local.cloud import lifecycle
from local.cloud.durability import services
from local.cloud.durability.store import Store

_EVERY = 2.0  # seconds between looks at the size of the journal
_AFTER_FAILURE = 60.0  # seconds before the next try

STORE = Store(Path(os.environ.get("DOCPLATFORM_STATE", ".")))


class Snapshots:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = False
        threading.Thread(target=self._watch, daemon=True, name="snapshots").start()

    def now(self) -> None:
        """Stores everything up to the call. Raises OSError where the disk is full."""
        with self._lock:
            if not self._ended:
                _store(by_fork=True)

    def end(self) -> None:
        """Returns when no snapshot is being made. None follows but the last one. Not for the thread that serves requests."""
        with self._lock:
            self._ended = True

    def last(self) -> None:
        """Stores everything in this process, without a fork, after ``end``. (Where the disk is full, the journal has everything.)"""
        with self._lock:
            if not lifecycle.listening():
                return
            try:
                _store(by_fork=False)
            except OSError as error:
                print(f"the last snapshot failed: {error}", file=sys.stderr, flush=True)

    def _watch(self) -> None:
        lifecycle.await_listening(None)
        wait = _EVERY
        while not self._ended:
            time.sleep(wait)
            wait = _EVERY
            with self._lock:
                if self._ended or STORE.grown < 100:
                    continue
                try:
                    STORE.snapshot()
                except OSError as error:
                    print(f"a snapshot failed: {error}", file=sys.stderr, flush=True)
                    wait = _AFTER_FAILURE


def _store(*, by_fork: bool) -> None:
    services.SERVICES.save()
    STORE.snapshot(by_fork=by_fork, also=services.save_histories)
