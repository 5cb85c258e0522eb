"""Entry point of the compiler: the table of queries that are served, and of those refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.search_server import errors
from local.search_server.index.index import Index, Snapshot
from local.search_server.queries import boolean, full_text, simple_query_string, term_level
from local.search_server.queries.clause import MAX_CLAUSES, Clause, QueryContext

_COMPILERS: dict[str, Callable[[Any, QueryContext], Clause]] = {
    "bool": boolean.boolean,
    "constant_score": boolean.constant_score,
    "match_all": term_level.match_all,
    "match_none": term_level.match_none,
    "term": term_level.term,
    "terms": term_level.terms,
    "ids": term_level.ids,
    "exists": term_level.exists,
    "range": term_level.range_,
    "prefix": term_level.prefix,
    "wildcard": term_level.wildcard,
    "match": full_text.match,
    "match_phrase": full_text.match_phrase,
    "match_phrase_prefix": full_text.match_phrase_prefix,
    "multi_match": full_text.multi_match,
    "simple_query_string": simple_query_string.simple_query_string,
}
_NOT_OFFERED = {
    "boosting", "combined_fields", "common", "dis_max", "distance_feature", "function_score", "fuzzy", "geo_bounding_box",
    "geo_distance", "geo_polygon", "geo_shape", "has_child", "has_parent", "hybrid", "intervals", "knn", "match_bool_prefix",
    "more_like_this", "nested", "neural", "parent_id", "percolate", "pinned", "query_string", "rank_feature", "regexp", "script",
    "script_score", "span_containing", "span_first", "span_multi", "span_near", "span_not", "span_or", "span_term", "span_within",
    "template", "terms_set", "wrapper", "xy_shape",
}  # fmt: skip


def compile_query(body: Any, index: Index, snapshot: Snapshot, now: int) -> Clause:
    """Compiles a query. ``now`` is in milliseconds. Raises SearchError for anything unknown, malformed or not offered."""
    try:
        clause = _compile(body, QueryContext(snapshot, index.mapping, index.multivalued, now, _compile))
    except RecursionError as error:
        raise errors.parsing("the query is nested too deeply") from error
    if len(clause.matchers) > MAX_CLAUSES:
        reason = f"Query contains too many nested clauses; maxClauseCount is set to {MAX_CLAUSES}"
        raise errors.query_failed(reason, "too_many_nested_clauses")
    return clause


def _compile(body: Any, context: QueryContext) -> Clause:
    if not isinstance(body, dict):
        raise errors.parsing("[_na] query malformed, must start with start_object")
    if not body:
        raise errors.illegal_argument("query malformed, empty clause found")
    kind = next(iter(body))
    compiler = _COMPILERS.get(kind)
    if compiler is None:
        if kind in _NOT_OFFERED:
            raise errors.not_offered(f"the [{kind}] query")
        raise errors.parsing(f"unknown query [{kind}]")
    if len(body) > 1:
        raise errors.parsing(f"[{kind}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]")
    return compiler(body[kind], context)
