"""Requests to a collection that a real OpenSearch serves: how they are put to a node, which knows no collections."""

from __future__ import annotations

import json

import pytest

from local.cloud.opensearch_requests import Refused, from_node, prefix_of, to_node


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of this cloud")


@pytest.mark.parametrize(
    ("target", "moved"),
    [
        ("/c1/books", "/P-books"),
        ("/c1/books/_search?size=3&q=a%20b", "/P-books/_search?size=3&q=a%20b"),
        ("/c1/books,maps/_count", "/P-books,P-maps/_count"),
        ("/c1/b%C3%BCcher/_doc/a%2Fb%3F", "/P-b%C3%BCcher/_doc/a%2Fb%3F"),
        ("/c1/books/_update/1?refresh=false", "/P-books/_update/1?refresh=false"),
        ("/c1/_search", "/P-*/_search"),
        ("/c1/_bulk", "/_bulk"),
        ("/c1/_cat/indices?v", "/_cat/indices/P-*?v"),
    ],
)
def test_a_path_names_the_collections_own_indexes(target: str, moved: str) -> None:
    assert to_node(target, b"") == (moved.replace("P-", prefix_of("c1")), b"")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/_cluster/health",
        "/_nodes",
        "/_all/_search",
        "/*/_search",
        "/boo*/_search",
        "/books,_all/_search",
        "/books,,maps/_search",
        "/-books/_search",
        "/.system/_search",
        "/%3Cbooks-%7Bnow%7D%3E/_search",
        "/books/_refresh",
        "/books/_delete_by_query",
        "/books/_search/template",
        "/books/_search?scroll=1m",
        "/_search/scroll",
        "/_cat/health",
        "/_cat/indices/other*",
        "/_mget",
        "/_aliases",
        "/_reindex",
        "/books/nothing/1",
    ],
)
def test_a_path_that_serverless_does_not_serve_or_that_leaves_the_collection_gets_an_empty_404(path: str) -> None:
    with pytest.raises(Refused) as refused:
        to_node(f"/c1{path}", b"")
    assert (refused.value.status, refused.value.body()) == (404, b"")


@pytest.mark.parametrize(("asked", "named"), [("true", "true"), ("", "true"), ("wait_for", "wait_for")])
def test_a_write_cannot_ask_for_a_refresh(asked: str, named: str) -> None:
    with pytest.raises(Refused) as refused:
        to_node(f"/c1/books/_doc/1?refresh={asked}", b"{}")
    error = json.loads(refused.value.body())
    assert (error["status"], error["error"]["reason"]) == (400, f"{named} refresh policy is not supported.")


def test_a_body_of_more_than_ten_megabytes_is_refused() -> None:
    most = b"x" * 10 * 1024 * 1024
    assert to_node("/c1/books/_doc/1", most)[1] is most
    with pytest.raises(Refused) as refused:
        to_node("/c1/books/_doc/1", most + b"x")
    assert refused.value.status == 413


@pytest.mark.parametrize("target", ["/c1/_bulk", "/c1/books/_bulk"])
def test_the_actions_of_a_bulk_name_the_collections_own_indexes_and_its_sources_stay_as_they_are(target: str) -> None:
    lines = [
        '{"index": {"_index": "maps", "_id": "1"}}',
        '{"delete": {"_index": "a source that looks like an action"}}',
        '{"delete": {"_index": "maps", "_id": "2"}}',
        '{"create": {"_id": "3"}}',
        '{"index": {"_index": "maps"}}',
        '{"update": {"_index": "maps", "_id": "4"}}',
        '{"doc": {}}',
        "",
    ]
    _, body = to_node(target, "\n".join(lines).encode())
    moved = {0, 2, 5}
    prefix = prefix_of("c1")
    expected = [line.replace('"maps"', f'"{prefix}maps"') if at in moved else line for at, line in enumerate(lines)]
    assert body.decode().split("\n") == expected


@pytest.mark.parametrize(
    "body", [b"not JSON\n", b"[]\n{}\n", b'{"index": 3}\n{}\n', b'{"index": {"_index": 3}}\n{}\n', b"\xff\n"]
)
def test_a_bulk_that_is_malformed_is_left_to_the_node_to_refuse(body: bytes) -> None:
    assert to_node("/c1/books/_bulk", body)[1].split() == body.split()


def test_answers_have_the_names_that_the_collection_knows() -> None:
    prefix = prefix_of("c1")
    answer = f'{{"_index": "{prefix}books", "reason": "no such index [{prefix}maps]"}}'.encode()
    assert from_node("/c1/books/_search", answer) == b'{"_index": "books", "reason": "no such index [maps]"}'
    assert from_node("/c2/books/_search", answer) == answer


def test_only_the_cloud_can_compute_the_prefix_of_a_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, another = prefix_of("c1"), prefix_of("c2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of another cloud")
    assert len({mine, another, prefix_of("c1")}) == 3
