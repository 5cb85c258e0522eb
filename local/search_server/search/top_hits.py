"""The first hits of a query in a given order, without visiting all hits.

tantivy orders by one criterion at a time: the score or one column. The other criteria matter only among hits with equal values of the
first. The first hits are therefore taken by the first criterion. If hits with equal values continue beyond the end of the page, only
this group is searched again by the second criterion, and so on. ``search_after`` works in the same way: first the rest of the group of
the given values, then all later groups.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import tantivy

from local.search_server.index.fields import Family, Value
from local.search_server.index.text_index import PRESENT, SEQ
from local.search_server.queries.clause import MUST, MUST_NOT, SHOULD, Clause, Q
from local.search_server.search.sorting import SortKey

Row = tuple[int, tuple[Value | None, ...]]  # number of the write, and its value for each criterion
ReadSortValues = Callable[[list[int], list[SortKey]], dict[int, tuple[Value | None, ...]]]


@dataclass(frozen=True, slots=True)
class TopHits:
    """``total`` is None if it was not requested. ``best`` is the highest score."""

    rows: list[Row]
    total: int | None
    best: float | None


def total(searcher: tantivy.Searcher, query: tantivy.Query) -> int:
    """Returns the number of documents that match."""
    return _hit_count(searcher.search(query, 1))


def _hit_count(result: tantivy.SearchResult) -> int:
    return int(result.count)  # type: ignore[attr-defined]


def top_by_score(searcher: tantivy.Searcher, clause: Clause, skip: int, size: int, *, count: bool) -> TopHits:
    """Returns hits by score. Equal scores are in the order of the index, which does not change within a snapshot."""
    result = searcher.search(clause.query, max(skip + size, 1), count=count)
    rows: list[Row] = [(seq, (score,)) for seq, score in _rows(searcher, result.hits)]
    best = next((score for _, (score,) in rows if isinstance(score, float)), None) if size else None
    return TopHits(rows[skip : skip + size], _hit_count(result) if count else None, best)


class SortedSearch:
    """A search with several sort criteria. ``values`` reads the values of criteria from documents."""

    def __init__(
        self, searcher: tantivy.Searcher, schema: tantivy.Schema, clause: Clause, values: ReadSortValues
    ) -> None:
        self._searcher, self._schema, self._clause, self._values = searcher, schema, clause, values
        self._total: int | None = None

    def page(self, keys: list[SortKey], after: tuple[Value | None, ...] | None, size: int) -> list[Row]:
        """Returns the first hits, or the first after the values ``after``."""
        if size == 0:
            return []
        if after is None:
            return self.top(self._clause.query, keys, size)
        return self.after(self._clause.query, keys, after, size)

    def total(self) -> int:
        """Returns the number of documents that match, whatever page was requested."""
        return total(self._searcher, self._clause.query) if self._total is None else self._total

    def top(self, query: tantivy.Query, keys: list[SortKey], size: int) -> list[Row]:
        if not keys:
            result = self._searcher.search(query, size, count=False, order_by_field=SEQ, order=tantivy.Order.Asc)
            return [(seq, ()) for seq, _ in _rows(self._searcher, result.hits, scored=False)]
        key, *others = keys
        if self._needs_widening(key):
            return self._top_by_widening(query, keys, size)
        if key.field is None:
            score = self._score_of_all(query)
            return [(seq, (score, *rest)) for seq, rest in self.top(query, others, size)]
        if key.column is None:
            return [(seq, (None, *rest)) for seq, rest in self.top(query, others, size)]
        if key.missing_first:
            rows = [(seq, (None, *rest)) for seq, rest in self.top(self._without(query, key), others, size)]
            query = self._with(query, key)
        else:
            rows = []
        wanted = size - len(rows)
        return rows + self._by_column(query, keys, wanted) if wanted > 0 else rows

    def _by_column(self, query: tantivy.Query, keys: list[SortKey], size: int) -> list[Row]:
        key, *others = keys
        ordered = self._ordered(query, key, size + 1)
        cut = len(ordered) > size and ordered[size][1] == ordered[size - 1][1]
        edge = ordered[size][1] if cut else None
        whole = [row for row in ordered[:size] if not (cut and row[1] == edge)]
        rows = self._sort_by_all_keys(whole, keys)
        if cut:
            group = self._with_value(query, key, edge)
            rows += [(seq, (edge, *rest)) for seq, rest in self.top(group, others, size - len(rows))]
        return rows

    def _needs_widening(self, key: SortKey) -> bool:
        """Tells whether hits with equal values cannot be searched for: for scores, and for the smallest of several values."""
        return (key.field is None and not self._clause.constant) or (key.multivalued and key.column is not None)

    def _top_by_widening(self, query: tantivy.Query, keys: list[SortKey], size: int) -> list[Row]:
        limit = size + 1
        while True:
            hits = self._ordered(query, keys[0], limit)
            if len(hits) < limit or hits[-1][1] != hits[size - 1][1]:
                return self._sort_by_all_keys(hits, keys)[:size]
            limit *= 4

    def after(self, query: tantivy.Query, keys: list[SortKey], after: tuple[Value | None, ...], size: int) -> list[Row]:
        key, *others = keys
        bound, *other_bounds = after
        if self._needs_widening(key):
            return self._after_by_widening(query, keys, after, size)
        if key.field is None:
            score = self._score_of_all(query)
            if score is None or bound is None or key.before(score, bound) or (score == bound and not others):
                return []
            rest = (
                self.after(query, others, tuple(other_bounds), size)
                if score == bound
                else self.top(query, others, size)
            )
            return [(seq, (score, *values)) for seq, values in rest]
        rows: list[Row] = []
        if others:
            group = (
                self._with_value(query, key, bound)
                if key.column is not None
                else query
                if bound is None
                else Q.empty_query()
            )
            rows = [(seq, (bound, *rest)) for seq, rest in self.after(group, others, tuple(other_bounds), size)]
        wanted = size - len(rows)
        return rows + self._later_groups(query, keys, bound, wanted) if wanted > 0 else rows

    def _later_groups(self, query: tantivy.Query, keys: list[SortKey], bound: Value | None, size: int) -> list[Row]:
        key = keys[0]
        if bound is None:
            if not key.missing_first:
                return []
            return self.top(self._with(query, key), keys, size) if key.column is not None else []
        if key.column is None:
            return [] if key.missing_first else self.top(query, keys, size)
        assert key.field is not None
        if key.field.family is Family.KEYWORD:
            rest = self._with(query, key) if key.missing_first else query
            return self._after_by_widening(rest, keys, (bound,), size)
        kind = tantivy.FieldType.Float if key.field.family is Family.FLOAT else tantivy.FieldType.Integer
        low, high = (None, bound) if key.descending else (bound, None)
        later = Q.range_query(self._schema, key.column, kind, low, high, low is None, high is None)
        if key.missing_first:
            return self._by_column(_all_of(query, later), keys, size)
        missing = self._without(Q.all_query(), key)
        return self._by_column(_all_of(query, Q.boolean_query([(SHOULD, later), (SHOULD, missing)])), keys, size)

    def _after_by_widening(
        self, query: tantivy.Query, keys: list[SortKey], after: tuple[Value | None, ...], size: int
    ) -> list[Row]:
        """Fetches more and more hits from the beginning, until enough of them come after ``after``."""
        limit = 4 * size
        while True:
            ordered = self._ordered(query, keys[0], limit)
            complete = len(ordered) < limit
            known = ordered if complete else [row for row in ordered if row[1] != ordered[-1][1]]
            candidates = [row for row in known if not keys[0].before(row[1], after[0])]
            rows = [row for row in self._sort_by_all_keys(candidates, keys) if _is_after(row[1], after, keys)]
            if complete or len(rows) >= size:
                return rows[:size]
            limit *= 4

    def _ordered(self, query: tantivy.Query, key: SortKey, limit: int) -> list[tuple[int, Value | None]]:
        if key.field is None:
            return _rows(self._searcher, self._search(query, limit).hits)
        assert key.column is not None
        order = tantivy.Order.Desc if key.descending else tantivy.Order.Asc
        return _rows(
            self._searcher, self._search(query, limit, order_by_field=key.column, order=order).hits, scored=False
        )

    def _search(self, query: tantivy.Query, limit: int, **order: Any) -> tantivy.SearchResult:
        counts = self._total is None and query is self._clause.query
        result = self._searcher.search(query, limit, count=counts, **order)
        if counts:
            self._total = _hit_count(result)
        return result

    def _sort_by_all_keys(self, rows: list[tuple[int, Value | None]], keys: list[SortKey]) -> list[Row]:
        """Sorts rows, which are in the order of the first criterion, by all criteria."""
        others = keys[1:]
        if not others:
            return [(seq, (value,)) for seq, value in rows]
        rest = self._values([seq for seq, _ in rows], others)
        full: list[Row] = [(seq, (value, *rest[seq])) for seq, value in rows if seq in rest]
        return sorted(full, key=functools.cmp_to_key(functools.partial(_compare, keys)))

    def _score_of_all(self, query: tantivy.Query) -> float | None:
        hits = _rows(self._searcher, self._searcher.search(query, 1, count=False).hits)
        return float(hits[0][1]) if hits and hits[0][1] is not None else None

    def _with_value(self, query: tantivy.Query, key: SortKey, value: Value | None) -> tantivy.Query:
        if value is None:
            return self._without(query, key)
        assert key.column is not None
        return _all_of(query, Q.term_query(self._schema, key.column, value))

    def _with(self, query: tantivy.Query, key: SortKey) -> tantivy.Query:
        return _all_of(query, self._has_value(key))

    def _without(self, query: tantivy.Query, key: SortKey) -> tantivy.Query:
        return Q.boolean_query([(MUST, query), (MUST_NOT, self._has_value(key))])

    def _has_value(self, key: SortKey) -> tantivy.Query:
        assert key.field is not None
        return Q.term_query(self._schema, PRESENT, key.field.path)


def _all_of(query: tantivy.Query, condition: tantivy.Query) -> tantivy.Query:
    return Q.boolean_query([(MUST, query), (MUST, Q.const_score_query(condition, 0.0))])


def _rows(
    searcher: tantivy.Searcher, hits: list[tuple[Value | None, tantivy.DocAddress]], *, scored: bool = True
) -> list[tuple[int, Value | None]]:
    seqs: Iterable[int] = searcher.fast_field_values(SEQ, [address for _, address in hits])  # type: ignore[assignment]
    values = [_lucene_score(value) for value, _ in hits] if scored else [value for value, _ in hits]  # type: ignore[arg-type]
    return list(zip(seqs, values, strict=True))


def _lucene_score(score: float) -> float:
    """Returns a score as Lucene has it and Java prints it: a 32-bit float with the fewest digits that identify it."""
    packed = struct.pack("f", score)
    value: float = struct.unpack("f", packed)[0]
    for digits in (7, 8):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == packed:
            return short
    return float(f"{value:.9g}")


def _compare(keys: list[SortKey], a: Row, b: Row) -> int:
    for key, left, right in zip(keys, a[1], b[1], strict=True):
        if key.before(left, right):
            return -1
        if key.before(right, left):
            return 1
    return -1 if a[0] < b[0] else 1


def _is_after(values: tuple[Value | None, ...], bounds: tuple[Value | None, ...], keys: list[SortKey]) -> bool:
    for key, value, bound in zip(keys, values, bounds, strict=False):
        if key.before(bound, value):
            return True
        if key.before(value, bound):
            return False
    return False
