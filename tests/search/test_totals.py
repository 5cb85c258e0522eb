"""Totals and pages of a search while the index is behind the database: nothing that was refused is counted, and pages are filled."""

from __future__ import annotations

import random

import pytest

from docplatform.core.actor import Role
from docplatform.core.time import now
from docplatform.library.wiring import library
from docplatform.search.model import Hits
from docplatform.search.query import SearchService
from tests.support.mocked_aws import Person, TenantWorld
from tests.support.paged_index import PagedIndex

pytestmark = pytest.mark.usefixtures("in_acme")
HIDDEN, SHOWN = 12, 9


@pytest.fixture
def olga(acme: TenantWorld) -> Person:
    return acme.member(Role.ADMIN)


@pytest.fixture
def bo(acme: TenantWorld) -> Person:
    return acme.member(Role.EDITOR)


@pytest.fixture
def vault(olga: Person) -> str:
    """A folder that everybody saw when the index was written, and that is cut off now."""
    vault = str(olga.creates_folder("Vault")["id"])
    olga.cuts(vault)
    return vault


@pytest.fixture
def hidden(olga: Person, vault: str) -> list[str]:
    return [olga.announces(f"h{number}.txt", inside=vault)["document"]["id"] for number in range(HIDDEN)]


@pytest.fixture
def shown(olga: Person) -> list[str]:
    return [olga.announces(f"s{number}.txt")["document"]["id"] for number in range(SHOWN)]


def page(person: Person, index: PagedIndex, limit: int, cursor: str = "") -> Hits:
    return SearchService(person.actor, library(person.actor), index, now).search("word", limit=limit, cursor=cursor)


def pages(person: Person, index: PagedIndex, limit: int) -> list[Hits]:
    found = [page(person, index, limit)]
    while found[-1].next_cursor:
        found.append(page(person, index, limit, found[-1].next_cursor))
    return found


def ids(found: Hits) -> list[str]:
    return [hit.document.id for hit in found.hits]


def test_after_a_cut_no_page_counts_what_is_hidden(bo: Person, hidden: list[str], shown: list[str]) -> None:
    mixed = hidden + shown
    for seed in range(5):
        random.Random(seed).shuffle(mixed)
        for limit in (1, 2, 4, 9, 10, 100):
            found, seen = pages(bo, PagedIndex(mixed), limit), 0
            assert [each for part in found for each in ids(part)] == [each for each in mixed if each in shown]
            for part in found:
                seen += len(part.hits)
                assert (part.total, part.total_is_exact) == (seen, not part.next_cursor)
            assert all(len(part.hits) == limit for part in found[:-1]), "pages are filled"


def test_what_is_hidden_is_never_counted_even_if_it_is_all(bo: Person, olga: Person, hidden: list[str]) -> None:
    found = page(bo, PagedIndex(hidden), 5)
    assert (found.hits, found.total, found.total_is_exact) == ((), 0, True)
    assert [part.total for part in pages(olga, PagedIndex(hidden), 5)] == [5, 10, 12]


def test_filling_a_page_is_bounded(bo: Person, hidden: list[str], shown: list[str]) -> None:
    """At the bound, the page is short and the next one goes on; nothing is lost."""
    index = PagedIndex(hidden * 100 + shown)
    found = page(bo, index, 5)
    assert [query.limit for query in index.queries] == [5, 100, 100, 100, 100]
    assert (found.hits, found.total, found.total_is_exact) == ((), 0, False)
    everything = pages(bo, index, 5)
    assert [each for part in everything for each in ids(part)] == shown
    assert everything[-1].total == SHOWN


def test_while_the_index_is_right_a_page_is_one_query(bo: Person, shown: list[str]) -> None:
    index = PagedIndex(shown)
    assert len(page(bo, index, 5).hits) == 5
    assert [query.limit for query in index.queries] == [5]


def test_a_document_that_was_deleted_is_not_counted(olga: Person, shown: list[str]) -> None:
    index = PagedIndex(shown)
    for each in shown[::2]:
        assert olga.asks("DELETE", f"/v1/documents/{each}").status == 204
    found = pages(olga, index, 2)
    assert (found[0].total, found[-1].total) == (2, len(shown) // 2)
    assert [each for part in found for each in ids(part)] == shown[1::2]
