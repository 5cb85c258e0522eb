"""``_search``, ``_count`` and ``_analyze``."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field, replace
from typing import Any

from local.search_server import errors
from local.search_server.api.source_filter import SourceFilter
from local.search_server.index.document_log import StoredDocument
from local.search_server.index.document_parser import parse_values
from local.search_server.index.fields import Kind, Value, as_text
from local.search_server.index.index import Index, Snapshot
from local.search_server.queries.clause import Clause
from local.search_server.queries.compiler import compile_query
from local.search_server.search import highlight, sorting, top_hits
from local.search_server.search.aggregations import Aggregator
from local.search_server.search.sorting import SortKey

MAX_RESULT_WINDOW = 10_000  # index.max_result_window
_DEFAULT_TRACK_TOTAL_HITS = 10_000  # hits counted exactly by default
_SHARDS = {"total": 0, "successful": 0, "skipped": 0, "failed": 0}  # as in OpenSearch Serverless
_DURATION = re.compile(r"\d+(nanos|micros|ms|s|m|h|d)|-1")

_KNOWN = {
    "query", "from", "size", "sort", "search_after", "_source", "track_total_hits", "highlight", "aggs", "aggregations", "timeout",
}  # fmt: skip
_NOT_OFFERED = {
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
    search_after: list[Any] | None = None
    source: SourceFilter = SourceFilter()
    track_total_hits: int | bool = _DEFAULT_TRACK_TOTAL_HITS
    highlight: Any = None
    aggregations: Any = None

    @staticmethod
    def parse(body: dict[str, Any]) -> SearchRequest:
        """Parses the body of a search. Raises SearchError for any option that is unknown or not offered."""
        for name in body:
            if name in _NOT_OFFERED:
                raise errors.not_offered(f"[{name}] of a search")
            if name not in _KNOWN:
                raise errors.parsing(f"Unknown key for a {_json_token(body[name])} in [{name}].")
        if "timeout" in body and not _DURATION.fullmatch(str(body["timeout"])):
            raise errors.illegal_argument(
                f"failed to parse setting [timeout] with value [{body['timeout']}] as a time value"
            )
        if "query" in body and body["query"] is None:
            raise errors.parsing("[_na] query malformed, must start with start_object")
        request = SearchRequest(
            skip=_parse_count(body, "from", 0),
            size=_parse_count(body, "size", 10),
            sort=body.get("sort"),
            search_after=body.get("search_after"),
            source=SourceFilter.parse(body.get("_source", True)),
            track_total_hits=_parse_track_total_hits(body.get("track_total_hits", _DEFAULT_TRACK_TOTAL_HITS)),
            highlight=body.get("highlight"),
            aggregations=body.get("aggs", body.get("aggregations")),
        )
        return replace(request, query=body["query"]) if "query" in body else request


def _json_token(value: Any) -> str:
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


def _parse_count(body: dict[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise errors.illegal_argument(f"Failed to parse int parameter [{name}] with value [{value}]") from None
    if number < 0:
        raise errors.illegal_argument(f"[{name}] parameter cannot be negative, found [{number}]")
    return number


def _parse_track_total_hits(value: Any) -> int | bool:
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
    highlighted = highlight.parse(request.highlight) if request.highlight is not None else []
    clause = compile_query(request.query, index, snapshot, now)
    sort = sorting.parse(request.sort, index) if request.sort is not None else []
    after = _parse_search_after(request, sort)
    _check_window(request)
    documents = _DocumentCache(index)
    top = _run(request, snapshot, clause, sort, after, documents)
    hits = _hits(index, request, top, sort, clause, highlighted, documents)
    response: dict[str, Any] = {"took": 0, "timed_out": False, "_shards": _SHARDS, "hits": {}}
    if top.total is not None:
        exact = request.track_total_hits is True or top.total <= request.track_total_hits
        response["hits"]["total"] = {
            "value": top.total if exact else int(request.track_total_hits),
            "relation": "eq" if exact else "gte",
        }
    response["hits"] |= {"max_score": top.best, "hits": hits}
    if request.aggregations:
        response["aggregations"] = Aggregator(index, snapshot, now).run(clause.query, request.aggregations)
    response["took"] = round((time.perf_counter() - began) * 1000)
    return response


def _parse_search_after(request: SearchRequest, sort: list[SortKey]) -> tuple[Value | None, ...] | None:
    if request.search_after is None:
        return None
    if not isinstance(request.search_after, list):
        raise errors.parsing("Expected [START_ARRAY] in [search_after]")
    if request.sort is None:
        raise errors.query_failed("Sort must contain at least one field.", "illegal_argument_exception")
    sort = sort or [SortKey(None, True)]
    if len(request.search_after) != len(sort):
        raise errors.query_failed(
            f"search_after has {len(request.search_after)} value(s) but sort has {len(sort)}.",
            "illegal_argument_exception",
        )
    if request.skip:
        raise errors.query_failed("`from` parameter must be set to 0 when `search_after` is used.", "search_exception")
    return tuple(key.from_json(value) for key, value in zip(sort, request.search_after, strict=True))


def _check_window(request: SearchRequest) -> None:
    if request.skip + request.size > MAX_RESULT_WINDOW:
        raise errors.query_failed(
            f"Result window is too large, from + size must be less than or equal to: [{MAX_RESULT_WINDOW}] but was"
            f" [{request.skip + request.size}]. See the scroll api for a more efficient way to request large data sets. This limit"
            " can be set by changing the [index.max_result_window] index level setting.",
            "illegal_argument_exception",
        )


def _run(
    request: SearchRequest,
    snapshot: Snapshot,
    clause: Clause,
    sort: list[SortKey],
    after: tuple[Value | None, ...] | None,
    documents: _DocumentCache,
) -> top_hits.TopHits:
    counting = request.track_total_hits is not False
    if not sort and after is None:
        return top_hits.top_by_score(snapshot.searcher, clause, request.skip, request.size, count=counting)
    search = top_hits.SortedSearch(snapshot.searcher, snapshot.schema, clause, documents.sort_values)
    rows = search.page(sort or [SortKey(None, True)], after, request.skip + request.size)
    return top_hits.TopHits(rows[request.skip :], search.total() if counting else None, None)


class _DocumentCache:
    """The documents of one search; each is read once."""

    def __init__(self, index: Index) -> None:
        self._index, self._stored = index, dict[int, StoredDocument]()

    def load(self, seqs: list[int], *, with_source: bool = True) -> dict[int, StoredDocument]:
        if missing := [seq for seq in seqs if seq not in self._stored]:
            found = self._index.documents(missing, with_source=with_source)
            if not with_source:
                return {**found, **{seq: self._stored[seq] for seq in seqs if seq in self._stored}}
            self._stored.update(found)
        return self._stored

    def source(self, seq: int) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self._stored[seq].source or "{}")
        return loaded

    def sort_values(self, seqs: list[int], keys: list[SortKey]) -> dict[int, tuple[Value | None, ...]]:
        self.load(seqs)
        paths = {key.field.path for key in keys if key.field}
        found = {}
        for seq in seqs:
            if seq in self._stored:
                values = parse_values(self._index.mapping, self.source(seq), paths)
                found[seq] = tuple(key.value(values.get(key.field.path, [])) if key.field else None for key in keys)
        return found


def _hits(
    index: Index,
    request: SearchRequest,
    top: top_hits.TopHits,
    sort: list[SortKey],
    clause: Clause,
    highlighted: list[highlight.HighlightOptions],
    documents: _DocumentCache,
) -> list[dict[str, Any]]:
    stored = documents.load([seq for seq, _ in top.rows], with_source=request.source.wanted or bool(highlighted))
    hits = []
    for seq, values in top.rows:
        document = stored[seq]
        scored = not sort or sort[0].field is None
        hit: dict[str, Any] = {"_index": index.name, "_id": document.id, "_score": values[0] if scored else None}
        if request.source.wanted or highlighted:
            source = documents.source(seq)
            if request.source.wanted:
                hit["_source"] = request.source.apply(source)
            if highlighted and (
                parts := highlight.highlight(
                    highlighted, clause.matchers, index.mapping, source, document.id, index.name
                )
            ):
                hit["highlight"] = parts
        if sort:
            hit["sort"] = [key.to_json(value) for key, value in zip(sort, values, strict=True)]
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
    """Returns the terms of a text, by an ``analyzer`` or by the analyzer of a ``field``."""
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
