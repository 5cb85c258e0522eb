"""What is asked of the search and what it finds."""

from __future__ import annotations

from dataclasses import dataclass

from docplatform.library.model import Document
from docplatform.search.errors import InvalidQuery

LONGEST_QUERY = 500  # characters
MOST_WORDS = 32
MOST_IN_FILTER = 60_000  # nodes; OpenSearch takes 65,536 terms (index.max_terms_count)


@dataclass(frozen=True, slots=True)
class PermissionFilter:
    """Who reads what is granted to them, and what they own: the permission filter, made in one place."""

    user_id: str
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """``permission_filter``: None for who may read everything."""

    words: str
    permission_filter: PermissionFilter | None
    limit: int
    cursor: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A hit of the index, not yet checked. Fragments mark the words found with ``MARK_ON`` and ``MARK_OFF``."""

    document_id: str
    score: float
    fragments: dict[str, tuple[str, ...]]


MARK_ON, MARK_OFF = "\ue000", "\ue001"  # private use: no text holds them, the index takes them out


@dataclass(frozen=True, slots=True)
class IndexHits:
    hits: tuple[Candidate, ...]
    total: int
    next_cursor: str


@dataclass(frozen=True, slots=True)
class Hit:
    document: Document
    score: float
    fragments: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Hits:
    """``total`` counts what the index holds for the asker; a hit that is gone meanwhile is left out of ``hits``."""

    hits: tuple[Hit, ...]
    total: int
    next_cursor: str


def check_words(words: str) -> str:
    """Raises InvalidQuery."""
    words = " ".join(words.split())
    if not words:
        raise InvalidQuery("Say what to look for.")
    if len(words) > LONGEST_QUERY or len(words.split(" ")) > MOST_WORDS:
        raise InvalidQuery(f"Use at most {MOST_WORDS} words and {LONGEST_QUERY} characters.")
    return words
