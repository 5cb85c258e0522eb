"""A collection that does not answer is not asked for a while; one that answers, whatever it says, is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opensearchpy.exceptions import (
    AuthorizationException,
    ConnectionError,
    ConnectionTimeout,
    NotFoundError,
    RequestError,
    TransportError,
)

from docplatform.core.errors import DomainError, Unavailable
from docplatform.core.tenant import tenant_context
from docplatform.search.adapters import opensearch
from docplatform.search.adapters.opensearch import TenantIndex
from docplatform.search.model import SearchQuery
from tests.support.tenants import a_tenant

OWN, OTHER = a_tenant(1), a_tenant(2)
QUERY = SearchQuery("walrus", None, 10, "", 5)
NOTHING: dict[str, Any] = {"hits": {"hits": [], "total": {"value": 0}}}


class Client:
    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, 0

    def search(self, **_: Any) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    opensearch._breaker.cache_clear()
    with tenant_context(OWN):
        yield
    opensearch._breaker.cache_clear()


def searches(client: Client, times: int, endpoint: str = "https://own") -> list[type[Exception] | None]:
    found: list[type[Exception] | None] = []
    for _ in range(times):
        try:
            TenantIndex(client, endpoint, OWN.id).search(QUERY)  # type: ignore[arg-type]
            found.append(None)
        except DomainError as error:
            found.append(type(error))
    return found


@pytest.mark.parametrize(
    "error",
    [
        ConnectionTimeout("TIMEOUT", "x", Exception()),
        ConnectionError("N/A", "x", Exception()),
        TransportError(503, "x", {}),
        TransportError(429, "x", {}),
    ],
)
def test_it_is_asked_three_times_and_then_left_alone(error: Exception) -> None:
    client = Client(error)
    assert searches(client, 10) == [Unavailable] * 10
    assert client.asked == 3


@pytest.mark.parametrize(
    "error", [RequestError(400, "x", {}), NotFoundError(404, "x", {}), AuthorizationException(403, "x", {})]
)
def test_an_answer_is_none_of_that(error: Exception) -> None:
    client = Client(error)
    searches(client, 10)
    assert client.asked == 10


def test_a_stalled_collection_of_one_tenant_closes_nobody_elses_search() -> None:
    searches(Client(ConnectionTimeout("TIMEOUT", "x", Exception())), 5)
    healthy = Client(NOTHING)
    assert searches(healthy, 5, "https://other") == [None] * 5
    assert healthy.asked == 5
