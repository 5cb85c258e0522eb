"""Scores and their order: BM25, as Lucene computes it."""

import math
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.search_server.engine import Index

TEXT, KEYWORD = {"type": "text"}, {"type": "keyword"}
K1, B = 1.2, 0.75


def bm25(frequency: int, length: int, average: float, having: int, of: int) -> float:
    """Robertson's formula with the factor k1 + 1, as OpenSearch 2 has it."""
    idf = math.log(1 + (of - having + 0.5) / (having + 0.5))
    return idf * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * length / average))


def test_a_rare_word_counts_more_and_a_long_text_less(index_of: Callable[..., Index]) -> None:
    texts = {
        "short": "lease",
        "twice": "lease lease and more",
        "long": "lease in a text of eight words here",
        "none": "nothing",
    }
    index = index_of({"properties": {"text": TEXT}}).fill({key: {"text": text} for key, text in texts.items()})
    lengths = {key: len(text.split()) for key, text in texts.items()}
    average = sum(lengths.values()) / 4
    expected = {
        key: bm25(text.split().count("lease"), lengths[key], average, 3, 4)
        for key, text in texts.items()
        if "lease" in text
    }
    assert index.scores({"match": {"text": "lease"}}) == pytest.approx(expected, rel=1e-5)


def test_documents_without_the_field_do_not_count(index_of: Callable[..., Index]) -> None:
    """A title is scored among the documents that have a title."""
    titled = {f"t{i}": {"title": "lease of an office" if i % 2 else "letter to nobody at all today"} for i in range(6)}
    bare = {f"b{i}": {"title": ""} if i % 2 else {} for i in range(30)}
    index = index_of({"properties": {"title": TEXT}}).fill({**titled, **bare})
    average = (3 * 4 + 3 * 6) / 6
    scores = index.scores({"match": {"title": "lease"}})
    assert set(scores) == {"t1", "t3", "t5"}
    assert scores["t1"] == pytest.approx(bm25(1, 4, average, 3, 6), rel=0.02)


def test_a_keyword_scores_by_its_rarity_only(index_of: Callable[..., Index]) -> None:
    kinds = {"a": "report", "b": "report", "c": "memo", "d": None}
    index = index_of({"properties": {"kind": KEYWORD}}).fill({key: {"kind": kind} for key, kind in kinds.items()})
    scores = index.scores({"terms": {"kind": ["report", "memo"]}})
    assert scores == {"a": 1.0, "b": 1.0, "c": 1.0}
    assert index.scores({"term": {"kind": "memo"}})["c"] == pytest.approx(bm25(1, 1, 1, 1, 3), rel=1e-5)
    assert index.scores({"term": {"kind": {"value": "memo", "boost": 3}}})["c"] == pytest.approx(
        3 * bm25(1, 1, 1, 1, 3), rel=1e-5
    )


def test_filters_do_not_score_and_constants_do(index_of: Callable[..., Index]) -> None:
    index = index_of({"properties": {"text": TEXT, "kind": KEYWORD, "size": {"type": "long"}}})
    index.fill({"a": {"text": "lease", "kind": "x", "size": 1}, "b": {"text": "other", "kind": "y", "size": 2}})
    word = index.scores({"match": {"text": "lease"}})["a"]
    filtered = {"bool": {"must": [{"match": {"text": "lease"}}], "filter": [{"term": {"kind": "x"}}]}}
    assert index.scores(filtered)["a"] == word
    assert index.scores({"bool": {"filter": [{"term": {"kind": "x"}}]}}) == {"a": 0.0}
    assert index.scores({"bool": {"must_not": [{"term": {"kind": "x"}}]}}) == {"b": 0.0}
    assert index.scores({"match_all": {"boost": 2}}) == {"a": 2.0, "b": 2.0}
    assert index.scores({"constant_score": {"filter": {"match": {"text": "lease"}}, "boost": 1.5}}) == {"a": 1.5}
    assert index.scores({"term": {"size": 1}}) == {"a": 1.0}
    summed = {"bool": {"should": [{"match": {"text": "lease"}}, {"term": {"size": 1}}]}}
    assert index.scores(summed)["a"] == pytest.approx(word + 1)


def test_the_best_field_wins_and_the_others_break_ties(index_of: Callable[..., Index]) -> None:
    index = index_of({"properties": {"title": TEXT, "body": TEXT}})
    index.fill(
        {
            "a": {"title": "lease", "body": "x y"},
            "b": {"title": "x", "body": "a lease"},
            "c": {"title": "z", "body": "z"},
        }
    )
    fields = ["title", "body"]
    title, body = (index.scores({"match": {field: "lease"}}) for field in fields)
    best = index.scores({"multi_match": {"query": "lease", "fields": ["title^3", "body"]}})
    assert best == pytest.approx({"a": 3 * title["a"], "b": body["b"]})
    both = index.scores({"multi_match": {"query": "x", "fields": fields, "type": "most_fields"}})
    assert both == pytest.approx(index.scores({"bool": {"should": [{"match": {field: "x"}} for field in fields]}}))
    assert index.ranks({"multi_match": {"query": "lease", "fields": ["title^3", "body"]}}) == ["a", "b"]


@pytest.fixture(scope="module")
def vocabulary() -> list[str]:
    chance = random.Random(11)
    return ["".join(chance.choices("abcdefgh", k=chance.randint(2, 5))) for _ in range(150)]


def test_a_thousand_scores_follow_the_formula(index_of: Callable[..., Index], vocabulary: list[str]) -> None:
    chance = random.Random(12)
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]
    texts = {f"d{i}": " ".join(chance.choices(vocabulary, weights, k=chance.randint(3, 38))) for i in range(250)}
    index = index_of({"properties": {"text": TEXT}}).fill({key: {"text": text} for key, text in texts.items()})
    words = {key: re.findall(r"\w+", text) for key, text in texts.items()}
    average = sum(map(len, words.values())) / len(words)

    def expected(query: list[str]) -> dict[str, float]:
        scores: dict[str, float] = {}
        for term in query:
            having = sum(term in each for each in words.values())
            for key, each in words.items():
                if term in each:
                    added = bm25(each.count(term), len(each), average, having, len(words))
                    scores[key] = scores.get(key, 0) + added
        return scores

    for _ in range(12):
        query = chance.sample(vocabulary, 2)
        assert index.scores({"match": {"text": " ".join(query)}}) == pytest.approx(expected(query), rel=1e-4)


def test_a_search_returns_the_best_score(index_of: Callable[..., Index]) -> None:
    index = index_of({"properties": {"text": TEXT}}).fill({"a": {"text": "one two"}, "b": {"text": "one"}})
    answer: dict[str, Any] = index.search(query={"match": {"text": "one"}})["hits"]
    assert answer["max_score"] == answer["hits"][0]["_score"] == max(hit["_score"] for hit in answer["hits"])
    assert index.search(query={"match": {"text": "one"}}, size=0)["hits"]["max_score"] is None
    assert index.search(query={"match": {"text": "nothing"}})["hits"]["max_score"] is None
