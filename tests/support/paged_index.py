"""A search index that pages, and filters nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from docplatform.core import cursors
from docplatform.search.model import Candidate, IndexHits, SearchQuery


@dataclass
class PagedIndex:
    """Every document is a hit of every query, in this order. ``queries``: those that were made."""

    documents: list[str] = field(default_factory=list)
    queries: list[SearchQuery] = field(default_factory=list)

    def search(self, query: SearchQuery) -> IndexHits:
        self.queries.append(query)
        begin = int(cursors.decode(query.cursor)["place"]) if query.cursor else 0
        page = self.documents[begin : begin + query.limit]
        after = [cursors.encode({"place": str(begin + place)}) for place in range(1, len(page) + 1)]
        hits = tuple(Candidate(each, 1.0, {}, cursor) for each, cursor in zip(page, after, strict=True))
        return IndexHits(hits, after[-1] if len(page) == query.limit else "")
