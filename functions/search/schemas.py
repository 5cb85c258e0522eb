"""HTTP representations of searches and their hits."""

from html import escape
from typing import Annotated

from pydantic import Field

from docplatform.http.schemas import Page, Schema
from docplatform.library.views import DocumentView
from docplatform.search.model import MARK_OFF, MARK_ON, Hits

Words = Annotated[str, Field(min_length=1, max_length=500, examples=['lease "notice period" -draft'])]
Limit = Annotated[int, Field(ge=1, le=100)]


class SearchRequest(Schema):
    """All words must occur, in the name, the title, the author or the text; ``"…"`` is a phrase, ``-word`` leaves out. A document whose
    whole name is the query comes first."""

    query: Words
    limit: Limit = 20
    cursor: str = ""


class SearchQuery(Schema):
    q: Words
    limit: Limit = 20
    cursor: str = ""


class HitView(Schema):
    """``highlights``: fragments by field, in HTML: the text is escaped, the words found stand in ``<em>``."""

    document: DocumentView
    score: float
    highlights: dict[str, list[str]]


class SearchPage(Page[HitView]):
    """While the index is behind, a page may have fewer hits than ``limit``, or none; the last page is the one without
    ``next_cursor``."""

    total: int = Field(
        description="Hits on this page and the pages before it, all of which you may read. There are at least that many."
    )
    total_is_exact: bool = Field(description="Whether `total` counts every hit: true on the last page.")

    @staticmethod
    def showing(found: Hits) -> "SearchPage":
        items = [
            HitView(
                document=DocumentView.model_validate(hit.document),
                score=hit.score,
                highlights={field: [_html(part) for part in parts] for field, parts in hit.fragments.items()},
            )
            for hit in found.hits
        ]
        return SearchPage(
            items=items,
            total=found.total,
            total_is_exact=found.total_is_exact,
            next_cursor=found.next_cursor or None,
        )


def _html(fragment: str) -> str:
    return escape(fragment).replace(MARK_ON, "<em>").replace(MARK_OFF, "</em>")
