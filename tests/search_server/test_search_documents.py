"""Writing, updating and deleting documents, and parsing them by a mapping."""

from collections.abc import Callable
from typing import Any

import pytest
from opensearchpy.exceptions import ConflictError, NotFoundError, RequestError

from tests.search_server.engine import Engine, Index, reason

KEYWORD = {"type": "keyword"}
MAPPING: dict[str, Any] = {
    "properties": {
        "text": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 10}}},
        "kind": KEYWORD,
        "lower": {"type": "keyword", "normalizer": "lowercase"},
        "size": {"type": "long"},
        "small": {"type": "byte"},
        "created": {"type": "date"},
        "signed": {"type": "boolean"},
        "owner": {"properties": {"name": KEYWORD}},
    }
}


@pytest.fixture
def index(index_of: Callable[..., Index]) -> Index:
    return index_of(MAPPING)


def test_the_last_write_of_a_document_counts(index: Index) -> None:
    assert index.put("1", {"kind": "memo", "size": 1})["result"] == "created"
    again = index.put("1", {"kind": "report"})
    assert (again["result"], again["_version"]) == ("updated", 2)
    index.settle()
    assert index.client.get(index=index.name, id="1")["_source"] == {"kind": "report"}
    assert index.finds({"term": {"kind": "report"}}) == {"1"}
    assert index.finds({"term": {"kind": "memo"}}) == index.finds({"exists": {"field": "size"}}) == set()


def test_create_does_not_overwrite(index: Index) -> None:
    index.create("1", {"kind": "memo"})
    with pytest.raises(ConflictError) as refused:
        index.create("1", {"kind": "report"})
    assert reason(refused.value) == "[1]: version conflict, document already exists (current version [1])"
    index.remove("1")
    assert index.create("1", {"kind": "report"})["_version"] == 3


def test_an_update_changes_only_what_it_names(index: Index) -> None:
    index.put("1", {"kind": "memo", "owner": {"name": "ann", "team": "legal"}, "size": 1})
    assert index.update("1", doc={"owner": {"name": "bob"}, "size": None})["result"] == "updated"
    index.settle()
    assert index.client.get(index=index.name, id="1")["_source"] == {
        "kind": "memo",
        "owner": {"name": "bob", "team": "legal"},
        "size": None,
    }
    assert index.finds({"term": {"owner.name": "bob"}}) == {"1"}
    same = index.update("1", doc={"kind": "memo"})
    assert (same["result"], same["_version"]) == ("noop", 2)


def test_an_update_of_a_missing_document_is_refused(index: Index) -> None:
    with pytest.raises(NotFoundError) as refused:
        index.update("1", doc={"kind": "memo"})
    assert reason(refused.value) == "[1]: document missing"


def test_a_deleted_document_is_not_found(index: Index) -> None:
    index.fill({"1": {"kind": "memo"}, "2": {"kind": "memo"}})
    assert index.remove("1")["result"] == "deleted"
    with pytest.raises(NotFoundError) as missing:
        index.remove("nobody")
    info: Any = missing.value.info
    assert info["result"] == "not_found"
    index.settle()
    assert index.finds({"match_all": {}}) == {"2"}
    assert not index.client.exists(index=index.name, id="1")
    with pytest.raises(NotFoundError):
        index.client.get(index=index.name, id="1")


def test_each_item_of_a_bulk_succeeds_or_fails_by_itself(index: Index) -> None:
    answer = index.bulk(
        {"index": {"_id": "1"}},
        {"kind": "memo"},
        {"create": {"_id": "1"}},
        {"kind": "report"},
        {"index": {"_id": "bad"}},
        {"size": "many"},
        {"update": {"_id": "1"}},
        {"doc": {"size": 3}},
        {"update": {"_id": "nobody"}},
        {"doc": {"size": 3}},
        {"index": {"_id": "2"}},
        {"kind": "memo"},
        {"delete": {"_id": "2"}},
        {"delete": {"_id": "nobody"}},
    )
    outcomes = [next(iter(item.values())) for item in answer["items"]]
    assert answer["errors"] is True
    assert [outcome["status"] for outcome in outcomes] == [201, 409, 400, 200, 404, 201, 200, 404]
    assert outcomes[2]["error"]["type"] == "mapper_parsing_exception"
    index.settle()
    assert index.search()["hits"]["hits"][0]["_source"] == {"kind": "memo", "size": 3}
    assert index.finds({"match_all": {}}) == {"1"}


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ('{"index":{"_id":"1"}}\n{"kind":"memo"}', "must be terminated by a newline"),
        ('{"index":{"_id":"1"}}\n{"kind":"memo"}\n{"foo":{}}\n{}\n', "expected one of [create, delete, index, update]"),
        ('{"index":{"_id":"1","foo":1}}\n{"kind":"memo"}\n', "contains an unknown parameter [foo]"),
        ('{"index":{"_id":"1"}}\n', "no requests added"),
    ],
)
def test_a_malformed_bulk_writes_nothing(index: Index, lines: str, part: str) -> None:
    with pytest.raises(RequestError) as refused:
        index.client.transport.perform_request("POST", f"/{index.name}/_bulk", body=lines)
    assert part in reason(refused.value)
    assert not index.client.exists(index=index.name, id="1")


