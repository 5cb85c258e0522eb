"""Search: ask the index with the asker's filters, then check every hit against the database as it is now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from docplatform.domain.audit import Action, Facts, record_of
from docplatform.domain.identity import Actor, Permission
from docplatform.domain.search import Candidates, Hit, Hits, Question, check_words
from docplatform.services.access import readable_nodes
from docplatform.services.library_ports import Library


class Engine(Protocol):
    """The search index of one tenant: whatever is asked, it answers for that tenant."""

    def ask(self, question: Question) -> Candidates:
        """Raises InvalidCursor, Unavailable."""


class SearchService:
    def __init__(self, actor: Actor, library: Library, engine: Engine, now: Callable[[], datetime]) -> None:
        self._actor, self._library, self._engine, self._now = actor, library, engine, now

    def search(self, words: str, *, limit: int, cursor: str) -> Hits:
        """Raises InvalidQuery, InvalidCursor, Unavailable. Costs one search, one batch and one audit record."""
        nodes = readable_nodes(self._actor, Permission.SEARCH)
        seconds = self._actor.tenant.limits.search_seconds
        found = self._engine.ask(Question(check_words(words), nodes, limit, cursor, seconds))
        documents = self._library.documents([hit.document_id for hit in found.hits])
        hits = tuple(
            Hit(documents[hit.document_id], hit.score, hit.fragments)
            for hit in found.hits
            if hit.document_id in documents and nodes.intersection(documents[hit.document_id].chain)
        )
        facts: Facts = {"shown": [hit.document.id for hit in hits]}
        self._library.record(record_of(self._actor, Action.CONTENT_SEARCHED, "search", self._now(), facts))
        return Hits(hits, found.total, found.next)
