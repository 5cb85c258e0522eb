"""Aggregations: buckets and metrics."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.search_server.engine import Index

MAPPING = {
    "properties": {
        "kind": {"type": "keyword"},
        "tags": {"type": "keyword"},
        "size": {"type": "long"},
        "price": {"type": "double"},
        "signed": {"type": "boolean"},
        "created": {"type": "date"},
        "text": {"type": "text"},
    }
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "a": {"kind": "memo", "tags": ["x", "y"], "size": 1, "price": 0.5, "signed": True, "created": "2024-01-31"},
    "b": {"kind": "memo", "tags": ["x", "x"], "size": 5, "price": 2.5, "signed": True, "created": "2024-02-01"},
    "c": {"kind": "report", "tags": ["z"], "size": 10, "created": "2024-02-29T23:59:59Z"},
    "d": {"kind": "invoice", "size": 30, "signed": False, "created": "2024-05-05"},
    "e": {"text": "nothing else"},
}
FEBRUARY = {"range": {"created": {"gte": "2024-02-01", "lt": "2024-03-01"}}}


@pytest.fixture(scope="module")
def index(index_of: Callable[..., Index]) -> Index:
    return index_of(MAPPING).fill(DOCUMENTS)


def counted(index: Index, aggregation: dict[str, Any], query: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = index.search(size=0, query=query or {"match_all": {}}, aggs={"it": aggregation})
    found: dict[str, Any] = answer["aggregations"]["it"]
    return found


def pairs(found: dict[str, Any]) -> list[tuple[Any, int]]:
    return [(bucket["key"], bucket["doc_count"]) for bucket in found["buckets"]]


def test_documents_are_counted_by_value(index: Index) -> None:
    assert pairs(counted(index, {"terms": {"field": "kind"}})) == [("memo", 2), ("invoice", 1), ("report", 1)]
    assert pairs(counted(index, {"terms": {"field": "kind"}}, FEBRUARY)) == [("memo", 1), ("report", 1)]
    assert pairs(counted(index, {"terms": {"field": "tags"}})) == [("x", 2), ("y", 1), ("z", 1)]
    assert pairs(counted(index, {"terms": {"field": "size", "order": {"_key": "desc"}}}))[0] == (30, 1)
    assert pairs(counted(index, {"terms": {"field": "nowhere"}})) == []


def test_documents_beyond_the_listed_buckets_are_counted(index: Index) -> None:
    found = counted(index, {"terms": {"field": "kind", "size": 1}})
    assert pairs(found) == [("memo", 2)]
    assert found["sum_other_doc_count"] == 2
    assert found["doc_count_error_upper_bound"] == 0


def test_keys_of_booleans_and_dates_have_a_text_form(index: Index) -> None:
    signed = counted(index, {"terms": {"field": "signed"}})["buckets"]
    assert [(bucket["key"], bucket["key_as_string"], bucket["doc_count"]) for bucket in signed] == [
        (1, "true", 2),
        (0, "false", 1),
    ]
    first = counted(index, {"terms": {"field": "created", "order": {"_key": "asc"}}})["buckets"][0]
    assert first["key_as_string"] == "2024-01-31T00:00:00.000Z"


def test_a_histogram_includes_empty_months(index: Index) -> None:
    months = counted(index, {"date_histogram": {"field": "created", "calendar_interval": "month"}})
    shown = [(bucket["key_as_string"][:7], bucket["doc_count"]) for bucket in months["buckets"]]
    assert shown == [("2024-01", 1), ("2024-02", 2), ("2024-03", 0), ("2024-04", 0), ("2024-05", 1)]
    busy = counted(index, {"date_histogram": {"field": "created", "calendar_interval": "1M", "min_doc_count": 1}})
    assert [bucket["doc_count"] for bucket in busy["buckets"]] == [1, 2, 1]
    days = counted(index, {"date_histogram": {"field": "created", "fixed_interval": "1d"}}, FEBRUARY)
    assert len(days["buckets"]) == 29


def test_the_end_of_a_range_is_exclusive(index: Index) -> None:
    ranges = [{"to": 5}, {"from": 5, "to": 30, "key": "middle"}, {"from": 30}]
    found = counted(index, {"range": {"field": "size", "ranges": ranges}})
    assert pairs(found) == [("*-5.0", 1), ("middle", 2), ("30.0-*", 1)]
    assert found["buckets"][1] == {"key": "middle", "from": 5.0, "to": 30.0, "doc_count": 2}


def test_metrics(index: Index) -> None:
    figures = {
        kind: counted(index, {kind: {"field": "size"}})["value"] for kind in ("min", "max", "sum", "avg", "value_count")
    }
    assert figures == {"min": 1.0, "max": 30.0, "sum": 46.0, "avg": 11.5, "value_count": 4}
    assert counted(index, {"cardinality": {"field": "tags"}})["value"] == 3
    assert counted(index, {"max": {"field": "created"}})["value_as_string"] == "2024-05-05T00:00:00.000Z"
    assert counted(index, {"max": {"field": "size"}}, {"match_none": {}})["value"] is None


def test_sub_aggregations(index: Index) -> None:
    inner = {"tags": {"terms": {"field": "tags"}}, "largest": {"max": {"field": "size"}}}
    memo = counted(index, {"terms": {"field": "kind"}, "aggs": inner})["buckets"][0]
    assert memo["largest"]["value"] == 5.0
    assert pairs(memo["tags"]) == [("x", 2), ("y", 1)]
    narrowed = counted(index, {"filter": {"term": {"kind": "memo"}}, "aggs": inner})
    assert narrowed["doc_count"] == 2 and narrowed["largest"]["value"] == 5.0


@pytest.mark.parametrize(
    ("aggregation", "part"),
    [
        ({"terms": {"field": "text"}}, "Text fields are not optimised"),
        ({"bogus": {"field": "kind"}}, "Unknown aggregation type [bogus]"),
        ({"terms": {"field": "kind", "foo": 1}}, "unknown field [foo]"),
        (
            {"date_histogram": {"field": "created", "calendar_interval": "2d"}},
            "failed to parse field [calendar_interval]",
        ),
    ],
)
def test_an_invalid_aggregation_is_refused(index: Index, aggregation: dict[str, Any], part: str) -> None:
    assert part in index.refuses(size=0, aggs={"it": aggregation})
