"""Compiled clauses, the context they are compiled in, and the parsing of options common to all queries."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import tantivy

from local.search_server import errors
from local.search_server.index.fields import Family, Field, Kind
from local.search_server.index.index import Snapshot
from local.search_server.index.mappings import Mapping
from local.search_server.index.text_index import EVERY_DOCUMENT, PRESENT, WITH_TERMS
from local.search_server.queries.term_matchers import FieldMatcher

# Parameters of BM25. OpenSearch 2 keeps the factor k1 + 1, OpenSearch 3 drops it; the order is the same.
K1, B = 1.2, 0.75
MAX_CLAUSES = 1024  # indices.query.bool.max_clause_count

Q, MUST, SHOULD, MUST_NOT = tantivy.Query, tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot


@dataclass(frozen=True, slots=True)
class Clause:
    """A compiled query. ``constant``: every hit has the same score. ``matchers``: the terms to highlight."""

    query: tantivy.Query
    constant: bool = False
    matchers: tuple[FieldMatcher, ...] = ()

    def boosted(self, boost: float) -> Clause:
        return self if boost == 1 else replace(self, query=Q.boost_query(self.query, boost))

    def filtering(self) -> tantivy.Query:
        """Returns a query with the same hits and score 0."""
        return Q.const_score_query(self.query, 0.0)


def constant(query: tantivy.Query, score: float = 1.0, matchers: tuple[FieldMatcher, ...] = ()) -> Clause:
    return Clause(Q.const_score_query(query, score), True, matchers)


def everything(score: float = 1.0) -> Clause:
    return constant(Q.all_query(), score)


def nothing() -> Clause:
    return Clause(Q.empty_query(), True)


@dataclass(frozen=True, slots=True)
class QueryContext:
    """The index, seen by one query. ``now`` is in milliseconds. ``scored`` False: scores do not matter."""

    snapshot: Snapshot
    mapping: Mapping
    multivalued: frozenset[str]
    now: int
    compile: Callable[[Any, QueryContext], Clause] = field(repr=False)
    scored: bool = True

    def unscored(self) -> QueryContext:
        """Returns a context for filters, which needs no statistics."""
        return replace(self, scored=False)

    def field(self, path: str) -> Field | None:
        """Returns None for an unmapped field, which matches nothing. Raises SearchError for a field that is not indexed."""
        field = self.mapping.fields.get(path)
        if field is None:
            if path in ("_id", "_index", "_source", "_routing", "_type", "_field_names", "_seq_no", "_version"):
                raise errors.not_offered(f"a query on [{path}]")
            return None
        if not field.searchable:
            raise errors.query_failed(
                f"Cannot search on field [{path}] since it is not indexed.", "illegal_argument_exception"
            )
        return field

    def column(self, field: Field) -> str | None:
        """Returns None when no visible document has the field yet."""
        return self.snapshot.columns.of.get(field.path)

    def documents_with(self, field: Field) -> int:
        """Returns the number of documents with a term in the field."""
        marker = WITH_TERMS + field.path if field.family is Family.TEXT else field.path
        return self.snapshot.searcher.doc_freq(PRESENT, marker)

    def idf(self, field: Field, column: str, term: Any) -> float:
        """Returns Lucene's inverse document frequency, among the documents that have the field."""
        return _idf(self.documents_with(field), self.snapshot.searcher.doc_freq(column, term))

    def text_term(self, field: Field, column: str, term: str) -> tantivy.Query:
        """Returns a query for one term of a text, scored among the documents that have the field, as in Lucene."""
        return self._weighted(field, column, [term], Q.term_query(self.snapshot.schema, column, term))

    def text_phrase(self, field: Field, column: str, words: list[tuple[int, str]], slop: int) -> tantivy.Query:
        query = Q.phrase_query(self.snapshot.schema, column, list(words), slop)
        return self._weighted(field, column, [word for _, word in words], query)

    def _weighted(self, field: Field, column: str, terms: list[str], query: tantivy.Query) -> tantivy.Query:
        total, with_field = self.snapshot.searcher.doc_freq(PRESENT, EVERY_DOCUMENT), self.documents_with(field)
        if not self.scored or with_field == total:
            return query
        counts = [self.snapshot.searcher.doc_freq(column, term) for term in terms]
        if not all(counts):
            return query
        return Q.boost_query(query, sum(_idf(with_field, n) for n in counts) / sum(_idf(total, n) for n in counts))

    def keyword_score(self, field: Field, column: str, value: Any) -> float:
        """Returns BM25 of a term in a field without norms and frequencies. Numbers and dates are points, with score 1."""
        if not self.scored or (field.family is not Family.KEYWORD and field.kind is not Kind.BOOLEAN):
            return 1.0
        average = (
            self._value_count(column) / max(self.documents_with(field), 1) if field.path in self.multivalued else 1.0
        )
        return self.idf(field, column, value) * (K1 + 1) / (1 + K1 * (1 - B + B / max(average, 1.0)))

    def _value_count(self, column: str) -> float:
        counted = self.snapshot.searcher.aggregate(Q.all_query(), {"all": {"value_count": {"field": column}}})
        return float(counted["all"]["value"])


def _idf(total: int, documents: int) -> float:
    documents = min(documents, total)
    return math.log(1 + (total - documents + 0.5) / (documents + 0.5))


def check_clauses(count: int) -> None:
    if count > MAX_CLAUSES:
        raise errors.query_failed(f"failed to create query: maxClauseCount is set to {MAX_CLAUSES}")


def number(value: Any, name: str, query: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise errors.parsing(f"[{query}] query expects a number for [{name}]")
    try:
        return float(value)
    except ValueError:
        raise errors.illegal_argument(f'For input string: "{value}"') from None


def non_negative_integer(value: Any, name: str, query: str) -> int:
    """Parses a count of at most 31 bits."""
    count = number(value, name, query)
    if not 0 <= count < 2**31:
        raise errors.illegal_argument(f"[{query}] requires [{name}] to be a number of at least 0")
    return int(count)


def boost_of(options: dict[str, Any], query: str) -> float:
    boost = number(options.get("boost", 1), "boost", query)
    if boost < 0:
        raise errors.illegal_argument(
            f"negative [boost] are not allowed in [{query}], use a value between 0 and 1 to deboost"
        )
    return boost


def options_for(
    body: Any, query: str, shorthand: str, known: set[str], not_offered: set[str]
) -> tuple[str, dict[str, Any]]:
    """Parses ``{"field": value}`` or ``{"field": {options}}``; returns field and options.

    Raises SearchError for an option that is neither ``known`` nor ``shorthand``.
    """
    if not isinstance(body, dict):
        raise errors.parsing(f"[{query}] query malformed, no start_object after query name")
    if len(body) != 1:
        names = " and ".join(f"[{name}]" for name in list(body)[:2])
        reason = (
            f"[{query}] query doesn't support multiple fields, found {names}"
            if body
            else "No text specified for text query"
        )
        raise errors.parsing(reason)
    ((field_name, options),) = body.items()
    if isinstance(options, list):
        raise errors.parsing(f"[{query}] query does not support array of values")
    if not isinstance(options, dict):
        return field_name, {shorthand: options}
    check_options(options, query, known | {shorthand, "boost"}, not_offered)
    return field_name, options


def check_options(options: dict[str, Any], query: str, known: set[str], not_offered: set[str]) -> None:
    for name in options:
        if name in not_offered | {"_name"}:
            raise errors.not_offered(f"[{name}] of the [{query}] query")
        if name not in known:
            raise errors.parsing(f"[{query}] query does not support [{name}]")
