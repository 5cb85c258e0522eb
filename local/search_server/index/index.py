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
from local.search_server.index.document_log import DocumentLog, LogClosed, Stored
from local.search_server.index.document_parser import Reading, read
from local.search_server.index.mappings import Mapping
from local.search_server.index.text_index import Columns, TextIndex

_log = logging.getLogger(__name__)
_PER_BATCH = 500  # documents in memory while indexing


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Snapshot:
    """What one search sees: all writes up to ``seq``."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    columns: Columns
    seq: int


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of a write. ``result``: created, updated, deleted, not_found, noop."""

    id: str
    result: str
    version: int


Decision = tuple[str, str | None]  # the result, and the document's new JSON text (None: deletion)


@dataclass(frozen=True, slots=True)
class Write:
    """``decide`` gets the document as it is now (None: there is none) and says what becomes of it, or raises SearchError."""

    id: str
    decide: Callable[[Stored | None], Decision]


class Index:
    def __init__(self, folder: Path, name: str) -> None:
        """Opens what ``create`` made; a text index that is missing or torn is made anew from the documents."""
        self.name, self._folder = name, folder
        self._log = DocumentLog(folder / "documents.db")
        self.settings: dict[str, Any] = json.loads(self._log.fact("settings") or "{}")
        self.uuid, self.created = self._log.fact("uuid") or "", int(self._log.fact("created") or 0)
        analysis = Analysis.from_settings(self.settings.get("analysis", {}))
        self.mapping = Mapping.parse(json.loads(self._log.fact("mapping") or "{}"), analysis)
        self.multivalued: frozenset[str] = frozenset(json.loads(self._log.fact("multivalued") or "[]"))
        self._writing, self._refreshing = threading.Lock(), threading.Lock()
        self._seen: weakref.WeakSet[Snapshot] = weakref.WeakSet()
        self._dropped = False
        self._text, indexed = self._open_text()
        self._publish(self._text.searcher(), indexed)
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
                log.set_fact(fact, value)
        log.close()

    # -- writing
    def write(self, writes: Sequence[Write]) -> list[Done | errors.SearchError]:
        """Durable when it returns. Each write succeeds or fails by itself, in order."""
        with self._writing:
            self._check_alive()
            before = self.mapping, self.multivalued
            try:
                with self._log.transaction():
                    return [self._write(write) for write in writes]
            except BaseException:
                self.mapping, self.multivalued = before
                raise

    def _write(self, write: Write) -> Done | errors.SearchError:
        newest = self._log.newest(write.id)
        current = newest if newest and newest.source is not None else None
        version = newest.version if newest else 0
        try:
            result, source = write.decide(current)
            if result == "noop":
                return Done(write.id, result, version)
            if source is not None:
                self._learn(read(self.mapping, json.loads(source), write.id))
        except errors.SearchError as error:
            return error
        self._log.append(write.id, version + 1, source, newest)
        return Done(write.id, result, version + 1)

    def _learn(self, reading: Reading) -> None:
        if reading.added:
            self._set_mapping(self.mapping.with_(reading.added))
        several = {path for path, values in reading.values.items() if len(values) > 1}
        if not several <= self.multivalued:
            self.multivalued |= several
            self._log.set_fact("multivalued", json.dumps(sorted(self.multivalued)))

    def add_fields(self, body: dict[str, Any]) -> None:
        with self._writing, self._log.transaction():
            self._check_alive()
            self._set_mapping(self.mapping.with_(body))

    def _set_mapping(self, mapping: Mapping) -> None:
        self._log.set_fact("mapping", json.dumps(mapping.tree))
        self.mapping = mapping

    # -- reading
    def get(self, document_id: str) -> Stored | None:
        """What a search would see: OpenSearch Serverless does not say whether a get sees more, so nothing may rely on it."""
        snapshot = self.snapshot  # held, so that nothing it sees is forgotten meanwhile
        with self._there():
            return self._log.as_of(document_id, snapshot.seq)

    def documents(self, seqs: list[int], *, with_source: bool = True) -> dict[int, Stored]:
        """The documents of a search that holds a snapshot, by their writes."""
        with self._there():
            return self._log.get(seqs, with_source=with_source)

    @contextmanager
    def _there(self) -> Iterator[None]:
        try:
            yield
        except LogClosed as error:
            raise errors.index_not_found(self.name) from error

    # -- making writes visible
    def refresh(self) -> None:
        """Brings the snapshot up to the last write. A failure leaves the older snapshot, and the next refresh tries again."""
        with self._refreshing:
            target, mapping = self._log.last_seq(), self.mapping
            if self._dropped or (target == self.snapshot.seq and mapping.fields.keys() <= self._text.columns.of.keys()):
                return
            if self._text.admit(mapping):
                self._apply(self._text, mapping, self.snapshot.seq, target)
                searcher = self._text.commit()
            else:
                searcher = self._make_anew(mapping, target)
            self._publish(searcher, target)
            with self._writing, self._log.transaction():
                self._log.set_fact("indexed", str(target))
            with self._writing:
                self._log.forget(min(snapshot.seq for snapshot in self._seen))

    def _apply(self, text: TextIndex, mapping: Mapping, after: int, target: int) -> None:
        while batch := self._log.between(after, target, _PER_BATCH):
            text.apply(batch, mapping)
            after = batch[-1].seq

    def _make_anew(self, mapping: Mapping, target: int) -> tantivy.Searcher:
        old = self._text
        text = TextIndex.create(self._folder / f"text-{uuid.uuid4().hex[:12]}", mapping)
        self._apply(text, mapping, 0, target)
        searcher = text.commit()
        with self._writing, self._log.transaction():
            self._log.set_fact("text", text.folder.name)
            self._log.set_fact("indexed", str(target))
        self._text = text
        old.close()
        shutil.rmtree(old.folder, ignore_errors=True)
        return searcher

    def _open_text(self) -> tuple[TextIndex, int]:
        name, indexed = self._log.fact("text"), int(self._log.fact("indexed") or 0)
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
            self._log.set_fact("text", text.folder.name)
            self._log.set_fact("indexed", "0")
        return text, 0

    def _publish(self, searcher: tantivy.Searcher, seq: int) -> None:
        snapshot = Snapshot(searcher, self._text.schema, self._text.columns, seq)
        self._seen.add(snapshot)
        self.snapshot = snapshot

    # -- the end
    def close(self) -> None:
        with self._refreshing, self._writing:
            self._dropped = True
            self._text.close()
            self._log.close()

    def _check_alive(self) -> None:
        if self._dropped:
            raise errors.index_not_found(self.name)
