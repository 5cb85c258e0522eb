"""Correction of the average length of a text field, for scores equal to Lucene's.

BM25 compares the length of a text with the average length. Lucene takes the average over documents that have a term in the field,
tantivy over all documents. For a field that is often empty, such as a title, the two averages differ much, and so do the scores.
Each document without a term therefore gets filler terms, in such a number that tantivy's average stays close to Lucene's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FILLER = "\x1d" * 12  # no word equals it, and none is within two edits of it
_MAX_FACTOR = 4  # times the average, plus 4: the most fillers of one document


@dataclass(slots=True)
class _Totals:
    terms: int = 0
    documents: int = 0
    fillers: int = 0
    without: int = 0


@dataclass(slots=True)
class FieldLengths:
    """Totals by column. ``to_json`` and ``from_json`` keep them over a restart."""

    _totals: dict[str, _Totals] = field(default_factory=dict)

    def add(self, column: str, terms: int) -> None:
        sums = self._totals.setdefault(column, _Totals())
        sums.terms += terms
        sums.documents += 1

    def fillers(self, column: str) -> int:
        """Counts a document without a term, and returns the number of its filler terms."""
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
