"""One index of a collection: its mapping, its documents and their searchable form.

    write ──► document log (durable, confirmed) ──refresh──► text index ──► snapshot, which searches and gets see

One thread writes at a time. Searches never wait: each keeps the snapshot it began with.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tantivy

from local.search_server import errors
from local.search_server.analysis.analysis import Analysis
from local.search_server.index.document_log import DocumentLog, LogClosed, StoredDocument
from local.search_server.index.document_parser import ParsedDocument, parse_document
from local.search_server.index.mappings import Mapping
from local.search_server.index.text_index import Columns, TextIndex

_log = logging.getLogger(__name__)
_BATCH_SIZE = 500  # documents in memory during indexing


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Snapshot:
    """The state that one search sees: all writes up to ``seq``."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    columns: Columns
    seq: int


@dataclass(frozen=True, slots=True)
class WriteResult:
    """Outcome of a write; ``result`` is created, updated, deleted, not_found or noop."""

    id: str
    result: str
    version: int


Decision = tuple[str, str | None]  # the result, and the new JSON text of the document (None: no document)


@dataclass(frozen=True, slots=True)
class Write:
    """A write of one document. ``decide`` gets the current document or None, and returns the decision or raises SearchError."""

    id: str
    decide: Callable[[StoredDocument | None], Decision]


