"""Creating, describing and removing indexes."""

from __future__ import annotations

from typing import Any

from local.search_server import errors
from local.search_server.index.catalog import Catalog
from local.search_server.index.index import Index

_IGNORED_SETTINGS = {
    "number_of_shards",
    "number_of_replicas",
    "refresh_interval",
}  # accepted and ignored, as by OpenSearch Serverless
_SETTINGS_NOT_OFFERED = ("knn", "max_result_window", "mapping", "sort", "highlight", "query", "search", "similarity", "codec", "blocks",
                    "max_ngram_diff", "default_pipeline", "final_pipeline", "auto_expand_replicas", "hidden", "routing")  # fmt: skip


def create(catalog: Catalog, collection: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    for key in body:
        if key == "aliases":
            raise errors.not_offered("[aliases] of an index")
        if key not in ("settings", "mappings"):
            raise errors.SearchError(400, "parse_exception", f"unknown key [{key}] for create index")
    settings, mappings = body.get("settings", {}), body.get("mappings", {})
    if not isinstance(settings, dict) or not isinstance(mappings, dict):
        raise errors.SearchError(400, "parse_exception", "key [settings] and [mappings] must be objects")
    catalog.create(collection, name, _normalized_settings(settings), mappings)
    return {"acknowledged": True, "shards_acknowledged": True, "index": name}


@errors.malformed("settings")
def _normalized_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings as one tree: ``{"index": {"analysis": …}}`` and ``{"index.analysis.…": …}`` become ``{"analysis": …}``."""
    tree: dict[str, Any] = {}
    for path, value in given.items():
        _set_path(tree, path.split("."), value)
    tree = {**{key: value for key, value in tree.items() if key != "index"}, **tree.get("index", {})}
    for key in tree:
        if key in _SETTINGS_NOT_OFFERED:
            raise errors.not_offered(f"setting [index.{key}]")
        if key not in _IGNORED_SETTINGS | {"analysis"}:
            raise errors.illegal_argument(
                f"unknown setting [index.{key}] please check that any required plugins are installed, or check the breaking changes"
                " documentation for removed settings"
            )
    return tree


def _set_path(tree: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, name = path
    for parent in parents:
        tree = tree.setdefault(parent, {})
    if isinstance(value, dict) and isinstance(tree.get(name), dict):
        for key, each in value.items():
            _set_path(tree[name], [key], each)
    else:
        tree[name] = value


def describe(index: Index) -> dict[str, Any]:
    settings = {
        "creation_date": str(index.created),
        "number_of_shards": "2",
        "number_of_replicas": "0",
        "uuid": index.uuid,
        "version": {"created": "136327827"},
        "provided_name": index.name,
    }
    if "analysis" in index.settings:
        settings["analysis"] = index.settings["analysis"]
    return {index.name: {"aliases": {}, "mappings": index.mapping.json(), "settings": {"index": settings}}}


def mapping(index: Index) -> dict[str, Any]:
    return {index.name: {"mappings": index.mapping.json()}}


def add_fields(index: Index, body: dict[str, Any]) -> dict[str, Any]:
    index.add_fields(body)
    return {"acknowledged": True}
