"""Sort order, and reading all hits page by page."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.search_server.engine import Document, Index

MAPPING = {
    "properties": {
        "id": {"type": "keyword"},
        "text": {"type": "text"},
        "kind": {"type": "keyword"},
        "tags": {"type": "keyword"},
        "size": {"type": "long"},
        "ratio": {"type": "float"},
        "signed": {"type": "boolean"},
        "created": {"type": "date"},
    }
}


def library(count: int) -> dict[str, Document]:
    chance = random.Random(3)
    documents: dict[str, Document] = {}
    for number in range(count):
        document: Document = {
            "id": f"d{number:03}",
            "text": " ".join(chance.choices(["lease", "office", "rent", "key"], k=chance.randint(1, 5))),
            "kind": chance.choice(["memo", "report", "invoice"]),
            "tags": chance.sample(["x", "y", "z"], chance.randint(1, 3)),
            "size": chance.randint(1, 9),
            "ratio": chance.randint(1, 4) / 3,
            "signed": chance.random() < 0.5,
            "created": f"2024-{chance.randint(1, 4):02}-01",
        }
        for name in ("kind", "size", "ratio", "signed", "created"):
            if chance.random() < 0.2:
                del document[name]
        documents[document["id"]] = document
    return documents


DOCUMENTS = library(90)


@pytest.fixture(scope="module")
def index(index_of: Callable[..., Index]) -> Index:
    return index_of(MAPPING).fill(DOCUMENTS)


def by(name: str, *, descending: bool = False, missing_first: bool = False) -> Callable[[list[str]], list[str]]:
    """Returns a function that sorts ids of documents by a field, then by id."""

    def ordered(ids: list[str]) -> list[str]:
        having = sorted(key for key in ids if DOCUMENTS[key].get(name) is not None)
        having.sort(key=lambda key: first(DOCUMENTS[key][name]), reverse=descending)
        lacking = sorted(key for key in ids if DOCUMENTS[key].get(name) is None)
        return lacking + having if missing_first else having + lacking

    def first(value: Any) -> Any:
        return min(value) if isinstance(value, list) else value

    return ordered


SORTS = [
    ({"size": "asc"}, by("size")),
    ({"size": {"order": "desc"}}, by("size", descending=True)),
    ({"size": {"order": "asc", "missing": "_first"}}, by("size", missing_first=True)),
    ({"size": {"order": "desc", "missing": "_first"}}, by("size", descending=True, missing_first=True)),
    ({"kind": "desc"}, by("kind", descending=True)),
    ({"kind": {"order": "asc", "missing": "_first"}}, by("kind", missing_first=True)),
    ({"tags": "asc"}, by("tags")),
    ({"ratio": "desc"}, by("ratio", descending=True)),
    ({"signed": "asc"}, by("signed")),
    ({"created": "desc"}, by("created", descending=True)),
    ({"nowhere": {"unmapped_type": "long"}}, by("nowhere")),
    ({"id": "asc"}, sorted),
]


@pytest.mark.parametrize(("sort", "order"), SORTS)
def test_hits_are_in_the_requested_order(
    index: Index, sort: dict[str, Any], order: Callable[[list[str]], list[str]]
) -> None:
    assert index.ranks({"match_all": {}}, sort=[sort, {"id": "asc"}]) == order(list(DOCUMENTS))
    memos = [key for key, document in DOCUMENTS.items() if document.get("kind") == "memo"]
    assert index.ranks({"term": {"kind": "memo"}}, sort=[sort, {"id": "asc"}]) == order(memos)


@pytest.mark.parametrize(("sort", "order"), SORTS)
@pytest.mark.parametrize("size", [1, 7])
def test_successive_pages_contain_every_hit_once(
    index: Index, sort: dict[str, Any], order: Callable[[list[str]], list[str]], size: int
) -> None:
    memos = [key for key, document in DOCUMENTS.items() if document.get("kind") in ("memo", None)]
    query = {"bool": {"must_not": [{"terms": {"kind": ["report", "invoice"]}}]}}
    assert list(walk(index, query, [sort, {"id": "asc"}], size)) == order(memos)


def test_successive_pages_by_score_contain_every_hit_once(index: Index) -> None:
    query = {"match": {"text": "lease office"}}
    scores = index.scores(query)
    walked = list(walk(index, query, [{"_score": "desc"}, {"id": "asc"}], 7))
    assert sorted(walked) == sorted(scores)
    assert walked == sorted(scores, key=lambda key: (-scores[key], key))


def test_successive_pages_without_scores_contain_every_hit_once(index: Index) -> None:
    walked = list(walk(index, {"bool": {"filter": [{"exists": {"field": "id"}}]}}, ["_score", "id"], 11))
    assert walked == sorted(DOCUMENTS)


def test_a_page_can_start_at_any_offset(index: Index) -> None:
    sort = [{"size": "desc"}, {"id": "asc"}]
    everything = index.ranks({"match_all": {}}, sort=sort)
    assert index.ranks({"match_all": {}}, sort=sort, size=9, **{"from": 30}) == everything[30:39]
    assert index.ranks({"match_all": {}}, sort=sort, size=9, **{"from": 85}) == everything[85:]
    answer = index.search(sort=sort, size=9, **{"from": 30})["hits"]
    assert answer["total"]["value"] == 90
    assert answer["max_score"] is None and answer["hits"][0]["_score"] is None


def test_hits_contain_their_sort_values(index_of: Callable[..., Index]) -> None:
    index = index_of(MAPPING)
    index.fill({"a": {"size": 5, "kind": "x", "created": "2024-01-01", "ratio": 1.5, "signed": True}, "b": {"id": "b"}})
    sort = [{name: "asc"} for name in ("size", "kind", "created", "ratio", "signed")]
    first, second = index.search(sort=sort)["hits"]["hits"]
    assert first["sort"] == [5, "x", 1704067200000, 1.5, 1]
    assert second["sort"] == [2**63 - 1, None, 2**63 - 1, "Infinity", 2**31 - 1]
    by_score = index.search(query={"match_all": {}}, sort=["_score", {"size": "asc"}])["hits"]["hits"][0]
    assert by_score["_score"] == by_score["sort"][0] == 1.0


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"sort": ["text"]}, "Text fields are not optimised"),
        ({"sort": ["nowhere"]}, "No mapping found for [nowhere]"),
        ({"sort": [{"size": "sideways"}]}, "SIDEWAYS"),
        ({"sort": [{"size": {"order": "asc", "foo": 1}}]}, "unknown field [foo]"),
        ({"sort": ["size"], "search_after": [1, 2]}, "search_after has 2 value(s) but sort has 1"),
        ({"search_after": [1]}, "Sort must contain at least one field"),
        ({"sort": ["size"], "search_after": ["many"]}, "Failed to parse search_after value for field [size]"),
    ],
)
def test_an_invalid_order_is_refused(index: Index, body: dict[str, Any], part: str) -> None:
    assert part in index.refuses(**body)


def walk(index: Index, query: dict[str, Any], sort: list[Any], size: int) -> Any:
    after: dict[str, Any] = {}
    for _ in itertools.count():
        hits = index.search(query=query, sort=sort, size=size, **after)["hits"]["hits"]
        if not hits:
            return
        yield from (hit["_id"] for hit in hits)
        after = {"search_after": hits[-1]["sort"]}
