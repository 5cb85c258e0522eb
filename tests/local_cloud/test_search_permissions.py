"""What requests to a collection need, and what data access policies grant."""

from __future__ import annotations

import json

import pytest

from local.cloud import opensearch_requests
from local.cloud.search_permissions import Needed, granted, needed
from local.search_paths import segments
from local.search_server.api.routes import Request

READ, WRITE, DESCRIBE = "ReadDocument", "WriteDocument", "DescribeIndex"


@pytest.mark.parametrize(
    ("method", "path", "permission", "index"),
    [
        ("PUT", "books", "CreateIndex", "books"),
        ("HEAD", "books", DESCRIBE, "books"),
        ("GET", "books", DESCRIBE, "books"),
        ("DELETE", "books", "DeleteIndex", "books"),
        ("GET", "books/_mapping", DESCRIBE, "books"),
        ("PUT", "books/_mapping", "UpdateIndex", "books"),
        ("PUT", "books/_settings", "UpdateIndex", "books"),
        ("PUT", "books/_doc/1", WRITE, "books"),
        ("POST", "books/_update/1", WRITE, "books"),
        ("DELETE", "books/_doc/1", WRITE, "books"),
        ("GET", "books/_doc/1", READ, "books"),
        ("HEAD", "books/_doc/1", READ, "books"),
        ("POST", "books/_search", READ, "books"),
        ("GET", "books/_count", READ, "books"),
        ("POST", "books/_msearch", READ, "books"),
        ("POST", "books/_delete_by_query", WRITE, "books"),
        ("POST", "_search", READ, "*"),
        ("GET", "_cat/indices", DESCRIBE, "*"),
        ("GET", "%62ooks", DESCRIBE, "books"),
        ("GET", "%5Fcat/indices", DESCRIBE, "*"),
        ("PUT", "books//_mapping", "UpdateIndex", "books"),
        ("PUT", "//books///_mapping/", "UpdateIndex", "books"),
        ("PUT", "books/_mapping#/x", "UpdateIndex", "books"),
        ("DELETE", "books//", "DeleteIndex", "books"),
        ("DELETE", "books#/_doc/1", "DeleteIndex", "books"),
    ],
)
def test_requests_about_an_index(method: str, path: str, permission: str, index: str) -> None:
    assert needed(method, path, b"") == [Needed("index", permission, index)]


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("POST", "_aliases", "CreateCollectionItems"),
        ("PUT", "books/_alias/x", "CreateCollectionItems"),
        ("GET", "_alias", "DescribeCollectionItems"),
        ("DELETE", "_index_template/x", "DeleteCollectionItems"),
        ("POST", "_search/scroll", "ReadDocument"),
        ("GET", "_cluster/health", "DescribeCollectionItems"),
    ],
)
def test_requests_about_the_collection(method: str, path: str, permission: str) -> None:
    assert [want.permission for want in needed(method, path, b"")] == [permission]


@pytest.mark.parametrize(
    "path", ["b/_mapping", "b//_mapping", "/b/_mapping/", "b/_mapping#/x", "b/_mapping?a=/x", "b:x/_doc"]
)
def test_what_checks_a_request_and_what_serves_it_read_one_path(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    target = f"/own/{path}"
    assert Request("PUT", target, b"").parts == ["own", *segments(path)]
    to_node = segments(opensearch_requests.to_node(target, b"")[0])
    assert to_node == [opensearch_requests.prefix_of("own") + segments(path)[0], *segments(path)[1:]]


def test_several_indexes_need_a_permission_each() -> None:
    assert {want.name for want in needed("POST", "a,b/_search", b"")} == {"a", "b"}
    bulk = b'{"index": {"_index": "a", "_id": "1"}}\n{"x": 1}\n{"delete": {"_index": "b", "_id": "1"}}\n'
    assert {(want.permission, want.name) for want in needed("POST", "_bulk", bulk)} == {(WRITE, "a"), (WRITE, "b")}
    assert {want.name for want in needed("POST", "_msearch", b'{"index": "a"}\n{}\n')} == {"a"}
    assert {want.name for want in needed("POST", "_mget", b'{"docs": [{"_index": "a", "_id": "1"}]}')} == {"a"}
    for unnamed in (b"", b"{}\n{}", b"not json", b"[1]", b'{"index": {}}'):
        assert {want.name for want in needed("POST", "_bulk", unnamed)} == {"*"}


def test_a_policy_grants_what_it_names_to_whom_it_names() -> None:
    rules = [
        {"ResourceType": "index", "Resource": ["index/own-t*/docs*"], "Permission": ["aoss:ReadDocument"]},
        {"ResourceType": "collection", "Resource": ["collection/own-t*"], "Permission": ["aoss:*"]},
    ]
    policies = [json.dumps([{"Rules": rules, "Principal": ["role/a"]}])]
    assert granted(policies, "role/a", "own-t1", Needed("index", READ, "docs"))
    assert granted(policies, "role/a", "own-t1", Needed("collection", "CreateCollectionItems"))
    for who, collection, want in (
        ("role/b", "own-t1", Needed("index", READ, "docs")),
        ("role/a", "own-x1", Needed("index", READ, "docs")),
        ("role/a", "own-t1", Needed("index", READ, "other")),
        ("role/a", "own-t1", Needed("index", READ, "*")),
        ("role/a", "own-t1", Needed("index", WRITE, "docs")),
        ("role/a", "own-x1", Needed("collection", "DescribeCollectionItems")),
    ):
        assert not granted(policies, who, collection, want)
