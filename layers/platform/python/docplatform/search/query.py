"""The search use case: query the index with a permission filter, then check every hit against the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import Forbidden, InvalidCursor, Unavailable, raised_by, raises
from docplatform.library.permissions import Access
from docplatform.library.ports import Library
from docplatform.search.errors import InvalidQuery
from docplatform.search.model import MOST_IN_FILTER, Hit, Hits, IndexHits, PermissionFilter, SearchQuery, check_words


class Engine(Protocol):
    """The search index of one tenant. It never returns documents of another tenant."""

    def search(self, query: SearchQuery) -> IndexHits:
        """Raises InvalidQuery, InvalidCursor, Unavailable."""


class SearchService:
    def __init__(self, actor: Actor, library: Library, engine: Engine, now: Callable[[], datetime]) -> None:
        self._actor, self._library, self._engine, self._now = actor, library, engine, now

    @raises(Forbidden, *raised_by(Access.granted_nodes), InvalidQuery, InvalidCursor, Unavailable)
    def search(self, words: str, *, limit: int, cursor: str) -> Hits:
        """One page of the search's results.

        It needs one search, two batch reads for the permission filter, two batch reads to check the hits, and one
        write of the audit record. A tenant admin needs no filter, and one batch read for the hits."""
        self._actor.require(Permission.SEARCH)
        access = Access(self._actor, self._library)
        permission_filter = (
            None if access.sees_everything else PermissionFilter(self._actor.user_id, access.granted_nodes())
        )
        if permission_filter and len(permission_filter.nodes) > MOST_IN_FILTER:
            raise InvalidQuery(
                "Too many single things are granted to you to search among; ask for grants on folders instead."
            )
        seconds = self._actor.tenant.limits.search_seconds
        found = self._engine.search(SearchQuery(check_words(words), permission_filter, limit, cursor, seconds))
        documents = self._library.documents([hit.document_id for hit in found.hits])
        readable = access.readable(documents.values())
        hits = tuple(
            Hit(readable[hit.document_id], hit.score, hit.fragments)
            for hit in found.hits
            if hit.document_id in readable
        )
        facts: AuditFacts = {"shown": [hit.document.id for hit in hits]}
        self._library.record(record_of(self._actor, Action.CONTENT_SEARCHED, "search", self._now(), facts))
        return Hits(hits, found.total - (len(found.hits) - len(hits)), found.next_cursor)
