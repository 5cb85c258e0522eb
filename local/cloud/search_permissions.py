"""The permissions that a request to a collection needs in its data access policies, and those that the policies grant
(docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-genref.html, "Supported OpenSearch API operations and
permissions")."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from local.search_paths import segments

_READ = ("GET", "HEAD")
_QUERIES = (
    "_search",
    "_count",
    "_msearch",
    "_mget",
    "_explain",
    "_validate",
    "_field_caps",
    "_termvectors",
    "_analyze",
)
_ITEMS = ("_alias", "_aliases", "_index_template", "_component_template", "_template")
_ABOUT_INDEX = ("_mapping", "_mappings", "_settings", "_stats")


class Needed(NamedTuple):
    """``kind``: 'index' or 'collection'. ``name``: the index, or ''."""

    kind: str
    permission: str
    name: str = ""


def needed(method: str, path: str, body: bytes) -> list[Needed]:
    """What a request needs; ``path`` is the part after the collection. A path that is about no index, and that the table does
    not know, needs the permission to describe the collection: the search server then says that there is no such operation."""
    first, second = [*segments(path), "", ""][:2]
    if not first.startswith("_"):
        if second in _ITEMS:
            return [Needed("collection", _items(method))]
        return [Needed("index", _of_index(method, second), name) for name in first.split(",")]
    if first in _ITEMS:
        return [Needed("collection", _items(method))]
    if first == "_bulk":
        return [Needed("index", "WriteDocument", name) for name in _named(body)]
    if first in ("_msearch", "_mget"):
        return [Needed("index", "ReadDocument", name) for name in _named(body)]
    if first in _QUERIES:
        return [Needed("index", "ReadDocument", "*")]
    if first == "_cat":
        return [Needed("index", "DescribeIndex", "*")]
    return [Needed("collection", "DescribeCollectionItems")]


def granted(policies: Iterable[Any], principal: str, collection: str, want: Needed) -> bool:
    """Whether one of the data access ``policies`` grants it to the principal."""
    asked = f"{want.kind}/{collection}" + (f"/{want.name}" if want.kind == "index" else "")
    for policy in policies:
        for entry in json.loads(policy) if isinstance(policy, str) else policy:
            if principal not in entry["Principal"]:
                continue
            for rule in entry["Rules"]:
                allowed = rule["ResourceType"] == want.kind and {"aoss:*", f"aoss:{want.permission}"} & set(
                    rule["Permission"]
                )
                if allowed and any(fnmatch.fnmatchcase(asked, each) for each in rule["Resource"]):
                    return True
    return False


def _of_index(method: str, operation: str) -> str:
    if not operation:
        return {"PUT": "CreateIndex", "DELETE": "DeleteIndex"}.get(method, "DescribeIndex")
    if operation in _QUERIES:
        return "ReadDocument"
    if operation in _ABOUT_INDEX:
        return "DescribeIndex" if method in _READ else "UpdateIndex"
    return "ReadDocument" if method in _READ else "WriteDocument"


def _items(method: str) -> str:
    kind = {"GET": "Describe", "HEAD": "Describe", "DELETE": "Delete"}.get(method, "Create")
    return f"{kind}CollectionItems"


def _named(body: bytes) -> set[str]:
    """The indexes that the lines of a body name. One of them that names none is about all."""
    return {str(name) for name in _indexes(body)} or {"*"}


def _indexes(body: bytes) -> Iterator[Any]:
    for line in body.splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue  # the search server refuses it
        if not isinstance(found, dict):
            continue
        for each in (found, *found.values(), *(found.get("docs") or ())):
            if isinstance(each, dict):
                for key in ("_index", "index"):
                    if isinstance(each.get(key), str):
                        yield each[key]
