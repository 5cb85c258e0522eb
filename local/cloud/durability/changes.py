"""Collects what has changed in the emulator, and writes it into the journal before a client is answered.

A patch marks a change by its kind and key after it was made. What the thing is by then is described when it is written, by the
function that is registered for its kind; so two changes of one item are one record. A record says what is there now, never a difference:
to apply it twice does no harm.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from local.cloud.durability.journal import Journal, Record

Key = tuple[Any, ...]
Written = Callable[[], None]
Described = tuple[Record, Written | None]
Describe = Callable[..., Described | None]


class Changes:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held while changes are written; whoever holds it sees a journal to which nothing is missing but what is noted later."""
        self._noted: deque[Key] = deque()
        self._kinds: dict[str, Describe] = {}
        self._journal: Journal | None = None
        self.refusing = False
        """Whether the last write failed: what was noted waits in memory for the next one."""

    def describe(self, kind: str, by: Describe) -> None:
        """``by`` gets a marked key, and returns its record, and what to call once that is written; None where nothing has changed."""
        self._kinds[kind] = by

    def mark_changed(self, kind: str, *key: Any) -> None:
        self._noted.append((kind, *key))

    @property
    def size(self) -> int:
        return self._journal.size if self._journal else 0

    def write_to(self, journal: Journal) -> None:
        """Sends what is written from now on to this journal. The caller holds the lock."""
        if self._journal:
            self._journal.close()
        self._journal = journal

    def flush(self) -> None:
        """Returns when everything noted before is in the journal. Raises OSError where the disk is full."""
        with self.lock:
            if self._journal is None or not (keys := self._drain()):
                return
            self.refusing = True
            try:
                described = [found for kind, *key in keys if (found := self._kinds[kind](*key)) is not None]
                if described:
                    self._journal.append([record for record, _ in described])
            except BaseException:
                self._noted.extendleft(reversed(keys))
                raise
            self.refusing = False
            for _, written in described:
                if written:
                    written()

    def _drain(self) -> list[Key]:
        keys: dict[Key, None] = {}
        while self._noted:
            keys[self._noted.popleft()] = None
        return list(keys)


CHANGES = Changes()
