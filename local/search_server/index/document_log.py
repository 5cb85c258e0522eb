"""The documents of one index in SQLite: every write, in order. The text index is derived from them.

A confirmed write is in SQLite's write-ahead log and survives a crash of the process. With ``synchronous=NORMAL``, a crash of the
machine can lose the last writes. A newer write of a document does not overwrite the older one: searches see the older one until the
text index contains the newer; then ``purge`` removes it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS writes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    replaced_by INTEGER,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS writes_of_document ON writes (id, seq);
CREATE INDEX IF NOT EXISTS replaced ON writes (replaced_by) WHERE replaced_by IS NOT NULL;
CREATE INDEX IF NOT EXISTS deletions ON writes (at) WHERE deleted;
CREATE TABLE IF NOT EXISTS sources (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
"""
_DELETION_RETENTION = 60.0  # seconds that the version of a deleted document is kept (index.gc_deletes)
_ROWS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """One write of a document. ``source`` is its JSON text; None: the document was deleted."""

    seq: int
    id: str
    version: int
    source: str | None


class LogClosed(Exception):
    """The index was removed during a read."""


class DocumentLog:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._pool_lock, self._closed = threading.Lock(), False
        self._writer = self._connect()
        self._writer.executescript(_SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        for pragma in ("page_size=16384", "journal_mode=WAL", "synchronous=NORMAL", "cache_size=-4096"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection

    @contextmanager
    def _read_connection(self) -> Iterator[sqlite3.Connection]:
        with self._pool_lock:
            if self._closed:
                raise LogClosed
            connection = self._idle.pop() if self._idle else self._connect()
        try:
            yield connection
        finally:
            with self._pool_lock:
                if self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)

    def close(self) -> None:
        with self._pool_lock:
            self._closed = True
            for connection in (*self._idle, self._writer):
                connection.close()

    # -- writing: one thread at a time, which the index ensures
    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise
        self._writer.execute("COMMIT")

    def latest(self, document_id: str) -> StoredDocument | None:
        """Returns the last write of a document, searchable or not. A deletion is returned until its version is purged."""
        row = self._writer.execute(
            "SELECT seq, id, version, body FROM writes LEFT JOIN sources USING (seq) WHERE id = ? ORDER BY seq DESC LIMIT 1",
            (document_id,),
        ).fetchone()
        return StoredDocument(*row) if row else None

    def append(self, document_id: str, version: int, source: str | None, replaces: StoredDocument | None) -> int:
        cursor = self._writer.execute(
            "INSERT INTO writes (id, version, deleted, at) VALUES (?, ?, ?, ?)",
            (document_id, version, source is None, time.time()),
        )
        seq = cursor.lastrowid
        assert seq is not None
        if source is not None:
            self._writer.execute("INSERT INTO sources (seq, body) VALUES (?, ?)", (seq, source))
        if replaces is not None:
            self._writer.execute("UPDATE writes SET replaced_by = ? WHERE seq = ?", (seq, replaces.seq))
        return seq

    def purge(self, visible: int) -> None:
        """Removes what no search can see any more: writes replaced up to ``visible``, and deletions older than a minute."""
        gone = "SELECT seq FROM writes WHERE replaced_by <= ?"
        old = "deleted AND at < ? AND seq <= ?"
        with self.transaction():
            self._writer.execute(f"DELETE FROM sources WHERE seq IN ({gone})", (visible,))
            self._writer.execute(f"DELETE FROM writes WHERE seq IN ({gone})", (visible,))
            self._writer.execute(f"DELETE FROM writes WHERE {old}", (time.time() - _DELETION_RETENTION, visible))

    def set_metadata(self, name: str, value: str) -> None:
        self._writer.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    # -- reading: any thread
    def metadata(self, name: str) -> str | None:
        with self._read_connection() as db:
            row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def last_seq(self) -> int:
        with self._read_connection() as db:
            row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'writes'").fetchone()
        return int(row[0]) if row else 0

    def as_of(self, document_id: str, visible: int) -> StoredDocument | None:
        """Returns the document that a search at ``visible`` sees."""
        with self._read_connection() as db:
            row = db.execute(
                "SELECT seq, id, version, body FROM writes LEFT JOIN sources USING (seq)"
                " WHERE id = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
                (document_id, visible),
            ).fetchone()
        return StoredDocument(*row) if row and row[3] is not None else None

    def get(self, seqs: list[int], *, with_source: bool = True) -> dict[int, StoredDocument]:
        found: dict[int, StoredDocument] = {}
        columns, join = ("body", "JOIN sources USING (seq)") if with_source else ("NULL", "")
        with self._read_connection() as db:
            for i in range(0, len(seqs), _ROWS_PER_QUERY):
                part = seqs[i : i + _ROWS_PER_QUERY]
                marks = ",".join("?" * len(part))
                rows = db.execute(f"SELECT seq, id, version, {columns} FROM writes {join} WHERE seq IN ({marks})", part)
                found.update((row[0], StoredDocument(*row)) for row in rows)
        return found

    def between(self, after: int, until: int, limit: int) -> list[StoredDocument]:
        """Returns at most ``limit`` writes after ``after``, in order, without those that were replaced by ``until``."""
        return self._listed(
            "seq > ? AND seq <= ? AND (replaced_by IS NULL OR replaced_by > ?)", (after, until, until), limit
        )

    def _listed(self, condition: str, values: Iterable[Any], limit: int) -> list[StoredDocument]:
        with self._read_connection() as db:
            rows = db.execute(
                f"SELECT seq, id, version, body FROM writes LEFT JOIN sources USING (seq) WHERE {condition} ORDER BY seq LIMIT ?",
                (*values, limit),
            )
            return [StoredDocument(*row) for row in rows]
