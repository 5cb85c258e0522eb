"""The platform's own searches give the same hits, order, scores and fragments as on a real OpenSearch."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from opensearchpy import OpenSearch

from tests.search_server.engine import Engine, Index, SearchServer

pytestmark = pytest.mark.engines

KEYWORD, TEXT = {"type": "keyword"}, {"type": "text"}
MAPPING = {
    "dynamic": "strict",
    "properties": {
        "tenant_id": KEYWORD,
        "document_id": KEYWORD,
        "chain": KEYWORD,
        "name": TEXT,
        "title": TEXT,
        "author": TEXT,
        "text": TEXT,
        "file_type": KEYWORD,
        "size": {"type": "long"},
        "created_at": {"type": "date"},
    },
}
FIELDS = ["name^3", "title^2", "author", "text"]
CHANCE = random.Random(21)
WORDS = ["".join(CHANCE.choices("aeioulnrstm", k=CHANCE.randint(2, 8))) for _ in range(600)]
WEIGHTS = [1 / (rank + 3) for rank in range(len(WORDS))]


def words(count: int) -> list[str]:
    return CHANCE.choices(WORDS, WEIGHTS, k=count)


def text() -> str:
    sentences = [" ".join(words(CHANCE.randint(3, 25))).capitalize() for _ in range(CHANCE.randint(1, 25))]
    return "".join(sentence + CHANCE.choice([". ", ". ", "! ", "? ", ".\n", "; "]) for sentence in sentences)


def document(number: int) -> dict[str, Any]:
    return {
        "tenant_id": f"t{number % 2}",
        "document_id": f"d{number:04}",
        "chain": [f"f{number % 7}", "root"],
        "name": " ".join(words(3)),
        "title": " ".join(words(5)) if number % 3 == 0 else "",
        "author": "Ann Lee" if number % 11 == 0 else "",
        "text": text() if number % 13 else "",
        "file_type": CHANCE.choice(["pdf", "docx"]),
        "size": CHANCE.randint(1, 500),
        "created_at": f"2024-{CHANCE.randint(1, 12):02}-{CHANCE.randint(1, 28):02}T00:00:00Z",
    }


@pytest.fixture(scope="module")
def both(server: SearchServer, node: str) -> Iterator[list[Index]]:
    documents = {f"d{number:04}": document(number) for number in range(400)}
    engines = [Engine(server.client(), real=False), Engine(OpenSearch(node, timeout=60), real=True)]
    filled = [engine.index(MAPPING).fill(documents) for engine in engines]
    engines[1].client.indices.forcemerge(index=filled[1].name, max_num_segments=1)
    yield filled
    for index in filled:
        index.client.indices.delete(index=index.name)


def search_body(query: str, operator: str, **more: Any) -> dict[str, Any]:
    simple = {"query": query, "fields": FIELDS, "default_operator": operator, "flags": "PHRASE|NOT|WHITESPACE"}
    within = [{"term": {"tenant_id": "t1"}}, {"terms": {"chain": ["f1", "f2", "f3", "f4"]}}]
    return {
        "query": {"bool": {"must": [{"simple_query_string": simple}], "filter": within}},
        "sort": [{"_score": "desc"}, {"document_id": "asc"}],
        "size": 50,
        "_source": False,
        "track_total_hits": True,
        **more,
    }


def generated_queries(count: int) -> Iterator[tuple[str, str]]:
    for number in range(count):
        parts = words(CHANCE.randint(1, 3))
        if number % 5 == 0:
            parts.append(f"-{words(1)[0]}")
        if number % 7 == 0:
            parts.append('"' + " ".join(words(2)) + '"')
        yield " ".join(parts), "and" if number % 2 else "or"


def test_two_hundred_searches_have_the_same_hits_in_the_same_order(both: list[Index]) -> None:
    found = 0
    for query, operator in generated_queries(200):
        ours, theirs = (index.search(**search_body(query, operator))["hits"] for index in both)
        assert ours["total"] == theirs["total"], query
        scores = [{hit["_id"]: hit["_score"] for hit in hits["hits"]} for hits in (ours, theirs)]
        assert scores[0] == pytest.approx(scores[1], rel=0.005), query
        assert _order(ours) == _order(theirs) or _differs_only_in_near_equals(ours, theirs), query
        found += len(ours["hits"])
    assert found > 1000


def _order(hits: dict[str, Any]) -> list[str]:
    return [hit["_id"] for hit in hits["hits"]]


def _differs_only_in_near_equals(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Scores are 32-bit floats, summed in another order: two nearly equal scores may change places."""
    scores = {hit["_id"]: hit["_score"] for hit in theirs["hits"]}
    pairs = zip(_order(ours), _order(theirs), strict=True)
    return all(scores[a] == pytest.approx(scores[b], rel=0.002) for a, b in pairs)


def test_fragments_are_the_same(both: list[Index]) -> None:
    wanted = {
        "pre_tags": ["⟦"],
        "post_tags": ["⟧"],
        "fields": {
            "text": {"fragment_size": 160, "number_of_fragments": 3},
            "name": {"number_of_fragments": 0},
            "title": {"number_of_fragments": 0},
        },
    }
    compared = different = 0
    for query, operator in generated_queries(60):
        ours, theirs = (
            index.search(**search_body(query, operator, highlight=wanted))["hits"]["hits"] for index in both
        )
        mine = {hit["_id"]: hit.get("highlight", {}) for hit in ours}
        for hit in theirs:
            if hit["_id"] in mine:
                compared += 1
                different += mine[hit["_id"]] != hit.get("highlight", {})
    assert compared > 300
    assert different <= compared * 0.02


def test_dates_and_sizes_sort_the_same(both: list[Index]) -> None:
    for sort in ("created_at", "size", "file_type"):
        for order in ("asc", "desc"):
            pages = []
            for index in both:
                seen: list[Any] = []
                after: dict[str, Any] = {}
                while hits := index.search(
                    query={"terms": {"chain": ["f1", "f2"]}},
                    sort=[{sort: order}, {"document_id": "asc"}],
                    size=9,
                    **after,
                )["hits"]["hits"]:
                    seen += [(hit["_id"], hit["sort"]) for hit in hits]
                    after = {"search_after": hits[-1]["sort"]}
                pages.append(seen)
            assert pages[0] == pages[1]
