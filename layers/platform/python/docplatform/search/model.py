"""Queries and results of the search."""

from __future__ import annotations

from dataclasses import dataclass

from docplatform.library.model import Document
from docplatform.search.errors import InvalidQuery
from docplatform.search.normal_form import normal_form, parts

LONGEST_QUERY = 500  # characters
MOST_WORDS = 128  # as many as a name can have; each is looked for in four fields, and OpenSearch takes 1,024 clauses
MOST_IN_FILTER = 60_000  # nodes; OpenSearch allows 65,536 terms (index.max_terms_count)


@dataclass(frozen=True, slots=True)
class PermissionFilter:
    """Limits a search to what the user may read: documents below the granted ``nodes``, and what the user owns."""

    user_id: str
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query to the index. ``permission_filter`` is None for a tenant admin, who may read everything. ``seconds`` is
    the time limit."""

    words: str
    permission_filter: PermissionFilter | None
    limit: int
    cursor: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A hit of the index that has not been checked against the database. ``fragments`` holds pieces of text by field;
    the words found are between ``MARK_ON`` and ``MARK_OFF``. ``cursor`` opens the page that begins after this hit."""

    document_id: str
    score: float
    fragments: dict[str, tuple[str, ...]]
    cursor: str = ""


MARK_ON, MARK_OFF = "\ue000", "\ue001"  # private-use characters, which are removed from all indexed text


@dataclass(frozen=True, slots=True)
class IndexHits:
    """A page of unchecked hits. ``next_cursor`` is '' on the last page. The index's own count of hits is not here: it
    counts what the actor may no longer read."""

    hits: tuple[Candidate, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class Hit:
    document: Document
    score: float
    fragments: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of checked hits. ``hits`` leaves out those that the actor may not read or that were deleted. ``total`` is the
    number of checked hits on this page and the pages before it. ``next_cursor`` is '' on the last page."""

    hits: tuple[Hit, ...]
    total: int
    next_cursor: str

    @property
    def total_is_exact(self) -> bool:
        """Whether ``total`` counts all hits. Otherwise there are at least that many."""
        return not self.next_cursor


def check_words(words: str) -> str:
    """The words in their normal form, with single spaces between them. Raises InvalidQuery if there are none or too many."""
    too_long = len(words) > LONGEST_QUERY
    words = " ".join(normal_form(words).split())
    if not words:
        raise InvalidQuery("Say what to look for.")
    if too_long or parts(words) > MOST_WORDS:
        raise InvalidQuery(f"Use at most {MOST_WORDS} words and {LONGEST_QUERY} characters.")
    return words
