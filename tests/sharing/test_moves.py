"""A move through the HTTP API: what it needs, and what it says is missing."""

import pytest

from docplatform.core.actor import Role
from tests.support.mocked_aws import Answer, Person, TenantWorld

KINDS = pytest.mark.parametrize("kind", ["folder", "document"])


@pytest.fixture
def olga(acme: TenantWorld) -> Person:
    """An admin of the organisation."""
    return acme.member(Role.ADMIN, "Olga")


@pytest.fixture
def bo(acme: TenantWorld) -> Person:
    return acme.member(Role.EDITOR, "Bo")


def makes(person: Person, kind: str, name: str, inside: str = "root") -> str:
    made = person.creates_folder(name, inside=inside) if kind == "folder" else person.announces(name, inside=inside)
    assert made.status == 201, made
    return str(made["id"] if kind == "folder" else made["document"]["id"])


def moves(person: Person, node: str, to: str, name: str | None = None) -> Answer:
    if node.startswith("doc_"):
        return person.asks("PATCH", f"/v1/documents/{node}", {"folder_id": to, "name": name})
    return person.asks("PATCH", f"/v1/folders/{node}", {"parent_id": to, "name": name})


def place(person: Person, node: str) -> str:
    if node.startswith("doc_"):
        return str(person.asks("GET", f"/v1/documents/{node}")["folder_id"])
    return str(person.asks("GET", f"/v1/folders/{node}")["parent_id"])


@KINDS
def test_an_editor_does_not_take_somebody_elses_thing_into_a_folder_of_their_own(
    ann: Person, bo: Person, acme: TenantWorld, kind: str
) -> None:
    theirs, mine = makes(ann, kind, "Ann's"), makes(bo, "folder", "Bo's")
    assert bo.shares(theirs, bo.principal, "viewer").status == 403
    for refused in (moves(bo, theirs, mine), moves(bo, theirs, mine, "renamed")):
        assert (refused.status, refused["code"]) == (403, "forbidden")
        assert refused["missing"] == [{"role": "admin", "on": theirs}]
        assert "'admin' on what you move" in refused["detail"]
    assert place(ann, theirs) == "root"
    assert bo.shares(theirs, bo.principal, "viewer").status == 403
    assert acme.actions.count(f"{kind}.moved") == 0
    assert acme.actions.count("access.refused") == 4


@KINDS
def test_an_editor_of_one_thing_does_not_publish_it(olga: Person, bo: Person, kind: str) -> None:
    vault = makes(olga, "folder", "Vault")
    secret = makes(olga, kind, "Secret", vault)
    olga.cuts(vault)
    olga.shares(secret, bo.principal, "editor")
    refused = moves(bo, secret, "root")
    assert (refused.status, refused["code"]) == (403, "forbidden")
    assert refused["missing"] == [{"role": "editor", "on": vault}, {"role": "admin", "on": secret}]
    olga.shares(secret, bo.principal, "admin")
    assert moves(bo, secret, "root")["missing"] == [{"role": "editor", "on": vault}]
    olga.shares(vault, bo.principal, "viewer")
    assert moves(bo, secret, "root")["missing"] == [{"role": "editor", "on": vault}]
    olga.shares(vault, bo.principal, "editor")
    assert moves(bo, secret, "root").status == 200
    assert place(olga, secret) == "root"


@KINDS
def test_an_editor_moves_things_between_folders_of_the_same_people(ann: Person, bo: Person, kind: str) -> None:
    one, two = makes(ann, "folder", "One"), makes(ann, "folder", "Two")
    thing = makes(ann, kind, "Thing", one)
    assert moves(bo, thing, two).status == 200
    assert place(bo, thing) == two
    ann.shares(one, bo.principal, "viewer")  # everyone is editor: this grant gives nobody more
    assert moves(bo, thing, one).status == 200
    ann.shares(two, bo.principal, "admin")
    assert moves(bo, thing, two)["missing"] == [{"role": "admin", "on": thing}]


@KINDS
def test_an_editor_moves_what_inherits_nothing(ann: Person, bo: Person, kind: str) -> None:
    mine, thing = makes(bo, "folder", "Bo's"), makes(ann, kind, "Thing")
    ann.cuts(thing)
    ann.shares(thing, bo.principal, "editor")
    assert moves(bo, thing, mine).status == 200
    assert bo.shares(thing, bo.principal, "admin").status == 403


@KINDS
def test_owners_and_admins_move_with_a_change_of_access(ann: Person, bo: Person, olga: Person, kind: str) -> None:
    private = makes(ann, "folder", "Private")
    ann.cuts(private)
    thing = makes(ann, kind, "Thing")
    assert moves(ann, thing, private).status == 200
    assert bo.explains(thing).status == 404
    assert moves(olga, thing, "root").status == 200
    assert bo.explains(thing)["role"] == "editor"
    ann.shares(thing, bo.principal, "admin")
    assert moves(bo, thing, makes(bo, "folder", "Bo's")).status == 200


@KINDS
def test_a_move_needs_the_role_editor_where_the_thing_goes(ann: Person, bo: Person, kind: str) -> None:
    target, thing = makes(ann, "folder", "Target"), makes(bo, kind, "Thing")
    ann.cuts(target)
    assert moves(bo, thing, target)["code"] == "folder_not_found"
    ann.shares(target, bo.principal, "viewer")
    assert moves(bo, thing, target)["code"] == "forbidden"
    ann.shares(target, bo.principal, "editor")
    assert moves(bo, thing, target).status == 200


@KINDS
def test_the_checks_of_a_move_read_nothing_more(ann: Person, acme: TenantWorld, kind: str) -> None:
    target, thing = makes(ann, "folder", "Target"), makes(ann, kind, "Thing")
    calls = acme.calls(lambda: moves(ann, thing, target))
    assert calls == ["BatchGetItem", "BatchGetItem", "GetItem", "BatchGetItem", "TransactWriteItems"]
