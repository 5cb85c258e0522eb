"""HTTP routes for search: parse, delegate, present."""

from docplatform.core.actor import Actor, Permission
from docplatform.http.consequence import Consequence
from docplatform.http.router import Router
from docplatform.identity.wiring.authority import authority_of
from docplatform.runtime.metrics import Metric, count
from docplatform.search.query import SearchService
from docplatform.search.wiring import search

from .schemas import SearchPage, SearchQuery, SearchRequest

api = Router(api_keys_allowed=True, authorities=authority_of)


@api.get("/v1/search", response=SearchPage, permission=Permission.SEARCH, use_case=SearchService.search)
def search_by_link(actor: Actor, query: SearchQuery) -> SearchPage:
    """Search contents and names."""
    found = search(actor).search(query.q, limit=query.limit, cursor=query.cursor)
    count(Metric.SEARCHES)
    return SearchPage.showing(found)


@api.post(
    "/v1/search",
    response=SearchPage,
    permission=Permission.SEARCH,
    use_case=SearchService.search,
    consequence=Consequence.NONE,
)
def search_by_request(actor: Actor, body: SearchRequest) -> SearchPage:
    """Search contents and names; the words stay out of addresses and their logs."""
    found = search(actor).search(body.query, limit=body.limit, cursor=body.cursor)
    count(Metric.SEARCHES)
    return SearchPage.showing(found)


handler = api.handler
