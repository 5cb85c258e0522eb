"""Routes: the operation of each path, and the refusal of every other path.

An operation that OpenSearch Serverless lacks gets an empty 404. One that only this server lacks gets a 400 with a reason.
Source: "Supported OpenSearch API operations and permissions", Amazon OpenSearch Serverless developer guide.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from local.search_paths import segments
from local.search_server import errors
from local.search_server.api import bulk_api, documents_api, indices_api, search_api
from local.search_server.index.catalog import Catalog

_SERVED_BY_AWS = [
    re.compile(pattern)
    for pattern in (
        r"_(aliases|alias|analyze|bulk|count|field_caps|index_template|component_template|mapping|mappings|mget|msearch|search)(/.*)?",
        r"_cat/(aliases|indices|templates)(/.*)?",
        r"_(data_stream|ingest|plugins|ppl|sql|resolve|validate|rank_eval)(/.*)?",
        r"_search/(point_in_time|pipeline)(/.*)?",
        r"[^_/][^/]*/_doc",
        r"[^_/][^/]*/_(alias|aliases|bulk|explain|field_caps|mget|msearch|rank_eval|search/point_in_time|settings?|source|validate)(/.*)?",
        r"[^_/][^/]*/_mappings?/.+",
    )
]
_NOT_SERVED = [re.compile(r"_search/(scroll|template)(/.*)?"), re.compile(r"_msearch/template")]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    body: bytes

    @property
    def parts(self) -> list[str]:
        return segments(self.target)

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def text(self) -> str:
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise errors.SearchError(400, "json_parse_exception", "Invalid UTF-8") from None

    def json(self) -> dict[str, Any]:
        if not self.body.strip():
            return {}
        try:
            body = json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise errors.SearchError(
                400, "json_parse_exception", f"Unexpected character or end of input: {error}"
            ) from error
        if not isinstance(body, dict):
            raise errors.parsing(
                "Expected [START_OBJECT] but found [START_ARRAY]"
                if isinstance(body, list)
                else "Expected [START_OBJECT]"
            )
        return body

    def required_text(self) -> str:
        if not self.body:
            raise errors.SearchError(400, "parse_exception", "request body is required")
        return self.text


@dataclass(frozen=True, slots=True)
class Response:
    """Status and JSON body; ``body`` None: the response is empty."""

    status: int
    body: Any


def respond(catalog: Catalog, request: Request) -> Response:
    """Runs the operation of a request. Raises Refusal."""
    parts = request.parts
    if not parts:
        raise errors.NotServed
    collection, *path = parts
    return Response(*_Operation(catalog, collection, request).run(path))


class _Operation:
    def __init__(self, catalog: Catalog, collection: str, request: Request) -> None:
        self._catalog, self._collection, self._request = catalog, collection, request
        self._method, self._parameters = request.method, request.parameters

    def run(self, path: list[str]) -> tuple[int, Any]:
        match path:
            case ["_bulk"]:
                return self._bulk(None)
            case [name] if not name.startswith("_") or self._method == "PUT":
                return self._index(name)
            case [name, "_mapping" | "_mappings"] if not name.startswith("_"):
                return self._mapping(name)
            case [name, "_search"] if not name.startswith("_"):
                return self._search(name)
            case [name, "_count"] if not name.startswith("_"):
                self._require_method("GET", "POST")
                self._check_parameters(set())
                return 200, search_api.count(self._existing_index(name), self._request.json())
            case [name, "_analyze"] if not name.startswith("_"):
                self._require_method("GET", "POST")
                self._check_parameters(set())
                return 200, search_api.analyze(self._existing_index(name), self._request.json())
            case [name, "_bulk"] if not name.startswith("_"):
                return self._bulk(name)
            case [name, "_doc", document_id] if not name.startswith("_"):
                return self._document(name, document_id)
            case [name, "_create", document_id] if not name.startswith("_"):
                self._require_method("PUT", "POST")
                self._check_write_parameters()
                text = self._request.required_text()
                index = self._catalog.find_or_create(self._collection, name)
                return documents_api.write(index, document_id, documents_api.creating(document_id, text, index))
            case [name, "_update", document_id] if not name.startswith("_"):
                self._require_method("POST")
                self._check_write_parameters()
                text, index = self._request.required_text(), self._existing_index(name)
                return documents_api.write(index, document_id, documents_api.updating(document_id, text, index))
        return self._refuse("/".join(path))

    def _refuse(self, path: str) -> tuple[int, Any]:
        if not any(each.fullmatch(path) for each in _NOT_SERVED) and any(
            each.fullmatch(path) for each in _SERVED_BY_AWS
        ):
            raise errors.not_offered(f"{self._method} /{path}")
        raise errors.NotServed

    def _existing_index(self, name: str) -> Any:
        if "," in name or "*" in name or name == "_all":
            raise errors.not_offered(f"a request to several indexes [{name}]")
        return self._catalog.find(self._collection, name)

    def _require_method(self, *methods: str) -> None:
        if self._method not in methods:
            raise errors.SearchError(
                405,
                "method_not_allowed",
                f"Incorrect HTTP method for uri [{self._request.target}] and method [{self._method}], allowed: [{', '.join(methods)}]",
            )

    def _check_parameters(self, known: set[str]) -> None:
        """Raises SearchError for every other parameter than ``known``."""
        path = urlsplit(self._request.target).path.partition("/")[2]
        for name in self._parameters:
            if name not in known:
                if name in _PARAMETERS_NOT_OFFERED:
                    raise errors.not_offered(f"parameter [{name}]")
                raise errors.illegal_argument(
                    f"request [/{path.partition('/')[2]}] contains unrecognized parameter: [{name}]"
                )

    def _check_write_parameters(self) -> None:
        refresh = self._parameters.get("refresh", "false")
        if refresh != "false":
            policy = "wait_for" if refresh == "wait_for" else "true"
            raise errors.SearchError(400, "status_exception", f"{policy} refresh policy is not supported.")
        self._check_parameters({"refresh"})

    def _index(self, name: str) -> tuple[int, Any]:
        self._require_method("GET", "HEAD", "PUT", "DELETE")
        self._check_parameters(set())
        if self._method == "PUT":
            return 200, indices_api.create(self._catalog, self._collection, name, self._request.json())
        if self._method == "DELETE":
            self._existing_index(name)
            self._catalog.delete(self._collection, name)
            return 200, {"acknowledged": True}
        return 200, indices_api.describe(self._existing_index(name))

    def _mapping(self, name: str) -> tuple[int, Any]:
        self._require_method("GET", "PUT", "POST")
        self._check_parameters(set())
        index = self._existing_index(name)
        if self._method == "GET":
            return 200, indices_api.mapping(index)
        return 200, indices_api.add_fields(index, self._request.json())

    def _document(self, name: str, document_id: str) -> tuple[int, Any]:
        if self._method == "POST":
            raise errors.NotServed  # OpenSearch Serverless has PUT only
        self._require_method("GET", "HEAD", "PUT", "DELETE")
        if self._method in ("GET", "HEAD"):
            self._check_parameters(set())
            return documents_api.get(self._existing_index(name), document_id)
        if self._method == "DELETE":
            self._check_write_parameters()
            return documents_api.write(self._existing_index(name), document_id, documents_api.deleting)
        self._check_write_parameters()
        text = self._request.required_text()
        index = self._catalog.find_or_create(self._collection, name)
        return documents_api.write(index, document_id, documents_api.indexing(text))

    def _search(self, name: str) -> tuple[int, Any]:
        self._require_method("GET", "POST")
        if "scroll" in self._parameters:
            raise errors.NotServed
        self._check_parameters(set())
        return 200, search_api.search(self._existing_index(name), self._request.json())

    def _bulk(self, name: str | None) -> tuple[int, Any]:
        if self._method != "POST":
            raise errors.NotServed  # OpenSearch Serverless has POST only
        self._check_write_parameters()
        return bulk_api.bulk(self._catalog, self._collection, name, self._request.required_text())


_PARAMETERS_NOT_OFFERED = {
    "_source", "_source_excludes", "_source_includes", "allow_no_indices", "allow_partial_search_results", "analyze_wildcard",
    "analyzer", "batched_reduce_size", "ccs_minimize_roundtrips", "cluster_manager_timeout", "default_operator", "df",
    "docvalue_fields", "error_trace", "expand_wildcards", "explain", "filter_path", "format", "from", "h", "human",
    "if_primary_term", "if_seq_no", "ignore_throttled", "ignore_unavailable", "include_type_name", "lenient", "master_timeout",
    "max_concurrent_shard_requests", "min_score", "op_type", "pipeline", "pre_filter_shard_size", "preference", "pretty", "q",
    "realtime", "refresh", "request_cache", "require_alias", "rest_total_hits_as_int", "retry_on_conflict", "routing",
    "search_pipeline", "search_type", "seq_no_primary_term", "size", "sort", "stats", "stored_fields", "suggest_field",
    "terminate_after", "timeout", "track_scores", "track_total_hits", "typed_keys", "v", "version", "version_type",
    "wait_for_active_shards", "write_index_only",
}  # fmt: skip
