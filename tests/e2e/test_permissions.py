"""Granted and revoked access takes effect with the next request: in reads, lists, searches, counts and fragments."""

import secrets

import pytest

from tests.e2e.client import Member, TenantSite, problem


class Person:
    def __init__(self, member: Member) -> None:
        self.asks, self.member = member.asks, member

    @property
    def principal(self) -> str:
        return f"user:{self.member.user_id}"

    def shares(self, node: str, principal: str, role: str = "viewer") -> int:
        return self.asks("PUT", f"/v1/access/{node}/grants/{principal}", json={"role": role}).status_code

    def unshares(self, node: str, principal: str) -> int:
        return self.asks("DELETE", f"/v1/access/{node}/grants/{principal}").status_code

    def cuts(self, node: str) -> int:
        return self.asks("PUT", f"/v1/access/{node}/inheritance", json={"inherits": False}).status_code

    def finds(self, word: str) -> tuple[list[str], int, int]:
        """Documents, the total, and how many fragments were shown."""
        found = self.member.searches(word)
        ids = [hit["document"]["id"] for hit in found["items"]]
        return ids, found["total"], sum(len(hit["highlights"]) for hit in found["items"])

    def reads(self, document: str) -> int:
        return self.asks("GET", f"/v1/documents/{document}").status_code


NOTHING = ([], 0, 0)


@pytest.fixture(scope="module")
def olga(acme: TenantSite) -> Person:
    return Person(acme.admin)


@pytest.fixture(scope="module")
def bo(acme: TenantSite) -> Person:
    return Person(acme.invites("editor"))


@pytest.fixture(scope="module")
def word() -> str:
    return f"zebra{secrets.token_hex(4)}"


@pytest.fixture
def vault(olga: Person) -> str:
    folder = olga.member.creates_folder(f"Vault {secrets.token_hex(3)}")
    assert olga.cuts(folder) == 200
    return folder


def test_a_grant_and_its_revocation_take_effect_with_the_next_request(olga: Person, bo: Person, vault: str) -> None:
    word = f"quagga{secrets.token_hex(4)}"
    document = olga.member.uploads("secret.txt", f"a {word} is here".encode(), "text/plain", vault)
    olga.member.waits_for(document)
    olga.member.finds(word, document)
    assert (bo.reads(document), bo.finds(word)) == (404, NOTHING)
    assert olga.shares(vault, bo.principal) == 200
    assert bo.reads(document) == 200
    assert bo.finds(word)[:2] == ([document], 1)
    assert bo.member.downloads(document) == f"a {word} is here".encode()
    assert olga.unshares(vault, bo.principal) == 204
    assert (bo.reads(document), bo.finds(word)) == (404, NOTHING)
    assert problem(bo.asks("GET", f"/v1/documents/{document}/content")) == (404, "document_not_found")


def test_a_group_carries_a_grant_into_searches(acme: TenantSite, olga: Person, bo: Person, vault: str) -> None:
    word = f"okapi{secrets.token_hex(4)}"
    document = olga.member.uploads("plan.txt", word.encode(), "text/plain", vault)
    olga.member.waits_for(document)
    olga.member.finds(word, document)
    group = olga.asks("POST", "/v1/groups", json={"name": f"Legal {word}"}).json()["id"]
    assert olga.shares(vault, f"group:{group}") == 200
    assert bo.finds(word) == NOTHING
    member = f"/v1/groups/{group}/members/{bo.principal.removeprefix('user:')}"
    assert olga.asks("PUT", member).status_code == 204
    assert bo.finds(word)[:2] == ([document], 1)
    explained = olga.asks(
        "GET", f"/v1/access/{document}/explanation", params={"user_id": bo.principal.removeprefix("user:")}
    ).json()
    assert explained["role"] == "viewer"
    assert [(each["principal"], each["granted_on"]) for each in explained["reasons"]] == [(f"group:{group}", vault)]
    assert olga.asks("DELETE", member).status_code == 204
    assert bo.finds(word) == NOTHING


def test_a_folder_moved_into_what_is_cut_off_takes_its_contents_along(olga: Person, bo: Person, vault: str) -> None:
    word = f"tapir{secrets.token_hex(4)}"
    outer = olga.member.creates_folder(f"Outer {word}")
    inner = olga.member.creates_folder("Inner", outer)
    document = olga.member.uploads("moved.txt", word.encode(), "text/plain", inner)
    olga.member.waits_for(document)
    bo.member.finds(word, document)
    assert olga.asks("PATCH", f"/v1/folders/{outer}", json={"parent_id": vault}).status_code == 200
    assert (bo.reads(document), bo.finds(word)) == (404, NOTHING)  # at once, though the index lags behind
    assert olga.asks("PATCH", f"/v1/folders/{outer}", json={"parent_id": "root"}).status_code == 200
    assert bo.reads(document) == 200
    assert bo.member.finds(word, document)
    assert olga.shares(vault, bo.principal) == 200
    assert olga.asks("PATCH", f"/v1/folders/{outer}", json={"parent_id": vault}).status_code == 200
    assert bo.member.finds(word, document)  # by the grant on the folder that it is in now: the index has followed


def test_one_person_owns_and_shares_what_another_does_not_see(acme: TenantSite, bo: Person) -> None:
    cy = Person(acme.invites("viewer"))
    word = f"lynx{secrets.token_hex(4)}"
    document = bo.member.uploads("mine.txt", word.encode(), "text/plain")
    bo.member.waits_for(document)
    assert bo.cuts(document) == 200
    bo.member.finds(word, document)
    assert (cy.reads(document), cy.finds(word)) == (404, NOTHING)
    assert bo.shares(document, cy.principal, "editor") == 200
    assert cy.reads(document) == 200
    cy.member.finds(word, document)
    assert problem(cy.asks("PATCH", f"/v1/documents/{document}", json={"name": "x.txt"})) == (403, "forbidden")
    assert document in [each["id"] for each in cy.asks("GET", "/v1/access").json()["items"]]


def test_nobody_is_given_access_to_another_organisation(hooli: TenantSite, olga: Person, vault: str) -> None:
    stranger = Person(hooli.admin)
    assert problem(olga.asks("PUT", f"/v1/access/{vault}/grants/{stranger.principal}", json={"role": "viewer"})) == (
        404,
        "user_not_found",
    )
    for path in (f"/v1/access/{vault}", f"/v1/access/{vault}/explanation"):
        assert problem(stranger.asks("GET", path)) == (404, "folder_not_found")
