"""HTTP routes for search: parse, delegate, present."""

from docplatform.domain.errors import InvalidCursor, InvalidQuery, Unavailable
from docplatform.domain.identity import Actor, Permission
from docplatform.runtime.api import Api
from docplatform.runtime.composition.search import search
from schemas import SearchPage, SearchQuery, SearchRequest

api = Api(keys=True)
_ERRORS = (InvalidQuery, InvalidCursor, Unavailable)


@api.get("/v1/search", answers=SearchPage, needs=Permission.SEARCH, errors=_ERRORS)
def search_by_link(actor: Actor, query: SearchQuery) -> SearchPage:
    """Search contents and names."""
    return SearchPage.of(search(actor).search(query.q, limit=query.limit, cursor=query.cursor))


@api.post("/v1/search", answers=SearchPage, needs=Permission.SEARCH, errors=_ERRORS)
def search_by_request(actor: Actor, body: SearchRequest) -> SearchPage:
    """Search contents and names; the words stay out of addresses and their logs."""
    return SearchPage.of(search(actor).search(body.query, limit=body.limit, cursor=body.cursor))


handler = api.handler