class Index:
    def __init__(self, folder: Path, name: str) -> None:
        """Opens an index made by ``create``. A missing or damaged text index is rebuilt from the documents."""
        self.name, self._folder = name, folder
        self._log = DocumentLog(folder / "documents.db")
        self.settings: dict[str, Any] = json.loads(self._log.metadata("settings") or "{}")
        self.uuid, self.created = self._log.metadata("uuid") or "", int(self._log.metadata("created") or 0)
        analysis = Analysis.from_settings(self.settings.get("analysis", {}))
        self.mapping = Mapping.parse(json.loads(self._log.metadata("mapping") or "{}"), analysis)
        self.multivalued: frozenset[str] = frozenset(json.loads(self._log.metadata("multivalued") or "[]"))
        self._write_lock, self._refresh_lock = threading.Lock(), threading.Lock()
        self._live_snapshots: weakref.WeakSet[Snapshot] = weakref.WeakSet()
        self._closed = False
        self._text_index, indexed = self._open_text_index()
        self._publish(self._text_index.searcher(), indexed)
        self.refresh()

    @staticmethod
    def create(folder: Path, name: str, settings: dict[str, Any], mappings: dict[str, Any], now: int) -> None:
        """Creates the files of an index. Raises SearchError for settings or mappings that are not offered."""
        mapping = Mapping.parse(mappings, Analysis.from_settings(settings.get("analysis", {})))
        folder.mkdir(parents=True)
        log = DocumentLog(folder / "documents.db")
        metadata = {
            "settings": json.dumps(settings),
            "mapping": json.dumps(mapping.tree),
            "uuid": uuid.uuid4().hex[:22],
            "created": str(now),
        }
        with log.transaction():
            for key, value in metadata.items():
                log.set_metadata(key, value)
        log.close()

    # -- writing
    def write(self, writes: Sequence[Write]) -> list[WriteResult | errors.SearchError]:
        """Runs the writes in order; they are durable on return. Each one succeeds or fails by itself."""
        with self._write_lock:
            self._check_open()
            before = self.mapping, self.multivalued
            try:
                with self._log.transaction():
                    return [self._write(write) for write in writes]
            except BaseException:
                self.mapping, self.multivalued = before
                raise

    def _write(self, write: Write) -> WriteResult | errors.SearchError:
        latest = self._log.latest(write.id)
        current = latest if latest and latest.source is not None else None
        version = latest.version if latest else 0
        try:
            result, source = write.decide(current)
            if result == "noop":
                return WriteResult(write.id, result, version)
            if source is not None:
                self._extend_mapping(parse_document(self.mapping, json.loads(source), write.id))
        except errors.SearchError as error:
            return error
        self._log.append(write.id, version + 1, source, latest)
        return WriteResult(write.id, result, version + 1)

    def _extend_mapping(self, parsed: ParsedDocument) -> None:
        if parsed.added:
            self._set_mapping(self.mapping.extended(parsed.added))
        several = {path for path, values in parsed.values.items() if len(values) > 1}
        if not several <= self.multivalued:
            self.multivalued |= several
            self._log.set_metadata("multivalued", json.dumps(sorted(self.multivalued)))

    def add_fields(self, body: dict[str, Any]) -> None:
        with self._write_lock, self._log.transaction():
            self._check_open()
            self._set_mapping(self.mapping.extended(body))

    def _set_mapping(self, mapping: Mapping) -> None:
        self._log.set_metadata("mapping", json.dumps(mapping.tree))
        self.mapping = mapping

    # -- reading
    def get(self, document_id: str) -> StoredDocument | None:
        """Returns what a search would see. AWS does not document whether a get sees more, so nothing may rely on it."""
        snapshot = self.snapshot  # held, so that purge keeps what it sees
        with self._index_not_found_if_closed():
            return self._log.as_of(document_id, snapshot.seq)

    def documents(self, seqs: list[int], *, with_source: bool = True) -> dict[int, StoredDocument]:
        """Returns documents of a search by their write numbers. The caller holds the snapshot."""
        with self._index_not_found_if_closed():
            return self._log.get(seqs, with_source=with_source)

    @contextmanager
    def _index_not_found_if_closed(self) -> Iterator[None]:
        try:
            yield
        except LogClosed as error:
            raise errors.index_not_found(self.name) from error

    # -- refreshing
    def refresh(self) -> None:
        """Makes all writes visible. If it fails, the older snapshot stays and the next refresh tries again."""
        with self._refresh_lock:
            target, mapping = self._log.last_seq(), self.mapping
            if self._closed or (
                target == self.snapshot.seq and mapping.fields.keys() <= self._text_index.columns.of.keys()
            ):
                return
            if self._text_index.add_columns(mapping):
                self._apply(self._text_index, mapping, self.snapshot.seq, target)
                searcher = self._text_index.commit()
            else:
                searcher = self._rebuild(mapping, target)
            self._publish(searcher, target)
            with self._write_lock, self._log.transaction():
                self._log.set_metadata("indexed", str(target))
            with self._write_lock:
                self._log.purge(min(snapshot.seq for snapshot in self._live_snapshots))

    def _apply(self, text: TextIndex, mapping: Mapping, after: int, target: int) -> None:
        while batch := self._log.between(after, target, _BATCH_SIZE):
            text.apply(batch, mapping)
            after = batch[-1].seq

    def _rebuild(self, mapping: Mapping, target: int) -> tantivy.Searcher:
        old = self._text_index
        text = TextIndex.create(self._folder / f"text-{uuid.uuid4().hex[:12]}", mapping)
        self._apply(text, mapping, 0, target)
        searcher = text.commit()
        with self._write_lock, self._log.transaction():
            self._log.set_metadata("text", text.folder.name)
            self._log.set_metadata("indexed", str(target))
        self._text_index = text
        old.close()
        shutil.rmtree(old.folder, ignore_errors=True)
        return searcher

    def _open_text_index(self) -> tuple[TextIndex, int]:
        name, indexed = self._log.metadata("text"), int(self._log.metadata("indexed") or 0)
        for stray in self._folder.glob("text-*"):
            if stray.name != name:
                shutil.rmtree(stray, ignore_errors=True)
        if name:
            try:
                text = TextIndex.open(self._folder / name)
                text.searcher()
                return text, indexed
            except (OSError, ValueError, KeyError) as error:
                _log.warning("the text index of %s is rebuilt from its documents: %s", self.name, error)
                shutil.rmtree(self._folder / name, ignore_errors=True)
        text = TextIndex.create(self._folder / f"text-{uuid.uuid4().hex[:12]}", self.mapping)
        text.commit()
        with self._log.transaction():
            self._log.set_metadata("text", text.folder.name)
            self._log.set_metadata("indexed", "0")
        return text, 0

    def _publish(self, searcher: tantivy.Searcher, seq: int) -> None:
        snapshot = Snapshot(searcher, self._text_index.schema, self._text_index.columns, seq)
        self._live_snapshots.add(snapshot)
        self.snapshot = snapshot

    # -- closing
    def close(self) -> None:
        with self._refresh_lock, self._write_lock:
            self._closed = True
            self._text_index.close()
            self._log.close()

    def _check_open(self) -> None:
        if self._closed:
            raise errors.index_not_found(self.name)
