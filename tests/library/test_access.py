"""The permission rules by themselves, also with scenarios of OpenFGA's sample stores (github.com/openfga/sample-stores:
gdrive, file-storage). OpenFGA's ``user:*`` is ``everyone`` here, and its writer is an editor. 'nobody' owns nodes that
have no owner in the sample."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docplatform.core.actor import Role
from docplatform.library.access import (
    Caller,
    ReasonKind,
    capped,
    check_principal,
    effective,
    evaluate,
    indexed_permissions,
    weaker,
)
from docplatform.library.errors import InvalidPrincipal

VIEWER, EDITOR, ADMIN = Role.VIEWER, Role.EDITOR, Role.ADMIN


@dataclass(frozen=True)
class Thing:
    id: str
    owner: str = "nobody"
    grants: dict[str, Role] = field(default_factory=dict)
    inherits: bool = True


def somebody(name: str, *groups: str, role: Role = EDITOR) -> Caller:
    return Caller(name, role, frozenset(groups))


def may_read(who: Caller, *path: Thing) -> bool:
    return evaluate(who, path).allows(VIEWER)


def may_change(who: Caller, *path: Thing) -> bool:
    return evaluate(who, path).allows(EDITOR)


def may_share(who: Caller, *path: Thing) -> bool:
    return evaluate(who, path).allows(ADMIN)


# -- OpenFGA: gdrive
class TestDrive:
    folder = Thing("product-2021", "anne", {"group:fabrikam": VIEWER})
    roadmap = (Thing("2021-roadmap", grants={"user:beth": VIEWER}), folder)
    public = (Thing("public-roadmap", grants={"everyone": VIEWER}), folder)
    anne, beth = somebody("anne", "contoso"), somebody("beth", "contoso")
    charles, daniel = somebody("charles", "fabrikam"), somebody("daniel")

    def test_the_owner_of_a_folder_may_change_a_document_in_it(self) -> None:
        assert may_change(self.anne, *self.roadmap)
        assert may_share(self.anne, *self.roadmap)

    def test_a_viewer_of_the_document_does_not_change_its_owner(self) -> None:
        assert not may_share(self.beth, *self.roadmap)

    def test_read_access_of_each_user(self) -> None:
        people = (self.anne, self.beth, self.charles, self.daniel)
        assert [may_read(each, *self.roadmap) for each in people] == [True, True, True, False]
        assert [may_read(each, *self.public) for each in people] == [True, True, True, True]
        assert [may_read(each, self.folder) for each in people] == [True, False, True, False]

    def test_a_group_with_the_role_viewer_gives_no_write_access(self) -> None:
        assert not may_change(self.charles, *self.roadmap)


# -- OpenFGA: file-storage
class TestFileStorage:
    shared = Thing("shared-drive", "alice", {"everyone": VIEWER})
    private = Thing("bobs-drive", "bob")
    projects = (Thing("projects", "bob"), shared)
    backend = (Thing("backend", grants={"group:engineering": EDITOR}), *projects)
    spec = (Thing("api-spec", "charlie"), *backend)
    alice, bob, charlie = somebody("alice", role=ADMIN), somebody("bob"), somebody("charlie", "engineering")

    def test_the_drives(self) -> None:
        assert may_change(self.alice, self.shared)
        assert may_read(self.bob, self.shared)
        assert not may_change(self.bob, self.shared)
        assert may_share(self.alice, self.private)  # a tenant admin, on a drive of another user
        assert not may_read(self.charlie, self.private)

    def test_the_folders(self) -> None:
        assert may_change(self.bob, *self.projects)
        assert may_change(self.bob, *self.backend)  # by owning the parent
        assert may_change(self.charlie, *self.backend)  # by the group
        assert not may_change(self.charlie, *self.projects)

    def test_the_file(self) -> None:
        for each in (self.alice, self.bob, self.charlie):
            assert may_change(each, *self.spec)


# -- cut off, cap, reasons
def test_nothing_is_inherited_across_a_cut() -> None:
    root = Thing("root", "olga", {"everyone": EDITOR, "user:ann": ADMIN})
    cut = Thing("cut", "bo", {"user:cy": VIEWER}, inherits=False)
    inner = Thing("inner")
    path = (inner, cut, root)
    assert [may_read(somebody(name), *path) for name in ("ann", "bo", "cy", "dan")] == [False, True, True, False]
    assert evaluate(somebody("ann"), path).cut_at == "cut"
    assert [each.id for each in effective(path)] == ["inner", "cut"]
    assert indexed_permissions(path).nodes == ("inner", "cut")
    assert set(indexed_permissions(path).owners) == {"nobody", "bo"}


def test_the_creator_of_the_root_folder_does_not_own_everything() -> None:
    path = (Thing("doc"), Thing("root", "founder"))
    assert evaluate(somebody("founder"), path).role is None
    assert "founder" not in indexed_permissions(path).owners


@pytest.mark.parametrize(
    ("granted", "tenant_role", "is_"),
    [
        (VIEWER, VIEWER, VIEWER),
        (EDITOR, VIEWER, VIEWER),
        (ADMIN, VIEWER, VIEWER),
        (VIEWER, EDITOR, VIEWER),
        (EDITOR, EDITOR, EDITOR),
        (ADMIN, EDITOR, ADMIN),
    ],
)
def test_the_role_in_the_tenant_is_a_cap(granted: Role, tenant_role: Role, is_: Role) -> None:
    decision = evaluate(somebody("ann", role=tenant_role), (Thing("doc", grants={"user:ann": granted}),))
    assert decision.role is is_
    assert capped(granted, tenant_role) is is_


def test_every_reason_is_named_and_the_strongest_comes_first() -> None:
    path = (Thing("doc", "ann", {"group:legal": VIEWER}), Thing("folder", grants={"everyone": EDITOR}))
    reasons = evaluate(somebody("ann", "legal"), path).reasons
    assert [(each.kind, each.role, each.principal, each.node_id) for each in reasons] == [
        (ReasonKind.OWNER, ADMIN, "user:ann", "doc"),
        (ReasonKind.GRANT, EDITOR, "everyone", "folder"),
        (ReasonKind.GRANT, VIEWER, "group:legal", "doc"),
    ]


def test_a_group_named_like_a_user_is_not_the_user() -> None:
    thing = Thing("doc", grants={"group:ann": VIEWER})
    assert evaluate(somebody("ann"), (thing,)).role is None
    assert evaluate(somebody("bo", "ann"), (thing,)).role is VIEWER


@pytest.mark.parametrize("text", ["", "everyone ", "user:*", "user:", "group:", "role:admin", "user:../x", "tenant:t1"])
def test_other_text_is_no_principal(text: str) -> None:
    with pytest.raises(InvalidPrincipal):
        check_principal(text)


_ROLES = st.sampled_from(list(Role))
_GRANTS = st.dictionaries(st.sampled_from(["user:me", "user:you", "group:g", "everyone"]), _ROLES, max_size=4)
_THINGS = st.builds(
    Thing, st.sampled_from(["a", "b", "c", "root"]), st.sampled_from(["me", "you"]), _GRANTS, st.booleans()
)
_LINES = st.lists(_THINGS, min_size=1, max_size=6).map(tuple)
_ME = st.builds(Caller, st.just("me"), _ROLES, st.sampled_from([frozenset(), frozenset({"g"})]))


@given(_ME, _LINES, _THINGS)
def test_a_node_above_a_cut_changes_nothing(me: Caller, path: tuple[Thing, ...], above: Thing) -> None:
    cut = (*path[:-1], Thing(path[-1].id, path[-1].owner, path[-1].grants, inherits=False))
    assert evaluate(me, cut).role is evaluate(me, (*cut, above)).role


@given(_ME, _LINES, st.sampled_from(["user:me", "group:g", "everyone"]), _ROLES)
def test_another_grant_never_reduces_access(me: Caller, path: tuple[Thing, ...], to: str, role: Role) -> None:
    before = evaluate(me, path).role
    first = path[0]
    if to not in first.grants:
        more = (Thing(first.id, first.owner, {**first.grants, to: role}, first.inherits), *path[1:])
        after = evaluate(me, more).role
        assert before is None or (after is not None and weaker(before, after) is before)


@given(_ME, _LINES)
def test_the_search_filter_finds_exactly_the_readable_documents(me: Caller, path: tuple[Thing, ...]) -> None:
    """The search filter (granted or owned nodes) and the check of the hits give the same result."""
    granted = {thing.id for thing in path for principal in me.principals if principal in thing.grants}
    names_are_ids = len({thing.id for thing in path}) == len(path)
    entry = indexed_permissions(path)
    found = bool(granted.intersection(entry.nodes)) or me.user_id in entry.owners
    if names_are_ids and me.role is not Role.ADMIN:
        assert found is evaluate(me, path).allows(VIEWER)
