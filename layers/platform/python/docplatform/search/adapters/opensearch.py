"""The search entries of one tenant, in the tenant's own OpenSearch Serverless collection.

Every query of a user is built in ``_query``, which adds the filters for the tenant and for the readable nodes. An entry's id is the
tenant's id and the document's id, so a repeated write changes nothing, and no document's id alone names an entry.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from opensearchpy import OpenSearch, Transport, Urllib3AWSV4SignerAuth, Urllib3HttpConnection
from opensearchpy.exceptions import AuthorizationException, NotFoundError, RequestError, TransportError
from opensearchpy.exceptions import ConnectionError as NoConnection

from docplatform.core import cursors, ids
from docplatform.core.errors import InvalidCursor, Unavailable
from docplatform.core.isolation import AttemptKind, Source, dropped, note_attempt
from docplatform.core.time import rfc3339
from docplatform.infra.circuit_breaker import CircuitBreaker, CircuitOpen
from docplatform.infra.tenant_bound import TenantBound
from docplatform.library.access import IndexedPermissions
from docplatform.library.model import Document
from docplatform.search.adapters.index_mapping import MAPPING
from docplatform.search.errors import InvalidQuery
from docplatform.search.model import MARK_OFF, MARK_ON, Candidate, IndexHits, PermissionFilter, SearchQuery
from docplatform.search.normal_form import name_key, normal_form, with_phrases

INDEX = "documents-2"
"""The number grows with the mapping, which cannot be changed in place."""
FORMER = ("documents",)
"""Indexes of earlier versions. Nothing is written there; what is deleted is deleted there too."""

_HIGHLIGHTED = 1_000_000
"""Characters of a text in which matches are marked. Without this limit, a longer text that matches makes the whole search fail
(index.highlight.max_analyzed_offset, docs.opensearch.org/latest/search-plugins/searching-data/highlight)."""
_EXACT = 1_000
"""The score of a document whose whole name is the query: above what words score."""
_FIELDS = ["name^3", "title^2", "author", "text"]
_MOST_TEXT = 2_000_000  # searchable characters per document; OpenSearch Serverless allows requests of 10 MiB


class _Connection(Urllib3HttpConnection):
    def perform_request(self, *given: Any, **more: Any) -> Any:
        """One request. It reports a denial, as ``infra/guarded_client.py`` does for AWS's other services."""
        try:
            return super().perform_request(*given, **more)
        except AuthorizationException:  # 403
            note_attempt(AttemptKind.ACCESS_DENIED)
            raise


def connect(endpoint: str, credentials: Any, region: str, transport: type[Transport] = Transport) -> OpenSearch:
    """A client that signs requests with the tenant's credentials (SigV4, service ``aoss``). ``endpoint`` is a URL; it
    may have a path."""
    scheme, _, rest = endpoint.partition("://")
    authority, _, prefix = rest.partition("/")
    host, _, port = authority.partition(":")
    return OpenSearch(
        hosts=[{"host": host, "port": int(port or 443), "scheme": scheme, "url_prefix": prefix}],
        http_auth=Urllib3AWSV4SignerAuth(credentials, region, "aoss"),
        use_ssl=scheme == "https",
        verify_certs=True,
        transport_class=transport,
        connection_class=_Connection,
        pool_maxsize=10,
        timeout=30,
        max_retries=2,
        retry_on_timeout=True,
    )


