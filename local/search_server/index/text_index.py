"""The searchable form of one index: a tantivy index of generic columns, and the assignment of fields to columns.

The fields of a tantivy index are fixed when it is created; OpenSearch adds fields at any time. An index therefore has spare columns
of each family, and a new field gets one of them. When they run out, ``TextIndex.add_columns`` returns False and the index must be
rebuilt.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tantivy

from local.search_server.analysis.analysis import GAP, SEPARATOR
from local.search_server.index.document_log import StoredDocument
from local.search_server.index.document_parser import parse_document
from local.search_server.index.fields import Family, Field
from local.search_server.index.lengths import FILLER, FieldLengths
from local.search_server.index.mappings import Mapping

SEQ, ID, PRESENT = "seq", "id", "present"
EVERY_DOCUMENT = ""  # term that every document has in PRESENT
WITH_TERMS = "\x1f"  # prefix of the path of a text field that has a term
_FORMAT = 1
_SPARE_COLUMNS = {Family.TEXT: 6, Family.KEYWORD: 16, Family.INTEGER: 8, Family.FLOAT: 6}
_WRITER_HEAP_BYTES = 64_000_000  # buffer for documents being indexed
_TOKENIZER = "terms"
_VALUE_SEPARATOR = SEPARATOR + (GAP + SEPARATOR) * 100  # position_increment_gap: no phrase crosses it


@dataclass(frozen=True)
class Columns:
    """``of``: path of a field → its column. ``capacity``: number of columns of each family."""

    of: dict[str, str]
    capacity: dict[str, int]

    @staticmethod
    def for_mapping(mapping: Mapping) -> Columns:
        needed = {family.value: sum(field.family is family for field in mapping.fields.values()) for family in Family}
        columns = Columns({}, {family.value: needed[family.value] + spare for family, spare in _SPARE_COLUMNS.items()})
        admitted = columns.with_fields(mapping.fields.values())
        assert admitted is not None
        return admitted

    def with_fields(self, fields: Iterable[Field]) -> Columns | None:
        """Returns the columns with ``fields`` added, or None if a column is missing for one of them."""
        of = dict(self.of)
        used = {family.value: 0 for family in Family}
        for column in of.values():
            used[column.rpartition("_")[0]] += 1
        for field in fields:
            if field.path in of:
                continue
            family = field.family.value
            if used[family] == self.capacity[family]:
                return None
            of[field.path] = f"{family}_{used[family]}"
            used[family] += 1
        return Columns(of, self.capacity)

    def schema(self) -> tantivy.Schema:
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field(SEQ, fast=True)
        builder.add_text_field(ID, tokenizer_name="raw", index_option="basic")
        builder.add_text_field(PRESENT, tokenizer_name="raw", index_option="basic")
        for i in range(self.capacity[Family.TEXT]):
            builder.add_text_field(f"text_{i}", tokenizer_name=_TOKENIZER)
        for i in range(self.capacity[Family.KEYWORD]):
            builder.add_text_field(f"word_{i}", fast=True, tokenizer_name="raw", index_option="basic")
        for i in range(self.capacity[Family.INTEGER]):
            builder.add_integer_field(f"whole_{i}", indexed=True, fast=True)
        for i in range(self.capacity[Family.FLOAT]):
            builder.add_float_field(f"real_{i}", indexed=True, fast=True)
        return builder.build()


class TextIndex:
    """Not thread-safe, except ``searcher``."""

    def __init__(self, folder: Path, columns: Columns, lengths: FieldLengths, index: tantivy.Index) -> None:
        self.folder, self.columns, self._lengths, self._index = folder, columns, lengths, index
        self.schema = index.schema
        splitting = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(f"[^{SEPARATOR}]+"))
        index.register_tokenizer(_TOKENIZER, splitting.filter(tantivy.Filter.custom_stopword([GAP])).build())
        self._writer = index.writer(_WRITER_HEAP_BYTES, 1)

    @staticmethod
    def create(folder: Path, mapping: Mapping) -> TextIndex:
        folder.mkdir(parents=True)
        columns = Columns.for_mapping(mapping)
        index = TextIndex(folder, columns, FieldLengths(), tantivy.Index(columns.schema(), str(folder), reuse=False))
        index._save()
        return index

    @staticmethod
    def open(folder: Path) -> TextIndex:
        """Raises OSError, ValueError or KeyError for a folder that does not contain a complete index of this format."""
        saved = json.loads((folder / "columns.json").read_text())
        if saved["format"] != _FORMAT:
            raise ValueError("another format")
        columns, lengths = Columns(saved["of"], saved["capacity"]), FieldLengths.from_json(saved["lengths"])
        return TextIndex(folder, columns, lengths, tantivy.Index.open(str(folder)))

    def _save(self) -> None:
        columns = {"of": self.columns.of, "capacity": self.columns.capacity}
        saved = {"format": _FORMAT, **columns, "lengths": self._lengths.to_json()}
        path = self.folder / "columns.json"
        path.with_suffix(".new").write_text(json.dumps(saved))
        os.replace(path.with_suffix(".new"), path)

    def add_columns(self, mapping: Mapping) -> bool:
        """Gives a column to every field of the mapping. Returns False if there are too few."""
        if mapping.fields.keys() <= self.columns.of.keys():
            return True
        columns = self.columns.with_fields(mapping.fields.values())
        if columns is None:
            return False
        self.columns = columns
        self._save()
        return True

    def apply(self, writes: Iterable[StoredDocument], mapping: Mapping) -> None:
        for write in writes:
            self._writer.delete_documents_by_term(ID, write.id)
            if write.source is not None:
                entry = self._tantivy_document(write, write.source, mapping)
                self._writer.add_document(tantivy.Document.from_dict(entry, self.schema))

    def commit(self) -> tantivy.Searcher:
        self._writer.commit()
        self._save()
        self._index.reload()
        return self._index.searcher()

    def searcher(self) -> tantivy.Searcher:
        self._index.reload()
        return self._index.searcher()

    def close(self) -> None:
        self._writer.wait_merging_threads()

    def _tantivy_document(self, write: StoredDocument, source: str, mapping: Mapping) -> dict[str, Any]:
        parsed = parse_document(mapping, json.loads(source), write.id, lenient=True)
        entry: dict[str, Any] = {SEQ: [write.seq], ID: [write.id], PRESENT: [EVERY_DOCUMENT, *parsed.present()]}
        for path, field in mapping.fields.items():
            values, column = parsed.values.get(path, []), self.columns.of[path]
            if field.family is Family.TEXT:
                analyzer = mapping.analysis.analyzers[field.analyzer]
                text = _VALUE_SEPARATOR.join(analyzer.indexed(str(value)) for value in values)
                if terms := _count_terms(text):
                    self._lengths.add(column, terms)
                    entry[PRESENT].append(WITH_TERMS + path)
                else:
                    text = SEPARATOR.join([FILLER] * self._lengths.fillers(column))
                if text:
                    entry[column] = [text]
            elif values:
                entry[column] = sorted(set(values)) if field.family is Family.KEYWORD else sorted(values)
        return entry


def _count_terms(indexed: str) -> int:
    return indexed.count(SEPARATOR) + 1 - indexed.count(GAP) if indexed else 0
