"""A collection that does not answer is not asked for a while; one that answers, whatever it says, is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opensearchpy.exceptions import (
    AuthorizationException,
    ConflictError,
    ConnectionError,
    ConnectionTimeout,
    NotFoundError,
    RequestError,
    TransportError,
)

from docplatform.core.errors import DomainError, Unavailable
from docplatform.core.tenant import tenant_context
from docplatform.library.access import IndexedPermissions
from docplatform.search.adapters import opensearch
from docplatform.search.adapters.opensearch import TenantIndex
from docplatform.search.model import SearchQuery
from tests.infra.stored_values import FULL_DOCUMENT
from tests.support.tenants import a_tenant

OWN, OTHER = a_tenant(1), a_tenant(2)
DOCUMENT, PERMISSIONS = FULL_DOCUMENT, IndexedPermissions(("n",), ("u",))
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
    opensearch._READY.discard("https://own")
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


class Writes:
    """A client whose index exists and whose writes fail."""

    def __init__(self, error: Exception) -> None:
        self.error, self.indices = error, self

    def exists(self, **_: Any) -> bool:
        return True

    def fail(self, **_: Any) -> Any:
        raise self.error

    index = update = delete = fail


WRITES: list[Callable[[TenantIndex], object]] = [
    lambda own: own.put(DOCUMENT, "", PERMISSIONS),
    lambda own: own.update_metadata(DOCUMENT, PERMISSIONS),
    lambda own: own.remove(DOCUMENT.id),
]


@pytest.mark.parametrize("write", WRITES, ids=("put", "update_metadata", "remove"))
@pytest.mark.parametrize(
    "error",
    [ConnectionError("N/A", "x", {}), ConnectionTimeout("TIMEOUT", "x", {}), TransportError(503, "x", {}),
     TransportError(429, "x", {}), ConflictError(409, "x", {})],
    ids=lambda error: str(error.status_code),
)  # fmt: skip
def test_a_write_that_may_succeed_later_is_unavailable(
    write: Callable[[TenantIndex], object], error: Exception
) -> None:
    with pytest.raises(Unavailable):
        write(TenantIndex(Writes(error), "https://own", OWN.id))  # type: ignore[arg-type]


@pytest.mark.parametrize("write", WRITES, ids=("put", "update_metadata", "remove"))
@pytest.mark.parametrize(
    "error", [RequestError(400, "x", {}), AuthorizationException(403, "x", {})], ids=("400", "403")
)
def test_an_entry_that_is_refused_is_not_unavailable(write: Callable[[TenantIndex], object], error: Exception) -> None:
    """It would be refused as often as it is written."""
    with pytest.raises(type(error)):
        write(TenantIndex(Writes(error), "https://own", OWN.id))  # type: ignore[arg-type]
