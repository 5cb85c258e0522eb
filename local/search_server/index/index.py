"""One index of a collection: its mapping, its documents and their searchable form.

    write ──► document log (durable, answered) ──refresh──► text index ──► snapshot, which searches and gets see

Writers exclude each other; searches never wait for anybody: they hold the snapshot they began with.
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
_BATCH_SIZE = 500  # documents in memory while indexing


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Snapshot:
    """What one search sees: all writes up to ``seq``."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    columns: Columns
    seq: int


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The outcome of a write. ``result``: created, updated, deleted, not_found, noop."""

    id: str
    result: str
    version: int


Decision = tuple[str, str | None]  # the result, and the document's new JSON text (None: deletion)


@dataclass(frozen=True, slots=True)
class Write:
    """``decide`` gets the document as it is now (None: there is none) and says what becomes of it, or raises SearchError."""

    id: str
    decide: Callable[[StoredDocument | None], Decision]


class Index:
    def __init__(self, folder: Path, name: str) -> None:
        """Opens what ``create`` made; a text index that is missing or torn is made anew from the documents."""
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
        """Makes the files of an index. Raises SearchError for settings or mappings that are not offered."""
        mapping = Mapping.parse(mappings, Analysis.from_settings(settings.get("analysis", {})))
        folder.mkdir(parents=True)
        log = DocumentLog(folder / "documents.db")
        facts = {
            "settings": json.dumps(settings),
            "mapping": json.dumps(mapping.tree),
            "uuid": uuid.uuid4().hex[:22],
            "created": str(now),
        }
        with log.transaction():
            for fact, value in facts.items():
                log.set_metadata(fact, value)
        log.close()

    # -- writing
    def write(self, writes: Sequence[Write]) -> list[WriteResult | errors.SearchError]:
        """Durable when it returns. Each write succeeds or fails by itself, in order."""
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
        newest = self._log.latest(write.id)
        current = newest if newest and newest.source is not None else None
        version = newest.version if newest else 0
        try:
            result, source = write.decide(current)
            if result == "noop":
                return WriteResult(write.id, result, version)
            if source is not None:
                self._extend_mapping(parse_document(self.mapping, json.loads(source), write.id))
        except errors.SearchError as error:
            return error
        self._log.append(write.id, version + 1, source, newest)
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
        """What a search would see: OpenSearch Serverless does not say whether a get sees more, so nothing may rely on it."""
        snapshot = self.snapshot  # held, so that nothing it sees is forgotten meanwhile
        with self._not_found_once_closed():
            return self._log.as_of(document_id, snapshot.seq)

    def documents(self, seqs: list[int], *, with_source: bool = True) -> dict[int, StoredDocument]:
        """The documents of a search that holds a snapshot, by their writes."""
        with self._not_found_once_closed():
            return self._log.get(seqs, with_source=with_source)

    @contextmanager
    def _not_found_once_closed(self) -> Iterator[None]:
        try:
            yield
        except LogClosed as error:
            raise errors.index_not_found(self.name) from error

    # -- making writes visible
    def refresh(self) -> None:
        """Brings the snapshot up to the last write. A failure leaves the older snapshot, and the next refresh tries again."""
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
                _log.warning("the text index of %s is made anew from its documents: %s", self.name, error)
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

    # -- the end
    def close(self) -> None:
        with self._refresh_lock, self._write_lock:
            self._closed = True
            self._text_index.close()
            self._log.close()

    def _check_open(self) -> None:
        if self._closed:
            raise errors.index_not_found(self.name)
