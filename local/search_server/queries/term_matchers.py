"""Term matchers: they describe what a query matched, so that highlighting can find it in the text."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Protocol


class TermMatcher(Protocol):
    """Selects those of some indexed terms that the query matched."""

    def matching(self, terms: set[str], /) -> Set[str]: ...


@dataclass(frozen=True, slots=True)
class ExactTerms:
    terms: frozenset[str]

    def matching(self, terms: set[str], /) -> Set[str]:
        return self.terms & terms


@dataclass(frozen=True, slots=True)
class TermPattern:
    pattern: re.Pattern[str]

    def matching(self, terms: set[str], /) -> Set[str]:
        return {term for term in terms if self.pattern.fullmatch(term)}


@dataclass(frozen=True, slots=True)
class FuzzyTerm:
    """Terms within ``edits`` insertions, deletions, substitutions or swaps of neighbours."""

    word: str
    edits: int

    def matching(self, terms: set[str], /) -> Set[str]:
        reach = range(len(self.word) - self.edits, len(self.word) + self.edits + 1)
        return {term for term in terms if len(term) in reach and _distance(self.word, term) <= self.edits}


@dataclass(frozen=True, slots=True)
class PhraseMatcher:
    """Terms at relative positions. ``last`` is the position and the matcher of a final prefix."""

    words: tuple[tuple[int, str], ...]
    slop: int = 0
    last: tuple[int, TermMatcher] | None = None


@dataclass(frozen=True, slots=True)
class FieldMatcher:
    """A matcher and the path of the field that was searched."""

    field: str
    matcher: TermMatcher | PhraseMatcher


def _distance(a: str, b: str) -> int:
    """Returns the optimal string alignment distance."""
    before: list[int] = []
    above = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        row = [i]
        for j, right in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]