@pytest.mark.parametrize(
    ("document", "part"),
    [
        ({"size": "many"}, "failed to parse field [size] of type [long]"),
        ({"small": 128}, "failed to parse field [small] of type [byte]"),
        ({"created": "yesterday"}, "failed to parse field [created] of type [date]"),
        ({"created": "2024-02-30"}, "failed to parse field [created] of type [date]"),
        ({"signed": "maybe"}, "failed to parse field [signed] of type [boolean]"),
        ({"owner": "ann"}, "object mapping for [owner] tried to parse field [owner] as object"),
        ({"kind": {"a": 1}}, "failed to parse field [kind] of type [keyword]"),
    ],
)
def test_a_document_that_does_not_fit_is_refused(index: Index, document: dict[str, Any], part: str) -> None:
    with pytest.raises(RequestError) as refused:
        index.put("1", document)
    assert part in reason(refused.value)
    assert not index.client.exists(index=index.name, id="1")


def test_values_are_converted_to_the_type_of_their_field(index: Index) -> None:
    index.fill(
        {
            "1": {"size": "12", "small": 3.9, "created": 1704067200000, "signed": "true", "lower": "ÄRger"},
            "2": {
                "size": [1, 2],
                "text": "a text longer than ten",
                "signed": "",
                "created": "2024-01-01T00:00:00+02:00",
            },
        }
    )
    assert index.finds({"term": {"size": 12}}) == {"1"}
    assert index.finds({"range": {"small": {"gte": 3, "lt": 4}}}) == {"1"}
    assert index.finds({"term": {"created": "2024-01-01"}}) == {"1"}
    assert index.finds({"term": {"created": "2023-12-31T22:00:00Z"}}) == {"2"}
    assert index.finds({"term": {"signed": False}}) == {"2"}
    assert index.finds({"term": {"size": 2}}) == {"2"}
    assert index.finds({"term": {"lower": "ärGER"}}) == index.finds({"prefix": {"lower": "ÄR"}}) == {"1"}
    assert index.finds({"exists": {"field": "text"}}) == {"2"}
    assert index.finds({"exists": {"field": "text.raw"}}) == set()  # ignore_above


def test_no_phrase_crosses_from_one_value_to_the_next(index: Index) -> None:
    index.fill({"1": {"text": ["red lease", "office space"]}})
    assert index.finds({"match_phrase": {"text": "red lease"}}) == {"1"}
    assert index.finds({"match_phrase": {"text": "lease office"}}) == set()
    assert index.finds({"match_phrase": {"text": {"query": "lease office", "slop": 50}}}) == set()


def test_a_strict_mapping_refuses_new_fields(index_of: Callable[..., Index]) -> None:
    index = index_of({"dynamic": "strict", "properties": {"kind": KEYWORD, "owner": {"properties": {"name": KEYWORD}}}})
    for document, name, parent in (({"size": 1}, "size", "_doc"), ({"owner": {"age": 3}}, "age", "owner")):
        with pytest.raises(RequestError) as refused:
            index.put("1", document)
        assert reason(refused.value) == (
            f"mapping set to strict, dynamic introduction of [{name}] within [{parent}] is not allowed"
        )


def test_an_unmapped_field_is_stored_but_not_searchable(index_of: Callable[..., Index]) -> None:
    index = index_of({"dynamic": False, "properties": {"kind": KEYWORD}})
    index.fill({"1": {"kind": "memo", "size": 1}})
    assert index.search()["hits"]["hits"][0]["_source"] == {"kind": "memo", "size": 1}
    assert index.finds({"exists": {"field": "size"}}) == set()


def test_field_types_are_inferred_from_documents(index_of: Callable[..., Index]) -> None:
    index = index_of({})
    index.fill(
        {"1": {"name": "Red Lease", "size": 1, "price": 1.5, "ok": True, "day": "2024-01-01", "owner": {"age": 3}}}
    )
    guessed = index.client.indices.get_mapping(index=index.name)[index.name]["mappings"]["properties"]
    assert {name: node.get("type", "object") for name, node in guessed.items()} == {
        "name": "text",
        "size": "long",
        "price": "float",
        "ok": "boolean",
        "day": "date",
        "owner": "object",
    }
    assert guessed["name"]["fields"]["keyword"] == {"type": "keyword", "ignore_above": 256}
    assert index.finds({"match": {"name": "lease"}}) == index.finds({"term": {"name.keyword": "Red Lease"}}) == {"1"}
    assert index.finds({"range": {"owner.age": {"gt": 2}}}) == {"1"}


def test_fields_can_be_added_but_not_changed(index: Index) -> None:
    index.fill({"1": {"kind": "memo"}})
    index.client.indices.put_mapping(index=index.name, body={"properties": {"colour": KEYWORD}})
    index.fill({"2": {"colour": "red"}})
    assert index.finds({"term": {"colour": "red"}}) == {"2"}
    with pytest.raises(RequestError) as refused:
        index.client.indices.put_mapping(index=index.name, body={"properties": {"kind": {"type": "text"}}})
    assert reason(refused.value) == "mapper [kind] cannot be changed from type [keyword] to [text]"