class TenantIndex(TenantBound[OpenSearch]):
    """``endpoint``: the URL of the tenant's collection."""

    def __init__(self, client: OpenSearch, endpoint: str, tenant_id: str) -> None:
        super().__init__(client, tenant_id)
        self._endpoint = endpoint

    # -- entries
    def put(self, document: Document, text: str, permissions: IndexedPermissions) -> None:
        """Raises Unavailable."""
        _ensure_index(self._endpoint, self._client)
        entry = {**_metadata(self._tenant_id, document, permissions), "text": _searchable(text)[:_MOST_TEXT]}
        with _answering():
            self._client.index(index=INDEX, id=self._entry(document.id), body=entry)

    def update_metadata(self, document: Document, permissions: IndexedPermissions) -> bool:
        """Raises Unavailable."""
        _ensure_index(self._endpoint, self._client)
        body = {"doc": _metadata(self._tenant_id, document, permissions)}
        try:
            with _answering():
                self._client.update(index=INDEX, id=self._entry(document.id), body=body)
        except NotFoundError:
            return False
        return True

    def remove(self, document_id: str) -> None:
        """Deletes an entry. Searches may find it for some seconds: ``left`` tells. Raises Unavailable."""
        for index in (INDEX, *FORMER):
            try:
                with _answering():
                    self._client.delete(index=index, id=self._entry(document_id))
            except NotFoundError:
                continue

    def left(self, document_ids: Collection[str]) -> set[str]:
        """Those of the tenant's documents that a search can still find. Raises Unavailable."""
        wanted = sorted(document_ids)
        own = [{"term": {"tenant_id": self._tenant_id}}, {"terms": {"document_id": wanted}}]
        body = {
            "query": {"bool": {"filter": own}},
            "size": len(wanted),
            "sort": [{"document_id": "asc"}],
            "_source": False,
        }
        found: set[str] = set()
        for index in (INDEX, *FORMER):
            try:
                answer = self._client.search(index=index, body=body)
            except NotFoundError:  # an index is made with its first entry
                continue
            except (NoConnection, TransportError) as error:
                raise Unavailable("The search does not answer; try again in a moment.") from error
            found |= {hit["sort"][0] for hit in answer["hits"]["hits"]}
        return found

    def _entry(self, document_id: str) -> str:
        """The id of a document's entry. A dot needs no escaping in a URL, and is in no id."""
        return f"{self._tenant_id}.{document_id}"

    # -- queries
    def search(self, query: SearchQuery) -> IndexHits:
        body: dict[str, Any] = {
            "query": self._query(query),
            "size": query.limit,
            "sort": [{"_score": "desc"}, {"document_id": "asc"}],
            "_source": False,
            "track_total_hits": False,  # it would count what the actor may no longer read
            "timeout": f"{query.seconds}s",
            "highlight": {
                "pre_tags": [MARK_ON],
                "post_tags": [MARK_OFF],
                "fields": {
                    "text": {"fragment_size": 160, "number_of_fragments": 3, "max_analyzer_offset": _HIGHLIGHTED},
                    "name": {"number_of_fragments": 0},
                    "title": {"number_of_fragments": 0},
                },
            },
        }
        if query.cursor:
            body["search_after"] = _search_after(query.cursor)
        try:
            answer = self._asked(body, query.seconds + 5)
        except RequestError as error:
            raise InvalidQuery("The search engine does not understand this query; use plainer words.") from error
        except NotFoundError:  # the index is made with the first entry
            return IndexHits((), "")
        except (NoConnection, TransportError, CircuitOpen) as error:
            raise Unavailable("The search does not answer; try again in a moment.") from error
        found = answer["hits"]["hits"]
        return IndexHits(
            hits=tuple(
                Candidate(
                    hit["sort"][1],
                    hit["sort"][0],
                    {name: tuple(parts) for name, parts in hit.get("highlight", {}).items()},
                    _cursor_after(hit),
                )
                for hit in found
                if self._is_own(hit)
            ),
            next_cursor=_cursor_after(found[-1]) if len(found) == query.limit else "",
        )

    def _asked(self, body: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer to a query. A collection that does not answer is not asked for a while. Raises CircuitOpen, and the client's
        errors."""
        breaker = _breaker(self._endpoint)
        breaker.check()
        try:
            answer: dict[str, Any] = self._client.search(index=INDEX, body=body, request_timeout=seconds)
        except (NoConnection, TransportError) as error:
            if _is_stalled(error):
                breaker.failed()
            else:
                breaker.succeeded()  # it has answered
            raise
        breaker.succeeded()
        return answer

    def _is_own(self, hit: dict[str, Any]) -> bool:
        own = bool(hit["_id"] == self._entry(hit["sort"][1]))
        if not own:
            dropped(Source.SEARCH)
        return own

    def _query(self, query: SearchQuery) -> dict[str, Any]:
        """The only kind of query: the words, or the whole name, limited to this tenant and to what the user may read."""
        words = {
            "simple_query_string": {
                "query": with_phrases(query.words),
                "fields": _FIELDS,
                "default_operator": "and",
                "flags": "PHRASE|NOT|WHITESPACE",
            }
        }
        whole_name = {"constant_score": {"filter": {"term": {"name_key": name_key(query.words)}}, "boost": _EXACT}}
        return {
            "bool": {
                "must": [{"bool": {"should": [words, whole_name], "minimum_should_match": 1}}],
                "filter": [
                    {"term": {"tenant_id": self._tenant_id}},
                    *_readable(query.permission_filter),
                ],
            }
        }


def _readable(permission_filter: PermissionFilter | None) -> list[dict[str, Any]]:
    if permission_filter is None:
        return []
    granted, own = (
        {"terms": {"nodes": sorted(permission_filter.nodes)}},
        {"term": {"owners": permission_filter.user_id}},
    )
    return [{"bool": {"should": [granted, own], "minimum_should_match": 1}}]


def _metadata(tenant_id: str, document: Document, permissions: IndexedPermissions) -> dict[str, Any]:
    version = document.version
    return {
        "tenant_id": tenant_id,
        "document_id": document.id,
        "version_id": version.id,
        "nodes": list(permissions.nodes),
        "owners": list(permissions.owners),
        "name": _searchable(document.name),
        "name_key": name_key(document.name),
        "title": _searchable(version.title),
        "author": _searchable(version.author),
        "content_type": version.content_type,
        "file_type": version.file_type,
        "state": version.state.value,
        "owner": document.owner,
        "size": version.size,
        "created_at": rfc3339(document.created_at),
        "updated_at": rfc3339(document.updated_at),
    }


def _searchable(text: str) -> str:
    return normal_form(text).replace(MARK_ON, " ").replace(MARK_OFF, " ")


def _cursor_after(hit: dict[str, Any]) -> str:
    score, document_id = hit["sort"]
    return cursors.encode({"score": json.dumps(score), "id": document_id})


def _search_after(cursor: str) -> list[Any]:
    parts = cursors.decode(cursor)
    try:
        score = float(parts["score"])
        if set(parts) != {"score", "id"} or not ids.is_a(ids.DOCUMENT, parts["id"]) or not 0 <= score < 1e9:
            raise ValueError
    except (KeyError, ValueError) as error:
        raise InvalidCursor("Use next_cursor of an earlier page of the same search.") from error
    return [score, parts["id"]]


@lru_cache(maxsize=5_000)
def _breaker(endpoint: str) -> CircuitBreaker:
    """One for each collection in each execution environment: a tenant's collection that fails closes nobody else's search."""
    return CircuitBreaker()


def _is_stalled(error: NoConnection | TransportError) -> bool:
    """Whether the service did not answer, or answered that it cannot."""
    status = error.status_code
    return not isinstance(status, int) or status >= 500 or status == 429


@contextmanager
def _answering() -> Iterator[None]:
    """A write. Raises Unavailable if it may succeed later: the service does not answer, is busy, or another call writes the same
    entry. The refusal of an entry is raised as it is."""
    try:
        yield
    except TransportError as error:
        if _is_stalled(error) or error.status_code == 409:
            raise Unavailable("The search does not answer; try again in a moment.") from error
        raise


_READY: set[str] = set()


def _ensure_index(endpoint: str, client: OpenSearch) -> None:
    """Creates the index with its mapping, once per execution environment and collection. Without this, the first write
    would create an index with guessed types. Raises Unavailable."""
    if endpoint in _READY:
        return
    try:
        if not client.indices.exists(index=INDEX):
            client.indices.create(index=INDEX, body=MAPPING)
    except RequestError as error:
        if error.error != "resource_already_exists_exception":
            raise
    except (NoConnection, TransportError) as error:
        raise Unavailable("The search does not answer; try again in a moment.") from error
    _READY.add(endpoint)
