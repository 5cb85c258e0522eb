"""Differences of OpenSearch Serverless from OpenSearch: refusals, late visibility, zeros, collections."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError, RequestError

from tests.search_server.engine import SearchServer, reason, wait_until

DOCUMENT = {"kind": "memo"}


@pytest.fixture
def client(server: SearchServer) -> Iterator[OpenSearch]:
    made = server.client("refusals")
    made.indices.create(index="library", body={"mappings": {"properties": {"kind": {"type": "keyword"}}}})
    yield made
    made.indices.delete(index="library")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/library/_refresh"),
        ("POST", "/_refresh"),
        ("POST", "/library/_delete_by_query"),
        ("POST", "/library/_update_by_query"),
        ("POST", "/_reindex"),
        ("POST", "/library/_search?scroll=1m"),
        ("POST", "/_search/scroll"),
        ("GET", "/_cluster/health"),
        ("GET", "/_nodes"),
        ("GET", "/_tasks"),
        ("GET", "/_cat/health"),
        ("GET", "/_cat/shards"),
        ("GET", "/library/_stats"),
        ("POST", "/library/_close"),
        ("POST", "/library/_open"),
        ("POST", "/library/_flush"),
        ("POST", "/library/_forcemerge"),
        ("PUT", "/_snapshot/x"),
        ("GET", "/_template"),
        ("GET", "/library/_termvectors/1"),
        ("POST", "/_scripts/x"),
        ("PUT", "/_bulk"),
        ("POST", "/library/_doc/1"),
        ("GET", "/library/_odd"),
    ],
)
def test_an_operation_that_serverless_lacks_gets_an_empty_404(
    server: SearchServer, client: OpenSearch, method: str, path: str
) -> None:
    answer = requests.request(method, f"http://127.0.0.1:{server.port}/refusals{path}", json={}, timeout=10)
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("refresh", ["true", "", "wait_for"])
@pytest.mark.parametrize("write", ["index", "create", "update", "delete", "bulk"])
def test_a_write_cannot_ask_for_a_refresh(client: OpenSearch, write: str, refresh: str) -> None:
    client.index(index="library", id="1", body=DOCUMENT)
    calls: dict[str, Callable[[], Any]] = {
        "index": lambda: client.index(index="library", id="1", body=DOCUMENT, refresh=refresh),
        "create": lambda: client.create(index="library", id="2", body=DOCUMENT, refresh=refresh),
        "update": lambda: client.update(index="library", id="1", body={"doc": DOCUMENT}, refresh=refresh),
        "delete": lambda: client.delete(index="library", id="1", refresh=refresh),
        "bulk": lambda: client.bulk(index="library", body=[{"delete": {"_id": "1"}}], refresh=refresh),
    }
    with pytest.raises(RequestError) as refused:
        calls[write]()
    assert refused.value.error == "status_exception"
    assert reason(refused.value) == f"{refresh or 'true'} refresh policy is not supported."


def test_a_write_can_decline_a_refresh(client: OpenSearch) -> None:
    assert client.index(index="library", id="1", body=DOCUMENT, refresh="false")["result"] == "created"


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.index(index="library", id="1", body=DOCUMENT, routing="x"),
        lambda c: c.index(index="library", id="1", body=DOCUMENT, if_seq_no=0, if_primary_term=1),
        lambda c: c.index(index="library", id="1", body=DOCUMENT, version=3, version_type="external"),
        lambda c: c.index(index="library", id="1", body=DOCUMENT, pipeline="x"),
        lambda c: c.indices.delete(index="library", params={"master_timeout": "1s"}),
        lambda c: c.indices.delete(index="libr*"),
        lambda c: c.search(index="library", body={}, preference="x"),
        lambda c: c.search(index="library", body={}, q="memo"),
        lambda c: c.search(index="library", body={}, params={"size": 1}),
        lambda c: c.search(index="library", body={}, params={"_source": "kind"}),
        lambda c: c.search(index="library", body={}, params={"pretty": "true"}),
        lambda c: c.search(index="library", body={"_source": ["k*"]}),
        lambda c: c.search(index="library", body={"_source": {"excludes": ["kind"]}}),
        lambda c: c.search(index="library", body={"explain": True}),
        lambda c: c.search(index="library", body={"post_filter": {"match_all": {}}}),
        lambda c: c.search(index="library,other", body={}),
        lambda c: c.search(body={}),
        lambda c: c.msearch(body=[{"index": "library"}, {}]),
        lambda c: c.create_pit(index="library", keep_alive="1m"),
        lambda c: c.search(index="library", body={"query": {"regexp": {"kind": "m.*"}}}),
        lambda c: c.search(index="library", body={"query": {"function_score": {}}}),
        lambda c: c.search(index="library", body={"query": {"query_string": {"query": "kind:memo"}}}),
        lambda c: c.search(index="library", body={"query": {"range": {"kind": {"gte": "a"}}}}),
        lambda c: c.search(index="library", body={"query": {"multi_match": {"query": "a", "fields": ["k*"]}}}),
        lambda c: c.search(
            index="library", body={"query": {"multi_match": {"query": "a", "fields": ["kind"], "type": "cross_fields"}}}
        ),
        lambda c: c.search(index="library", body={"aggs": {"a": {"top_hits": {}}}}),
        lambda c: c.search(index="library", body={"highlight": {"type": "fvh", "fields": {"kind": {}}}}),
        lambda c: c.search(index="library", body={"highlight": {"order": "score", "fields": {"kind": {}}}}),
        lambda c: c.search(index="library", body={"sort": [{"kind": {"order": "asc", "nested": {}}}]}),
        lambda c: c.search(index="library", body={"sort": [{"kind": {"order": "asc", "mode": "min"}}]}),
        lambda c: c.search(index="library", body={"sort": ["kind", "_score"]}),
        lambda c: c.index(index="library", body=DOCUMENT),
        lambda c: c.index(index="library", id="1", body=DOCUMENT, op_type="create"),
        lambda c: c.index(index="library", id="1", body=DOCUMENT, wait_for_active_shards="1"),
        lambda c: c.bulk(index="library", body=[{"index": {}}, DOCUMENT]),
        lambda c: c.bulk(index="library", body=[{"update": {"_id": "1", "retry_on_conflict": 1}}, {"doc": DOCUMENT}]),
        lambda c: c.get(index="library", id="1", _source="kind"),
        lambda c: c.mget(index="library", body={"ids": ["1"]}),
        lambda c: c.mget(body={"docs": [{"_index": "library", "_id": "1"}]}),
        lambda c: c.cat.indices(format="json"),
        lambda c: c.update(index="library", id="1", body={"script": "x"}),
        lambda c: c.update(index="library", id="1", body={"doc": DOCUMENT, "doc_as_upsert": True}),
        lambda c: c.update(index="library", id="1", body={"doc": DOCUMENT, "upsert": DOCUMENT}),
        lambda c: c.update(index="library", id="1", body={"doc": DOCUMENT, "detect_noop": False}),
        lambda c: c.update(index="library", id="1", body={"doc": DOCUMENT}, retry_on_conflict=1),
        lambda c: c.indices.put_alias(index="library", name="books"),
        lambda c: c.indices.create(index="new", body={"mappings": {"properties": {"a": {"type": "nested"}}}}),
        lambda c: c.indices.create(
            index="new", body={"mappings": {"properties": {"a": {"type": "text", "copy_to": "b"}}}}
        ),
        lambda c: c.indices.create(index="new", body={"mappings": {"dynamic_templates": []}}),
        lambda c: c.indices.create(index="new", body={"settings": {"index.knn": True}}),
        lambda c: c.indices.create(
            index="new", body={"settings": {"analysis": {"analyzer": {"a": {"tokenizer": "ngram"}}}}}
        ),
        lambda c: c.indices.create(
            index="new", body={"settings": {"analysis": {"char_filter": {"a": {"type": "html_strip"}}}}}
        ),
        lambda c: c.indices.create(
            index="new",
            body={"settings": {"analysis": {"char_filter": {"a": {"type": "mapping", "mappings": ["ph => f"]}}}}},
        ),
    ],
)
def test_what_serverless_offers_and_this_server_does_not_is_refused_by_name(
    client: OpenSearch, call: Callable[[OpenSearch], Any]
) -> None:
    with pytest.raises(RequestError) as refused:
        call(client)
    assert "is not offered by the local search server" in reason(refused.value)


WORDS = {"query": "memo", "fields": ["kind"], "flags": "PHRASE|NOT|WHITESPACE"}


@pytest.mark.parametrize(
    "options",
    [
        {"query": "memo", "fields": ["kind"]},  # all flags
        WORDS | {"flags": "ALL"},
        WORDS | {"flags": -1},
        WORDS | {"flags": "PHRASE|NOT"},
        WORDS | {"flags": "PHRASE|NOT|WHITESPACE|PREFIX"},
        WORDS | {"minimum_should_match": 2},
        WORDS | {"lenient": True},
        WORDS | {"analyzer": "standard"},
        {"query": "memo", "flags": "PHRASE|NOT|WHITESPACE"},  # all fields
    ],
)
def test_more_of_simple_query_string_than_the_product_sends_is_refused(
    client: OpenSearch, options: dict[str, Any]
) -> None:
    with pytest.raises(RequestError) as refused:
        client.search(index="library", body={"query": {"simple_query_string": options}})
    assert refused.value.status_code == 400
    assert "is not offered by the local search server" in reason(refused.value)


def test_unknown_parameters_and_settings_are_refused(client: OpenSearch) -> None:
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: client.search(index="library", body={}, params={"foo": 1}), "unrecognized parameter: [foo]"),
        (lambda: client.indices.create(index="new", body={"settings": {"foo": 1}}), "unknown setting [index.foo]"),
        (lambda: client.indices.create(index="new", body={"foo": 1}), "unknown key [foo] for create index"),
    ]
    for call, part in calls:
        with pytest.raises(RequestError) as refused:
            call()
        assert part in reason(refused.value)
    assert not client.indices.exists(index="new")


def test_a_sort_by_id_is_refused(client: OpenSearch) -> None:
    with pytest.raises(RequestError) as refused:
        client.search(index="library", body={"sort": ["_id"]})
    assert "Fielddata access on the _id field is disallowed" in reason(refused.value)


def test_shards_and_sequence_numbers_are_zero(client: OpenSearch) -> None:
    written = client.index(index="library", id="1", body=DOCUMENT)
    assert written["_shards"] == {"total": 0, "successful": 0, "failed": 0}
    assert (written["_seq_no"], written["_primary_term"]) == (0, 0)
    assert client.search(index="library", body={})["_shards"]["total"] == 0


def test_a_write_becomes_visible_after_its_response(fresh_server: Callable[..., SearchServer]) -> None:
    client = fresh_server(refresh_seconds=2).client()
    client.indices.create(index="library")
    client.index(index="library", id="1", body={"kind": "memo"})
    assert client.count(index="library")["count"] == 0
    assert not client.exists(index="library", id="1"), "a get sees no more than a search"
    assert client.update(index="library", id="1", body={"doc": {"size": 1}})["_version"] == 2, (
        "a write sees every write"
    )
    wait_until(lambda: client.count(index="library")["count"] == 1)
    client.index(index="library", id="1", body={"kind": "report"})
    assert client.get(index="library", id="1")["_source"] == {"kind": "memo", "size": 1}
    assert client.search(index="library")["hits"]["hits"][0]["_source"] == {"kind": "memo", "size": 1}
    client.delete(index="library", id="1")
    assert client.exists(index="library", id="1")
    wait_until(lambda: not client.exists(index="library", id="1"))
    assert client.count(index="library")["count"] == 0


def test_collections_are_separate(server: SearchServer) -> None:
    one, two = server.client("collection1"), server.client("collection2")
    one.index(index="library", id="1", body={"kind": "memo"})
    wait_until(lambda: one.count(index="library")["count"] == 1)
    with pytest.raises(NotFoundError):
        two.search(index="library")
    two.index(index="library", id="1", body={"kind": "report"})
    wait_until(lambda: two.count(index="library")["count"] == 1)
    assert one.search(index="library")["hits"]["hits"][0]["_source"] == {"kind": "memo"}
    two.indices.delete(index="library")
    assert one.count(index="library")["count"] == 1
    assert not two.indices.exists(index="library")


@pytest.mark.parametrize("collection", ["..", "UPPER", "a_b", "x" * 41])
def test_a_collection_id_consists_of_lower_case_letters_and_digits(server: SearchServer, collection: str) -> None:
    url = f"http://127.0.0.1:{server.port}/{quote(collection, safe='')}/library"
    assert requests.put(url, timeout=10).status_code in (400, 404)
    assert requests.get(url, timeout=10).status_code == 404
