"""Aggregations: terms, range, date_histogram, filter and metrics, counted by tantivy over columns.

tantivy returns all buckets, and the list is cut here, so that counts are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tantivy

from local.search_server import errors
from local.search_server.index import dates
from local.search_server.index.fields import Family, Field, Kind
from local.search_server.index.index import Index, Snapshot
from local.search_server.queries.clause import MUST, Q
from local.search_server.queries.compiler import compile_query
from local.search_server.search.aggregation_options import (
    METRICS,
    bucket_options,
    interval,
    key_json,
    parse_range,
    split,
)
from local.search_server.search.top_hits import total

_MAX_BUCKETS = 65_000
TantivyResult = dict[str, Any]  # aggregations or one bucket, as tantivy returns them
Translate = Callable[[TantivyResult], dict[str, Any]]  # to OpenSearch's form


class Aggregator:
    """Runs aggregations on one snapshot. ``now`` is in milliseconds."""

    def __init__(self, index: Index, snapshot: Snapshot, now: int) -> None:
        self._index, self._snapshot, self._mapping, self._now = index, snapshot, index.mapping, now

    def run(self, query: tantivy.Query, body: Any) -> dict[str, Any]:
        """Returns the ``aggregations`` of a response. Raises SearchError for anything unknown or not offered."""
        if not isinstance(body, dict):
            raise errors.parsing("Found an invalid aggregation structure")
        results: dict[str, Any] = {}
        built: dict[str, tuple[dict[str, Any], Translate]] = {}
        for name, spec in body.items():
            kind, options, inner = split(name, spec)
            if kind == "filter":
                narrowed = Q.boolean_query(
                    [(MUST, query), (MUST, compile_query(options, self._index, self._snapshot, self._now).query)]
                )
                count = total(self._snapshot.searcher, narrowed)
                results[name] = {"doc_count": count, **(self.run(narrowed, inner) if inner else {})}
            else:
                built[name] = self._build(kind, options, inner, query)
        requests = {name: request for name, (request, _) in built.items() if request}
        result = self._count(query, requests) if requests else {}
        for name, (_, read) in built.items():
            results[name] = read(result.get(name, {}))
        return {name: results[name] for name in body}

    def _count(self, query: tantivy.Query, requests: dict[str, Any]) -> TantivyResult:
        try:
            return self._snapshot.searcher.aggregate(query, requests)
        except ValueError as error:
            if "bucket" in str(error).lower():
                raise errors.SearchError(
                    400,
                    "too_many_buckets_exception",
                    f"Trying to create too many buckets. Must be less than or equal to: [{_MAX_BUCKETS}]",
                ) from error
            raise

    def _build(
        self, kind: str, options: dict[str, Any], inner: Any, query: tantivy.Query
    ) -> tuple[dict[str, Any], Translate]:
        if kind in METRICS:
            if inner:
                raise errors.SearchError(
                    400,
                    "aggregation_initialization_exception",
                    f"Aggregator of type [{kind}] cannot accept sub-aggregations",
                )
            return self._metric(kind, options)
        sub_aggregations: dict[str, tuple[dict[str, Any], Translate]] = {}
        for name, spec in (inner or {}).items():
            inner_kind, inner_options, deeper = split(name, spec)
            if inner_kind == "filter":
                raise errors.not_offered("a [filter] aggregation inside another")
            sub_aggregations[name] = self._build(inner_kind, inner_options, deeper, query)
        requests = {name: request for name, (request, _) in sub_aggregations.items() if request}
        nested = {"aggs": requests} if requests else {}

        def sub_results(bucket: TantivyResult) -> dict[str, Any]:
            return {name: read(bucket.get(name, {})) for name, (_, read) in sub_aggregations.items()}

        make = {"terms": self._terms, "range": self._range, "date_histogram": self._date_histogram}[kind]
        return make(options, nested, sub_results, query)

    def _field(self, options: dict[str, Any], kind: str, known: set[str], not_offered: set[str]) -> Field | None:
        for name in options:
            if name in not_offered | {"script", "missing", "value_type"}:
                raise errors.not_offered(f"[{name}] of a [{kind}] aggregation")
            if name not in known | {"field"}:
                raise errors.unknown_field(kind, name)
        path = options.get("field")
        if not isinstance(path, str):
            raise errors.SearchError(
                400,
                "action_request_validation_exception",
                "Required one of fields [field, script], but none were specified. ",
            )
        field = self._mapping.fields.get(path)
        if field is not None and field.kind is Kind.TEXT:
            raise errors.query_failed(
                "Text fields are not optimised for operations that require per-document field data like aggregations and sorting,"
                " so these operations are disabled by default. Please use a keyword field instead. Alternatively, set"
                f" fielddata=true on [{path}] in order to load field data by uninverting the inverted index. Note that this can use"
                " significant memory.",
                "illegal_argument_exception",
            )
        if field is not None and not field.sortable:
            raise errors.query_failed(
                f"Can't load fielddata on [{path}] because fielddata is unsupported on fields of type [{field.kind}]. Use doc values"
                " instead.",
                "illegal_argument_exception",
            )
        return field if field is not None and path in self._snapshot.columns.of else None

    def _column(self, field: Field) -> str:
        return self._snapshot.columns.of[field.path]

    def _metric(self, kind: str, options: dict[str, Any]) -> tuple[dict[str, Any], Translate]:
        field = self._field(options, kind, set(), {"format", "precision_threshold", "execution_hint"})
        empty: dict[str, Any] = {
            "value": 0 if kind in ("value_count", "cardinality") else 0.0 if kind == "sum" else None
        }
        if field is None:
            return {}, lambda _: empty
        if field.family is Family.KEYWORD and kind not in ("value_count", "cardinality"):
            raise errors.query_failed(
                f"Field [{field.path}] of type [{field.kind}] is not supported for aggregation [{kind}]",
                "illegal_argument_exception",
            )
        column = self._column(field)
        if kind == "cardinality":
            # Distinct values are counted: tantivy's cardinality is an estimate.
            return {"terms": {"field": column, "size": _MAX_BUCKETS}}, lambda result: {
                "value": len(result.get("buckets", []))
            }

        def read(result: TantivyResult) -> dict[str, Any]:
            value = result.get("value")
            if value is None or not result:
                return empty
            if kind == "value_count":
                return {"value": int(value)}
            text = {"value_as_string": dates.iso(int(value))} if field.kind is Kind.DATE else {}
            return {"value": float(value), **text}

        return {kind: {"field": column}}, read

    def _terms(
        self, options: dict[str, Any], nested: dict[str, Any], sub_results: Translate, query: tantivy.Query
    ) -> tuple[dict[str, Any], Translate]:
        not_offered = {"include", "exclude", "shard_size", "shard_min_doc_count", "collect_mode", "execution_hint", "format",
                     "show_term_doc_count_error"}  # fmt: skip
        field = self._field(options, "terms", {"size", "order", "min_doc_count"}, not_offered)
        size, least, by_key, descending = bucket_options(options)
        if field is None:
            return {}, lambda _: {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": []}

        def read(result: TantivyResult) -> dict[str, Any]:
            buckets = [bucket for bucket in result.get("buckets", []) if bucket["doc_count"] >= least]
            buckets.sort(key=lambda bucket: bucket["key"], reverse=by_key and descending)
            if not by_key:
                buckets.sort(key=lambda bucket: bucket["doc_count"], reverse=descending)
            return {
                "doc_count_error_upper_bound": 0,
                "sum_other_doc_count": sum(bucket["doc_count"] for bucket in buckets[size:]),
                "buckets": [
                    {**key_json(field, bucket["key"]), "doc_count": bucket["doc_count"], **sub_results(bucket)}
                    for bucket in buckets[:size]
                ],
            }

        return {
            "terms": {"field": self._column(field), "size": _MAX_BUCKETS, "segment_size": _MAX_BUCKETS},
            **nested,
        }, read

    def _range(
        self, options: dict[str, Any], nested: dict[str, Any], sub_results: Translate, query: tantivy.Query
    ) -> tuple[dict[str, Any], Translate]:
        field = self._field(options, "range", {"ranges", "keyed"}, {"format"})
        if options.get("keyed"):
            raise errors.not_offered("[keyed] of a [range] aggregation")
        ranges = options.get("ranges")
        if not isinstance(ranges, list) or not ranges:
            raise errors.illegal_argument("No [ranges] specified for the [range] aggregation")
        if field is not None and field.family is Family.KEYWORD:
            raise errors.query_failed(
                f"Field [{field.path}] of type [{field.kind}] is not supported for aggregation [range]",
                "illegal_argument_exception",
            )
        wanted = [parse_range(each) for each in ranges]
        wanted.sort(key=lambda each: (each.get("from", float("-inf")), each.get("to", float("inf"))))
        if field is None:
            return {}, lambda _: {"buckets": [{**each, "doc_count": 0, **sub_results({})} for each in wanted]}
        if any(
            "from" in b and ("to" not in a or a["to"] > b["from"]) for a, b in zip(wanted, wanted[1:], strict=False)
        ) or any("from" not in each for each in wanted[1:]):
            raise errors.not_offered("overlapping ranges in a [range] aggregation")

        def read(result: TantivyResult) -> dict[str, Any]:
            by_key = {bucket["key"]: bucket for bucket in result.get("buckets", [])}
            return {
                "buckets": [
                    {**each, "doc_count": by_key[each["key"]]["doc_count"], **sub_results(by_key[each["key"]])}
                    for each in wanted
                ]
            }

        return {"range": {"field": self._column(field), "ranges": wanted}, **nested}, read

    def _date_histogram(
        self, options: dict[str, Any], nested: dict[str, Any], sub_results: Translate, query: tantivy.Query
    ) -> tuple[dict[str, Any], Translate]:
        not_offered = {"format", "time_zone", "offset", "order", "keyed", "interval", "extended_bounds", "hard_bounds"}
        known = {"calendar_interval", "fixed_interval", "min_doc_count"}
        field = self._field(options, "date_histogram", known, not_offered)
        following, start_of = interval(options)
        if field is None:
            return {}, lambda _: {"buckets": []}
        if field.kind is not Kind.DATE:
            raise errors.query_failed(
                f"Field [{field.path}] of type [{field.kind}] is not supported for aggregation [date_histogram]",
                "illegal_argument_exception",
            )
        column = self._column(field)
        reach = self._snapshot.searcher.aggregate(
            query, {"low": {"min": {"field": column}}, "high": {"max": {"field": column}}}
        )
        low, high = reach["low"]["value"], reach["high"]["value"]
        if low is None or high is None:
            return {}, lambda _: {"buckets": []}
        starts = [start_of(int(low))]
        while starts[-1] <= int(high):
            starts.append(following(starts[-1]))
            if len(starts) > _MAX_BUCKETS:
                raise errors.SearchError(
                    400,
                    "too_many_buckets_exception",
                    f"Trying to create too many buckets. Must be less than or equal to: [{_MAX_BUCKETS}]",
                )
        least = int(options.get("min_doc_count", 0))
        ranges = [{"key": str(a), "from": a, "to": b} for a, b in zip(starts, starts[1:], strict=False)]

        def read(result: TantivyResult) -> dict[str, Any]:
            by_key = {bucket["key"]: bucket for bucket in result.get("buckets", [])}
            buckets = []
            for start in starts[:-1]:
                bucket = by_key[str(start)]
                if bucket["doc_count"] >= least:
                    buckets.append(
                        {
                            "key_as_string": dates.iso(start),
                            "key": start,
                            "doc_count": bucket["doc_count"],
                            **sub_results(bucket),
                        }
                    )
            while buckets and not buckets[0]["doc_count"]:
                buckets.pop(0)
            while buckets and not buckets[-1]["doc_count"]:
                buckets.pop()
            return {"buckets": buckets}

        return {"range": {"field": column, "ranges": ranges}, **nested}, read
