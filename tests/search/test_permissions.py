"""A search shows, counts and quotes only what the actor may read, whatever the index returns."""

from dataclasses import dataclass, field

import pytest

from docplatform.core.actor import Role
from docplatform.core.time import now
from docplatform.library.wiring import library
from docplatform.search.model import Candidate, IndexHits, SearchQuery
from docplatform.search.query import SearchService
from tests.support.mocked_aws import Person, TenantWorld

pytestmark = pytest.mark.usefixtures("in_acme")


@dataclass
class CredulousEngine:
    """An index without any filter: it returns all its documents."""

    documents: list[str]
    asked: list[SearchQuery] = field(default_factory=list)

    def search(self, query: SearchQuery) -> IndexHits:
        self.asked.append(query)
        hits = tuple(Candidate(each, 1.0, {"text": ("quoted",)}) for each in self.documents)
        return IndexHits(hits, "")


@pytest.fixture
def olga(acme: TenantWorld) -> Person:
    return acme.member(Role.ADMIN)


@pytest.fixture
def bo(acme: TenantWorld) -> Person:
    return acme.member(Role.EDITOR)


def finds(person: Person, engine: CredulousEngine) -> tuple[list[str], int]:
    found = SearchService(person.actor, library(person.actor), engine, now).search("word", limit=20, cursor="")
    return [hit.document.id for hit in found.hits], found.total


def test_hits_are_checked_against_the_database(olga: Person, bo: Person, acme: TenantWorld) -> None:
    vault = olga.creates_folder("Vault")["id"]
    hidden, shown = (olga.announces("plan.txt", inside=each)["document"]["id"] for each in (vault, "root"))
    own = bo.announces("own.txt")["document"]["id"]
    engine = CredulousEngine([hidden, shown, own, "doc_" + "0" * 26])
    olga.cuts(vault)
    assert finds(bo, engine) == ([shown, own], 2)
    assert finds(olga, engine) == ([hidden, shown, own], 3)
    olga.shares(vault, bo.principal, "viewer")
    assert finds(bo, engine) == ([hidden, shown, own], 3)
    olga.unshares(vault, bo.principal)
    assert finds(bo, engine) == ([shown, own], 2)


def test_the_filter_holds_the_current_grants(olga: Person, bo: Person, acme: TenantWorld) -> None:
    vault = olga.creates_folder("Vault")["id"]
    legal = acme.group("Legal", bo)
    engine = CredulousEngine([])

    def nodes() -> frozenset[str]:
        finds(bo, engine)
        permission_filter = engine.asked[-1].permission_filter
        assert permission_filter is not None
        assert permission_filter.user_id == bo.id
        return permission_filter.nodes

    assert nodes() == {"root"}
    olga.shares(vault, f"group:{legal}", "viewer")
    assert nodes() == {"root", vault}
    olga.asks("DELETE", f"/v1/groups/{legal}/members/{bo.id}")
    assert nodes() == {"root"}
    olga.unshares("root", "everyone")
    assert nodes() == frozenset()


def test_an_admin_searches_without_a_permission_filter(olga: Person) -> None:
    engine = CredulousEngine([])
    finds(olga, engine)
    assert engine.asked[-1].permission_filter is None


def test_a_document_of_another_tenant_is_no_hit_even_if_the_index_says_so(
    olga: Person, bo: Person, acme: TenantWorld
) -> None:
    stranger = acme.cloud.tenant("globex").member()
    foreign = stranger.announces("theirs.txt")["document"]["id"]
    for person in (olga, bo):
        assert finds(person, CredulousEngine([foreign])) == ([], 0)
