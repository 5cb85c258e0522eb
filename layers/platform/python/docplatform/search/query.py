"""The search use case: query the index with a permission filter, then check every hit against the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from docplatform.core import cursors
from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import Forbidden, InvalidCursor, Unavailable, raised_by, raises
from docplatform.library.permissions import Access
from docplatform.library.ports import Library
from docplatform.search.errors import InvalidQuery
from docplatform.search.model import MOST_IN_FILTER, Hit, Hits, IndexHits, PermissionFilter, SearchQuery, check_words

_ROUNDS = 5
"""Queries to the index for one page, at most. A page needs more than one only while the index is behind the database."""
_REFILL = 100
"""Hits that each further query asks for: as many as one batch reads."""


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
        write of the audit record. A tenant admin needs no filter, and one batch read for the hits. While the index is
        behind the database, for example after a cut, hits are refused: then up to four more searches, with their
        checks, fill the page. It may still have fewer than ``limit`` hits, or none, before the last page."""
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
        before, position = _opened(cursor)
        query = SearchQuery(check_words(words), permission_filter, limit, position, seconds)
        hits, position = self._page(access, query)
        total = before + len(hits)
        facts: AuditFacts = {"shown": [hit.document.id for hit in hits]}
        self._library.record(record_of(self._actor, Action.CONTENT_SEARCHED, "search", self._now(), facts))
        following = cursors.encode({"before": str(total), "position": position}) if position else ""
        return Hits(hits, total, following)

    def _page(self, access: Access, query: SearchQuery) -> tuple[tuple[Hit, ...], str]:
        """Up to ``query.limit`` hits that the actor may read, and the index's cursor after the last one; '' at the end."""
        shown: list[Hit] = []
        asked = query
        for _ in range(_ROUNDS):
            found = self._engine.search(asked)
            documents = self._library.documents([hit.document_id for hit in found.hits])
            readable = access.readable(documents.values())
            for place, hit in enumerate(found.hits, start=1):
                if hit.document_id in readable:
                    shown.append(Hit(readable[hit.document_id], hit.score, hit.fragments))
                if len(shown) == query.limit and place < len(found.hits):
                    return tuple(shown), hit.cursor
            if not found.next_cursor or len(shown) == query.limit:
                break
            asked = replace(query, limit=_REFILL, cursor=found.next_cursor)
        return tuple(shown), found.next_cursor


def _opened(cursor: str) -> tuple[int, str]:
    """How many hits the pages before had, and the index's cursor. Raises InvalidCursor."""
    if not cursor:
        return 0, ""
    parts = cursors.decode(cursor)
    if set(parts) != {"before", "position"} or not parts["before"].isdecimal():
        raise InvalidCursor("Use next_cursor of an earlier page of the same search.")
    return int(parts["before"]), parts["position"]
