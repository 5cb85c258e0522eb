"""Highlighting: the fragments and what is marked in them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.search_server.engine import Index

MAPPING = {
    "properties": {
        "text": {"type": "text"},
        "english": {"type": "text", "analyzer": "english"},
        "kind": {"type": "keyword"},
        "parts": {"type": "text"},
        "size": {"type": "long"},
    }
}
TEXT = (
    "The payment obligations of the parties. A payment is due. Obligations remain; payment of payment obligations,"
    " payment  payments."
)
DOCUMENT = {
    "text": TEXT,
    "english": "Running runs runner. He ran.",
    "kind": ["red", "blue"],
    "parts": ["first value here. Another one.", "second value there"],
    "size": 5,
}
WHOLE = {"number_of_fragments": 0}


@pytest.fixture(scope="module")
def index(index_of: Callable[..., Index]) -> Index:
    return index_of(MAPPING).fill({"1": DOCUMENT})


def highlight(index: Index, query: dict[str, Any], fields: dict[str, Any], **options: Any) -> dict[str, list[str]]:
    (hit,) = index.search(query=query, highlight={"fields": fields, **options})["hits"]["hits"]
    found: dict[str, list[str]] = hit.get("highlight", {})
    return found


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ({"match": {"text": "due"}}, ["due"]),
        ({"match_phrase": {"text": "payment is"}}, ["payment", "is"]),
        ({"bool": {"filter": [{"term": {"text": "due"}}], "must_not": [{"term": {"text": "zebra"}}]}}, ["due"]),
        ({"prefix": {"text": "rem"}}, ["remain"]),
        ({"wildcard": {"text": "*main"}}, ["remain"]),
        ({"match": {"text": {"query": "remian", "fuzziness": 1}}}, ["remain"]),
        ({"match_phrase_prefix": {"text": "is du"}}, ["is", "due"]),
        (
            {
                "simple_query_string": {
                    "query": '"payment is" -zebra parties',
                    "fields": ["text^2"],
                    "flags": "PHRASE|NOT|WHITESPACE",
                }
            },
            ["parties", "payment", "is"],
        ),
    ],
)
def test_only_the_matched_words_are_marked(index: Index, query: dict[str, Any], marked: list[str]) -> None:
    (whole,) = highlight(index, query, {"text": WHOLE}, pre_tags=["⟦"], post_tags=["⟧"])["text"]
    assert [part.partition("⟧")[0] for part in whole.split("⟦")[1:]] == marked
    assert whole.replace("⟦", "").replace("⟧", "") == TEXT


def test_fragments_are_sentences_that_fit_the_size(index: Index) -> None:
    query = {"match_phrase": {"text": "payment obligations"}}
    assert highlight(index, query, {"text": {}})["text"] == [
        "The <em>payment</em> <em>obligations</em> of the parties. A payment is due.",
        "Obligations remain; payment of <em>payment</em> <em>obligations</em>, payment  payments.",
    ]
    words = {"match": {"text": "payment obligations"}}
    assert highlight(index, words, {"text": {"fragment_size": 20}})["text"] == [
        "The <em>payment</em> <em>obligations</em>",
        "A <em>payment</em> is due.",
        "<em>Obligations</em> remain; <em>payment</em>",
        "of <em>payment</em> <em>obligations</em>",
        ", <em>payment</em>  payments.",
    ]


def test_the_best_fragments_are_kept_in_the_order_of_the_text(index: Index) -> None:
    found = highlight(index, {"match": {"text": "payment"}}, {"text": {"fragment_size": 10}}, number_of_fragments=2)
    assert found["text"] == ["The <em>payment</em>", "A <em>payment</em> is"]


def test_no_fragment_crosses_a_value(index: Index) -> None:
    found = highlight(index, {"match": {"parts": "value"}}, {"parts": {}})
    assert found["parts"] == ["first <em>value</em> here. Another one.", "second <em>value</em> there"]
    assert highlight(index, {"match": {"parts": "second"}}, {"parts": WHOLE})["parts"] == [
        "<em>second</em> value there"
    ]
    assert highlight(index, {"term": {"kind": "red"}}, {"kind": {}})["kind"] == ["<em>red</em>"]


def test_a_field_is_marked_by_the_queries_on_it(index: Index) -> None:
    query = {"match": {"english": "run"}}
    assert highlight(index, query, {"english": {}, "text": {}, "size": {}, "nowhere": {}}) == {
        "english": ["<em>Running</em> <em>runs</em> runner. He ran."]
    }
    elsewhere = {"match": {"parts": "payment second"}}
    assert "text" not in highlight(index, elsewhere, {"text": {}})
    anywhere = highlight(index, elsewhere, {"text": {"number_of_fragments": 1}}, require_field_match=False)
    assert "<em>payment</em>" in anywhere["text"][0]


def test_a_field_without_a_match_shows_its_beginning(index: Index) -> None:
    found = highlight(index, {"match_all": {}}, {"text": {"no_match_size": 10}, "parts": {"no_match_size": 4}})
    assert found == {"text": ["The payment"], "parts": ["first"]}


def test_markup_in_a_text_can_be_escaped(index_of: Callable[..., Index]) -> None:
    index = index_of(MAPPING).fill({"1": {"text": "<b>lease</b> & more"}})
    found = highlight(index, {"match": {"text": "lease"}}, {"text": {}}, encoder="html")
    assert found["text"] == ["&lt;b&gt;<em>lease</em>&lt;&#x2F;b&gt; &amp; more"]


def test_a_text_too_long_to_be_analyzed_is_refused_unless_its_analysis_is_limited(
    index_of: Callable[..., Index],
) -> None:
    index = index_of(MAPPING).fill({"1": {"text": "lease " + "word " * 200_001}})
    query = {"match": {"text": "lease"}}
    assert "maximum allowed to be analyzed for highlighting" in index.refuses(
        query=query, highlight={"fields": {"text": {}}}
    )
    cut = {"text": {"max_analyzer_offset": 1000, "number_of_fragments": 1, "fragment_size": 20}}
    assert highlight(index, query, cut)["text"][0].startswith("<em>lease</em> word")
