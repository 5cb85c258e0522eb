"""The hits of queries, on this server and on a real OpenSearch."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.search_server.engine import Index

KEYWORD, TEXT = {"type": "keyword"}, {"type": "text"}
MAPPING: dict[str, Any] = {
    "properties": {
        "title": {"type": "text", "analyzer": "english", "fields": {"raw": KEYWORD}},
        "body": TEXT,
        "kind": KEYWORD,
        "readers": KEYWORD,
        "size": {"type": "long"},
        "price": {"type": "double"},
        "signed": {"type": "boolean"},
        "created": {"type": "date"},
        "owner": {"properties": {"name": KEYWORD, "team": KEYWORD}},
    }
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "lease": {
        "title": "Lease of the Office",
        "body": "The parties agree on the payment obligations. Payment is due in thirty days.",
        "kind": "contract",
        "readers": ["ann", "bob"],
        "size": 120,
        "price": 12.5,
        "signed": True,
        "created": "2024-03-10T09:00:00Z",
        "owner": {"name": "ann", "team": "legal"},
    },
    "supply": {
        "title": "Supplying Contracts",
        "body": "The supplier's obligations end after payment. Don't use foo.bar 3.14.",
        "kind": "contract",
        "readers": ["ann"],
        "size": 80,
        "price": 99.99,
        "signed": False,
        "created": "2024-05-01T00:00:00Z",
        "owner": {"name": "bob", "team": "purchase"},
    },
    "invoice": {
        "title": "Invoice 4711",
        "body": "Please pay the invoice within 30 days, café included.",
        "kind": "invoice",
        "readers": ["cy"],
        "size": 7,
        "price": -1.0,
        "created": "2023-12-31T23:59:59.999Z",
    },
    "memo": {"title": "A memo", "kind": "Memo*", "readers": [], "size": None, "body": ""},
}


@pytest.fixture(scope="module")
def library(index_of: Callable[..., Index]) -> Index:
    return index_of(MAPPING).fill(DOCUMENTS)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"match_all": {}}, {"lease", "supply", "invoice", "memo"}),
        ({"match_none": {}}, set()),
        # words
        ({"match": {"body": "payment"}}, {"lease", "supply"}),
        ({"match": {"body": "PAYMENT thirty"}}, {"lease", "supply"}),
        ({"match": {"body": {"query": "payment thirty", "operator": "and"}}}, {"lease"}),
        ({"match": {"body": {"query": "payment thirty zebra", "minimum_should_match": "67%"}}}, {"lease"}),
        ({"match": {"body": {"query": "payment thirty zebra", "minimum_should_match": -1}}}, {"lease"}),
        ({"match": {"body": {"query": "payment thirty zebra lion", "minimum_should_match": "2<75%"}}}, set()),
        ({"match": {"body": {"query": "paymnet", "fuzziness": "AUTO"}}}, {"lease", "supply"}),
        ({"match": {"body": {"query": "paymxxt", "fuzziness": 1}}}, set()),
        ({"match": {"body": ""}}, set()),
        ({"match": {"title": {"query": "the of", "zero_terms_query": "all"}}}, {"lease", "supply", "invoice", "memo"}),
        ({"match": {"title": "supply contract"}}, {"supply"}),  # stemmed
        ({"match": {"body": "contract"}}, set()),  # not stemmed
        ({"match": {"body": "don't"}}, {"supply"}),
        ({"match": {"body": "foo.bar"}}, {"supply"}),
        ({"match": {"body": "foo"}}, set()),
        ({"match": {"body": "3.14"}}, {"supply"}),
        ({"match": {"body": "cafe"}}, set()),
        ({"match": {"kind": "contract"}}, {"lease", "supply"}),
        ({"match": {"size": "80"}}, {"supply"}),
        ({"match": {"nowhere": "x"}}, set()),
        # phrases
        ({"match_phrase": {"body": "payment obligations"}}, {"lease"}),
        ({"match_phrase": {"body": "obligations due"}}, set()),
        ({"match_phrase": {"body": {"query": "obligations payment", "slop": 2}}}, {"lease", "supply"}),
        ({"match_phrase": {"title": "lease of the office"}}, {"lease"}),
        ({"match_phrase": {"title": "lease office"}}, set()),  # removed words keep their positions
        ({"match_phrase_prefix": {"body": "payment obl"}}, {"lease"}),
        ({"match_phrase_prefix": {"body": "oblig"}}, {"lease", "supply"}),
        # several fields
        ({"multi_match": {"query": "invoice lease", "fields": ["title", "body"]}}, {"invoice", "lease"}),
        ({"multi_match": {"query": "payment obligations", "fields": ["title", "body"], "type": "phrase"}}, {"lease"}),
        ({"multi_match": {"query": "pay", "fields": ["body", "size"], "lenient": True}}, {"invoice"}),
        # values
        ({"term": {"kind": "contract"}}, {"lease", "supply"}),
        ({"term": {"kind": "Contract"}}, set()),
        ({"term": {"readers": {"value": "ann"}}}, {"lease", "supply"}),
        ({"term": {"body": "Payment"}}, set()),
        ({"term": {"size": 80}}, {"supply"}),
        ({"term": {"size": 80.5}}, set()),
        ({"term": {"signed": True}}, {"lease"}),
        ({"term": {"signed": "false"}}, {"supply"}),
        ({"term": {"created": "2024-05-01"}}, {"supply"}),
        ({"term": {"owner.team": "legal"}}, {"lease"}),
        ({"terms": {"kind": ["invoice", "contract", "nothing"]}}, {"lease", "supply", "invoice"}),
        ({"terms": {"size": [7, 80]}}, {"supply", "invoice"}),
        ({"terms": {"kind": []}}, set()),
        ({"ids": {"values": ["lease", "nobody"]}}, {"lease"}),
        ({"exists": {"field": "size"}}, {"lease", "supply", "invoice"}),
        ({"exists": {"field": "readers"}}, {"lease", "supply", "invoice"}),
        ({"exists": {"field": "body"}}, {"lease", "supply", "invoice", "memo"}),
        ({"exists": {"field": "owner"}}, {"lease", "supply"}),
        ({"exists": {"field": "nowhere"}}, set()),
        ({"prefix": {"kind": "con"}}, {"lease", "supply"}),
        ({"prefix": {"kind": {"value": "CON", "case_insensitive": True}}}, {"lease", "supply"}),
        ({"prefix": {"body": "pay"}}, {"lease", "supply", "invoice"}),
        ({"wildcard": {"title.raw": "*47?1"}}, {"invoice"}),
        ({"wildcard": {"kind": "*"}}, {"lease", "supply", "invoice", "memo"}),
        ({"wildcard": {"body": "*"}}, {"lease", "supply", "invoice"}),
        ({"wildcard": {"kind": "memo\\*"}}, set()),
        ({"wildcard": {"kind": {"value": "memo\\*", "case_insensitive": True}}}, {"memo"}),
        # ranges
        ({"range": {"size": {"gt": 7, "lte": 80}}}, {"supply"}),
        ({"range": {"size": {"gte": 79.5}}}, {"lease", "supply"}),
        ({"range": {"price": {"lt": 0}}}, {"invoice"}),
        ({"range": {"created": {"gte": "2024-05-01"}}}, {"supply"}),
        ({"range": {"created": {"gte": "2024", "lt": "2024-05"}}}, {"lease"}),
        ({"range": {"created": {"gte": "2024-03-10||/d", "lte": "2024-03-10||/d"}}}, {"lease"}),
        ({"range": {"created": {"lte": "2024-03-10T09"}}}, {"lease", "invoice"}),
        ({"range": {"created": {"gt": "2024-03-10||-1M", "lt": "2024-03-10||+1M/M"}}}, {"lease"}),
        ({"range": {"created": {"lt": "now-1d/d"}}}, {"lease", "supply", "invoice"}),
        ({"range": {"created": {"gte": "now"}}}, set()),
        # combinations
        ({"bool": {}}, {"lease", "supply", "invoice", "memo"}),
        ({"bool": {"must_not": {"term": {"kind": "contract"}}}}, {"invoice", "memo"}),
        ({"bool": {"must": [{"match": {"body": "payment"}}], "filter": [{"term": {"readers": "bob"}}]}}, {"lease"}),
        ({"bool": {"should": [{"term": {"size": 7}}, {"term": {"size": 80}}]}}, {"invoice", "supply"}),
        (
            {"bool": {"filter": [{"term": {"kind": "contract"}}], "should": [{"term": {"size": 7}}]}},
            {"lease", "supply"},
        ),
        (
            {"bool": {"should": [{"term": {"size": 80}}, {"term": {"kind": "contract"}}], "minimum_should_match": 2}},
            {"supply"},
        ),
        ({"bool": {"must": [{"match_all": {}}], "minimum_should_match": 1}}, set()),
        ({"constant_score": {"filter": {"term": {"kind": "invoice"}}}}, {"invoice"}),
    ],
)
def test_a_query_finds_the_expected_documents(library: Index, query: dict[str, Any], found: set[str]) -> None:
    assert library.finds(query) == found


WORDS = {"fields": ["title", "body"], "default_operator": "and", "flags": "PHRASE|NOT|WHITESPACE"}


@pytest.mark.parametrize(
    ("words", "found", "more"),
    [
        ("payment obligations", {"lease", "supply"}, {}),
        ('"payment obligations"', {"lease"}, {}),
        ("payment -thirty", {"supply"}, {}),
        ("-payment", {"invoice", "memo"}, {}),
        ("--payment", {"lease", "supply"}, {}),
        ("payment --- thirty", {"lease"}, {}),  # a minus before a space is ignored
        ("payment -", {"lease", "supply"}, {}),
        ('payment -"in thirty"', {"supply"}, {}),
        ("lease the of", {"lease"}, {"fields": ["title"]}),  # words removed by the analyzer are not required
        ('payment "thirty', {"lease"}, {}),
        ('-"thirty', {"lease"}, {}),  # a minus before a phrase that is never closed is ignored
        ('"" payment ""', {"lease", "supply"}, {}),
        ('"" obligations payment "', {"lease", "supply"}, {}),
        ('"the" payment " "', {"lease", "supply"}, {}),
        ('obligations"payment after"', set(), {}),
        ('obligations"after payment"', {"supply"}, {}),
        ("*", {"lease", "supply", "invoice", "memo"}, {}),
        ("invoice memo", {"invoice", "memo"}, {"default_operator": "or"}),
        ("invoice -payment", {"invoice", "memo"}, {"default_operator": "or"}),
        ("contract", {"lease", "supply"}, {"fields": ["kind", "nowhere"]}),
        ('"contract" payment', {"lease", "supply"}, {"fields": ["kind", "body"]}),
        # the other operators are not recognised
        ("oblig*", set(), {}),
        ("payment (thirty)", {"lease"}, {}),
        ("((((payment", {"lease", "supply"}, {}),
        ("payment + thirty", {"lease"}, {}),
        ("payment | thirty", {"lease"}, {}),
        ("paymnet~1", set(), {}),
        ('\\-thirty "obligations payment"~2', set(), {}),
        ("", set(), {}),
        (" \t-\n", set(), {}),
    ],
)
def test_any_text_is_a_valid_simple_query_string(
    library: Index, words: str, found: set[str], more: dict[str, Any]
) -> None:
    assert library.finds({"simple_query_string": {"query": words, **WORDS, **more}}) == found


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"query": {"bogus": {}}}, "unknown query [bogus]"),
        ({"query": {"match": {"body": {"query": "x", "foo": 1}}}}, "[match] query does not support [foo]"),
        ({"query": {"match": {"body": "a", "title": "b"}}}, "doesn't support multiple fields"),
        ({"query": {"term": {"kind": {"value": "a", "foo": 2}}}}, "[term] query does not support [foo]"),
        ({"query": {"terms": {"kind": "a"}}}, "[terms] query does not support [kind]"),
        ({"query": {"bool": {"foo": []}}}, "unknown field [foo]"),
        ({"query": {"match_all": {}, "match_none": {}}}, "[match_all] malformed query"),
        ({"query": {"range": {"created": {"gte": "garbage"}}}}, "failed to parse date field [garbage]"),
        ({"query": {"range": {"created": {"foo": 1}}}}, "[range] query does not support [foo]"),
        ({"query": {"term": {"size": "many"}}}, 'For input string: "many"'),
        ({"query": {"prefix": {"size": "1"}}}, "Can only use prefix queries on keyword and text fields"),
        ({"query": {"multi_match": {"query": "a", "fields": ["body"], "type": "odd"}}}, "unknown type"),
        ({"query": {"simple_query_string": {"query": "a", "fields": ["body"], "flags": "ODD"}}}, "ODD"),
        ({"query": {"match": {"body": " ".join(map(str, range(1100)))}}}, "maxClauseCount is set to 1024"),
        ({"foo": 1}, "Unknown key for a VALUE_NUMBER in [foo]"),
        ({"size": -1}, "[size] parameter cannot be negative"),
        ({"size": 10_001}, "Result window is too large"),
        ({"from": 9_999, "size": 2}, "Result window is too large"),
        ({"highlight": {"fields": {"body": {}}, "foo": 1}}, "unknown field [foo]"),
    ],
)
def test_what_is_unknown_or_malformed_is_refused(library: Index, body: dict[str, Any], part: str) -> None:
    assert part in library.refuses(**body)


def test_only_the_requested_part_of_a_document_is_returned(index_of: Callable[..., Index]) -> None:
    index = index_of({"dynamic": False, "properties": {}})
    document = {"a": {"b": 1, "c": [{"d": 2, "e": 3}]}, "text": "long", "tags": ["x"]}
    index.fill({"1": document})

    def source(wanted: Any) -> Any:
        return index.search(_source=wanted)["hits"]["hits"][0].get("_source")

    assert source(True) == document
    assert source(False) is None
    assert source("a.b") == {"a": {"b": 1}}
    assert source(["a", "tags"]) == {"a": document["a"], "tags": ["x"]}
    assert source(["a.c.e", "a.b.x"]) == {"a": {"c": [{"e": 3}]}}


def test_totals_are_exact_up_to_the_requested_number(library: Index) -> None:
    assert library.search(size=0)["hits"]["total"] == {"value": 4, "relation": "eq"}
    assert library.search(size=0, track_total_hits=3)["hits"]["total"] == {"value": 3, "relation": "gte"}
    assert library.search(size=0, track_total_hits=True)["hits"]["total"] == {"value": 4, "relation": "eq"}
    assert "total" not in library.search(size=0, track_total_hits=False)["hits"]
    assert library.client.count(index=library.name, body={"query": {"term": {"kind": "contract"}}})["count"] == 2
