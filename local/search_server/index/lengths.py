"""Keeps the average length of a text field what Lucene makes of it.

BM25 compares a text's length with the average. Lucene averages over the documents that have a term in the field, tantivy over
all documents; with a field that is often empty (a title, an author) that is far apart, and so are scores. So a document without
a term gets fillers, as many as keep the average of all at the average of those that have terms.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FILLER = "\x1d" * 12  # no word looks like it, and none is within two edits of it
_MAX_FACTOR = 4  # times the average, plus a few: what one document may make up for


@dataclass(slots=True)
class _Totals:
    terms: int = 0
    documents: int = 0
    fillers: int = 0
    without: int = 0


@dataclass(slots=True)
class FieldLengths:
    """By column. ``saved`` and ``restored`` carry it over a restart."""

    _totals: dict[str, _Totals] = field(default_factory=dict)

    def add(self, column: str, terms: int) -> None:
        sums = self._totals.setdefault(column, _Totals())
        sums.terms += terms
        sums.documents += 1

    def fillers(self, column: str) -> int:
        """How many fillers the next document without a term gets."""
        sums = self._totals.setdefault(column, _Totals())
        sums.without += 1
        if not sums.documents:
            return 0
        average = sums.terms / sums.documents
        count = max(0, min(round(average * sums.without) - sums.fillers, round(average * _MAX_FACTOR) + 4))
        sums.fillers += count
        return count

    def to_json(self) -> dict[str, list[int]]:
        return {name: [sums.terms, sums.documents, sums.fillers, sums.without] for name, sums in self._totals.items()}

    @staticmethod
    def from_json(saved: dict[str, list[int]]) -> FieldLengths:
        return FieldLengths({name: _Totals(*sums) for name, sums in saved.items()})
