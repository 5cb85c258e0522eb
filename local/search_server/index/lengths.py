"""Keeps the average length of a text field what Lucene makes of it.

BM25 compares a text's length with the average. Lucene averages over the documents that have a term in the field, tantivy over
all documents; with a field that is often empty (a title, an author) that is far apart, and so are scores. So a document without
a term gets fillers, as many as keep the average of all at the average of those that have terms.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FILLER = "\x1d" * 12  # no word looks like it, and none is within two edits of it
_AT_ONCE = 4  # times the average, plus a few: what one document may make up for


@dataclass(slots=True)
class _Sums:
    terms: int = 0
    documents: int = 0
    fillers: int = 0
    without: int = 0


@dataclass(slots=True)
class Lengths:
    """By column. ``saved`` and ``restored`` carry it over a restart."""

    _of: dict[str, _Sums] = field(default_factory=dict)

    def counted(self, column: str, terms: int) -> None:
        sums = self._of.setdefault(column, _Sums())
        sums.terms += terms
        sums.documents += 1

    def fillers(self, column: str) -> int:
        """How many fillers the next document without a term gets."""
        sums = self._of.setdefault(column, _Sums())
        sums.without += 1
        if not sums.documents:
            return 0
        average = sums.terms / sums.documents
        count = max(0, min(round(average * sums.without) - sums.fillers, round(average * _AT_ONCE) + 4))
        sums.fillers += count
        return count

    def saved(self) -> dict[str, list[int]]:
        return {name: [sums.terms, sums.documents, sums.fillers, sums.without] for name, sums in self._of.items()}

    @staticmethod
    def restored(saved: dict[str, list[int]]) -> Lengths:
        return Lengths({name: _Sums(*sums) for name, sums in saved.items()})
