"""``_search``, ``_count`` and ``_analyze``: requests in, answers out."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field, replace
from typing import Any

from local.search_server import errors
from local.search_server.api.source_filter import SourceFilter
from local.search_server.index.document_log import Stored
from local.search_server.index.document_parser import read_values
from local.search_server.index.fields import Kind, Value, as_text
from local.search_server.index.index import Index, Snapshot
from local.search_server.queries.clause import Clause
from local.search_server.queries.compiler import compile_query
from local.search_server.search import highlight, sorting, top_hits
from local.search_server.search.aggregations import Aggregator
from local.search_server.search.sorting import Key

WINDOW = 10_000  # index.max_result_window
_TRACKED = 10_000  # hits counted exactly unless more is asked for
_SHARDS = {"total": 0, "successful": 0, "skipped": 0, "failed": 0}  # what OpenSearch Serverless shows of its shards
_DURATION = re.compile(r"\d+(nanos|micros|ms|s|m|h|d)|-1")

_KNOWN = {
    "query", "from", "size", "sort", "search_after", "_source", "track_total_hits", "highlight", "aggs", "aggregations", "timeout",
}  # fmt: skip
_ELSEWHERE = {
    "collapse", "derived", "docvalue_fields", "explain", "ext", "fields", "include_named_queries_score", "indices_boost",
    "min_score", "pit", "point_in_time", "post_filter", "profile", "rescore", "script_fields", "search_pipeline",
    "seq_no_primary_term", "slice", "stats", "stored_fields", "suggest", "terminate_after", "track_scores", "verbose_pipeline",
    "version",
}  # fmt: skip


@dataclass(frozen=True)
class SearchRequest:
    query: Any = field(default_factory=lambda: {"match_all": {}})
    skip: int = 0
    size: int = 10
    sort: Any = None
    after: list[Any] | None = None
    source: SourceFilter = SourceFilter()
    tracked: int | bool = _TRACKED
    highlight: Any = None
    aggregations: Any = None

    @staticmethod
    def parse(body: dict[str, Any]) -> SearchRequest:
        """Raises SearchError for anything unknown or not offered."""
        for name in body:
            if name in _ELSEWHERE:
                raise errors.not_offered(f"[{name}] of a search")
            if name not in _KNOWN:
                raise errors.parsing(f"Unknown key for a {_token(body[name])} in [{name}].")
        if "timeout" in body and not _DURATION.fullmatch(str(body["timeout"])):
            raise errors.illegal_argument(
                f"failed to parse setting [timeout] with value [{body['timeout']}] as a time value"
            )
        if "query" in body and body["query"] is None:
            raise errors.parsing("[_na] query malformed, must start with start_object")
        request = SearchRequest(
            skip=_count(body, "from", 0),
            size=_count(body, "size", 10),
            sort=body.get("sort"),
            after=body.get("search_after"),
            source=SourceFilter.parse(body.get("_source", True)),
            tracked=_tracked(body.get("track_total_hits", _TRACKED)),
            highlight=body.get("highlight"),
            aggregations=body.get("aggs", body.get("aggregations")),
        )
        return replace(request, query=body["query"]) if "query" in body else request


def _token(value: Any) -> str:
    match value:
        case dict():
            return "START_OBJECT"
        case list():
            return "START_ARRAY"
        case str():
            return "VALUE_STRING"
        case bool() | None:
            return "VALUE_BOOLEAN"
        case _:
            return "VALUE_NUMBER"


def _count(body: dict[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise errors.illegal_argument(f"Failed to parse int parameter [{name}] with value [{value}]") from None
    if number < 0:
        raise errors.illegal_argument(f"[{name}] parameter cannot be negative, found [{number}]")
    return number


def _tracked(value: Any) -> int | bool:
    if value in (True, "true"):
        return True
    if (value in (False, "false") and not isinstance(value, int)) or value is False:
        return False
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise errors.illegal_argument(f"Failed to parse value [{value}] of [track_total_hits]") from None
    if number < 0:
        raise errors.illegal_argument("[track_total_hits] parameter must be positive or equals to -1")
    return number


def search(index: Index, body: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    now = int(time.time() * 1000)
    request = SearchRequest.parse(body)
    snapshot = index.snapshot
    wishes = highlight.parse(request.highlight) if request.highlight is not None else []
    clause = compile_query(request.query, index, snapshot, now)
    keys = sorting.parse(request.sort, index) if request.sort is not None else []
    after = _after(request, keys)
    _check_window(request)
    documents = _Documents(index)
    found = _find(request, snapshot, clause, keys, after, documents)
    hits = _hits(index, request, found, keys, clause, wishes, documents)
    answer: dict[str, Any] = {"took": 0, "timed_out": False, "_shards": _SHARDS, "hits": {}}
    if found.total is not None:
        exact = request.tracked is True or found.total <= request.tracked
        answer["hits"]["total"] = {
            "value": found.total if exact else int(request.tracked),
            "relation": "eq" if exact else "gte",
        }
    answer["hits"] |= {"max_score": found.best, "hits": hits}
    if request.aggregations:
        answer["aggregations"] = Aggregator(index, snapshot, now).run(clause.query, request.aggregations)
    answer["took"] = round((time.perf_counter() - began) * 1000)
    return answer


def _after(request: SearchRequest, keys: list[Key]) -> tuple[Value | None, ...] | None:
    if request.after is None:
        return None
    if not isinstance(request.after, list):
        raise errors.parsing("Expected [START_ARRAY] in [search_after]")
    if request.sort is None:
        raise errors.query_failed("Sort must contain at least one field.", "illegal_argument_exception")
    keys = keys or [Key(None, True)]
    if len(request.after) != len(keys):
        raise errors.query_failed(
            f"search_after has {len(request.after)} value(s) but sort has {len(keys)}.", "illegal_argument_exception"
        )
    if request.skip:
        raise errors.query_failed("`from` parameter must be set to 0 when `search_after` is used.", "search_exception")
    return tuple(key.given(value) for key, value in zip(keys, request.after, strict=True))


def _check_window(request: SearchRequest) -> None:
    if request.skip + request.size > WINDOW:
        raise errors.query_failed(
            f"Result window is too large, from + size must be less than or equal to: [{WINDOW}] but was"
            f" [{request.skip + request.size}]. See the scroll api for a more efficient way to request large data sets. This limit"
            " can be set by changing the [index.max_result_window] index level setting.",
            "illegal_argument_exception",
        )


def _find(
    request: SearchRequest,
    snapshot: Snapshot,
    clause: Clause,
    keys: list[Key],
    after: tuple[Value | None, ...] | None,
    documents: _Documents,
) -> top_hits.Found:
    counting = request.tracked is not False
    if not keys and after is None:
        return top_hits.first(snapshot.searcher, clause, request.skip, request.size, count=counting)
    search = top_hits.Sorted(snapshot.searcher, snapshot.schema, clause, documents.values)
    rows = search.first(keys or [Key(None, True)], after, request.skip + request.size)
    return top_hits.Found(rows[request.skip :], search.total() if counting else None, None)


class _Documents:
    """The documents of one search, each read once."""

    def __init__(self, index: Index) -> None:
        self._index, self._stored = index, dict[int, Stored]()

    def load(self, seqs: list[int], *, with_source: bool = True) -> dict[int, Stored]:
        if missing := [seq for seq in seqs if seq not in self._stored]:
            found = self._index.documents(missing, with_source=with_source)
            if not with_source:
                return {**found, **{seq: self._stored[seq] for seq in seqs if seq in self._stored}}
            self._stored.update(found)
        return self._stored

    def source(self, seq: int) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self._stored[seq].source or "{}")
        return loaded

    def values(self, seqs: list[int], keys: list[Key]) -> dict[int, tuple[Value | None, ...]]:
        self.load(seqs)
        paths = {key.field.path for key in keys if key.field}
        found = {}
        for seq in seqs:
            if seq in self._stored:
                values = read_values(self._index.mapping, self.source(seq), paths)
                found[seq] = tuple(key.value(values.get(key.field.path, [])) if key.field else None for key in keys)
        return found


def _hits(
    index: Index,
    request: SearchRequest,
    found: top_hits.Found,
    keys: list[Key],
    clause: Clause,
    wishes: list[highlight.Wish],
    documents: _Documents,
) -> list[dict[str, Any]]:
    stored = documents.load([seq for seq, _ in found.rows], with_source=request.source.wanted or bool(wishes))
    hits = []
    for seq, values in found.rows:
        document = stored[seq]
        scored = not keys or keys[0].field is None
        hit: dict[str, Any] = {"_index": index.name, "_id": document.id, "_score": values[0] if scored else None}
        if request.source.wanted or wishes:
            source = documents.source(seq)
            if request.source.wanted:
                hit["_source"] = request.source.apply(source)
            if wishes and (
                parts := highlight.highlight(wishes, clause.marks, index.mapping, source, document.id, index.name)
            ):
                hit["highlight"] = parts
        if keys:
            hit["sort"] = [key.shown(value) for key, value in zip(keys, values, strict=True)]
        hits.append(hit)
    return hits


def count(index: Index, body: dict[str, Any]) -> dict[str, Any]:
    for name in body:
        if name != "query":
            raise errors.parsing(f"request does not support [{name}]")
    snapshot = index.snapshot
    clause = compile_query(body.get("query", {"match_all": {}}), index, snapshot, int(time.time() * 1000))
    return {"count": top_hits.total(snapshot.searcher, clause.query), "_shards": _SHARDS}


def analyze(index: Index, body: dict[str, Any]) -> dict[str, Any]:
    """The terms of a text, by an ``analyzer`` or by that of a ``field``."""
    for name in body:
        if name in ("tokenizer", "filter", "char_filter", "normalizer", "explain", "attributes"):
            raise errors.not_offered(f"[{name}] of _analyze")
        if name not in ("analyzer", "field", "text"):
            raise errors.unknown_field("analyze_request", name)
    if "text" not in body:
        raise errors.validation_failed("text is missing")
    name = body.get("analyzer", "standard")
    if isinstance(body.get("field"), str):
        target = index.mapping.fields.get(body["field"])
        name = target.analyzer if target and target.kind is Kind.TEXT else "keyword" if target else "standard"
    if not isinstance(name, str) or name not in index.mapping.analysis.analyzers:
        raise errors.illegal_argument(f"failed to find global analyzer [{name}]")
    texts = body["text"] if isinstance(body["text"], list) else [body["text"]]
    if len(texts) != 1:
        raise errors.not_offered("_analyze of several texts")
    spans = index.mapping.analysis.analyzers[name].spans(as_text(texts[0]))
    return {
        "tokens": [
            {
                "token": span.term,
                "start_offset": span.start,
                "end_offset": span.end,
                "type": "word",
                "position": span.position,
            }
            for span in spans
        ]
    }