def test_many_fields_can_be_added_at_any_time(index_of: Callable[..., Index]) -> None:
    """More fields than an index has spare columns for."""
    index = index_of({})
    index.fill({"first": {"w0": "red"}})
    index.fill({f"d{i}": {f"w{i}": "blue", f"n{i}": i} for i in range(40)})
    assert index.finds({"match": {"w0": "red"}}) == {"first"}
    assert index.finds({"term": {"n39": 39}}) == index.finds({"match": {"w39": "blue"}}) == {"d39"}


@pytest.mark.parametrize(
    ("mappings", "part"),
    [
        ({"foo": 1}, "Root mapping definition has unsupported parameters:  [foo : 1]"),
        ({"properties": {"a": {"type": "foo"}}}, "No handler for type [foo] declared on field [a]"),
        (
            {"properties": {"a": {"type": "text", "analyzer": "nope"}}},
            "analyzer [nope] has not been configured in mappings",
        ),
        (
            {"properties": {"a": {"type": "keyword", "foo": 1}}},
            "unknown parameter [foo] on mapper [a] of type [keyword]",
        ),
        ({"properties": {"a": {}}}, "No type specified for field [a]"),
    ],
)
def test_an_invalid_mapping_is_refused(index_of: Callable[..., Index], mappings: dict[str, Any], part: str) -> None:
    with pytest.raises(RequestError) as refused:
        index_of(mappings)
    assert part in reason(refused.value)


def test_an_index_is_created_once_and_described(engine: Engine, index: Index) -> None:
    assert engine.client.indices.exists(index=index.name)
    described = engine.client.indices.get(index=index.name)[index.name]
    assert described["mappings"]["properties"]["owner"] == {"properties": {"name": KEYWORD}}
    assert described["settings"]["index"]["provided_name"] == index.name
    with pytest.raises(RequestError) as refused:
        engine.client.indices.create(index=index.name)
    assert refused.value.error == "resource_already_exists_exception"
    engine.client.indices.delete(index=index.name)
    assert not engine.client.indices.exists(index=index.name)
    with pytest.raises(NotFoundError) as missing:
        index.search()
    assert reason(missing.value) == f"no such index [{index.name}]"


@pytest.mark.parametrize(
    ("name", "part"), [("UPPER", "must be lowercase"), ("_hidden", "must not start with"), ("a*b", "must not contain")]
)
def test_an_invalid_index_name_is_refused(engine: Engine, name: str, part: str) -> None:
    with pytest.raises(RequestError) as refused:
        engine.client.indices.create(index=name)
    assert part in reason(refused.value)


ANALYZERS = {
    "analysis": {
        "analyzer": {
            "plain": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "asciifolding", "few"]},
            "parts": {"type": "custom", "char_filter": ["joints"], "tokenizer": "standard", "filter": ["lowercase"]},
        },
        "char_filter": {"joints": {"type": "mapping", "mappings": [". => \\u0020", "_=>-", "ß => s"]}},
        "filter": {"few": {"type": "stop", "stopwords": ["el", "la"]}},
    }
}


@pytest.mark.parametrize(
    ("analyzer", "text", "terms"),
    [
        ("standard", "Don't use foo.bar 3.14, O’Neil's x_1!", ["don't", "use", "foo.bar", "3.14", "o’neil's", "x_1"]),
        ("standard", "naïve ÜBER Straße", ["naïve", "über", "straße"]),
        ("standard", "日本語 ひらが カタカナ 한국어", ["日", "本", "語", "ひ", "ら", "が", "カタカナ", "한국어"]),
        ("standard", "a" * 300, ["a" * 255, "a" * 45]),
        ("english", "The parties' obligations: running the generously organized meetings", [
            "parti", "oblig", "run", "gener", "organ", "meet"
        ]),
        ("english", "Supplier’s flies died happily", ["supplier", "fli", "di", "happili"]),
        ("keyword", "Red Lease", ["Red Lease"]),
        ("plain", "El Café de la Crème", ["cafe", "de", "creme"]),
        ("parts", "Foo.bar_BAZ Straße. _x", ["foo", "bar", "baz", "strase", "x"]),
    ],
)  # fmt: skip
def test_analyzers_split_texts_into_terms(
    index_of: Callable[..., Index], analyzer: str, text: str, terms: list[str]
) -> None:
    index = index_of({"properties": {}}, ANALYZERS)
    tokens = index.client.indices.analyze(index=index.name, body={"analyzer": analyzer, "text": text})["tokens"]
    assert [token["token"] for token in tokens] == terms
    assert all(text[token["start_offset"] : token["end_offset"]] for token in tokens)


def test_removed_words_keep_their_positions(index_of: Callable[..., Index]) -> None:
    index = index_of({"properties": {}})
    tokens = index.client.indices.analyze(index=index.name, body={"analyzer": "english", "text": "end of the lease"})[
        "tokens"
    ]
    assert [(token["token"], token["position"]) for token in tokens] == [("end", 0), ("leas", 3)]
