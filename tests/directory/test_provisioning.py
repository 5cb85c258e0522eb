"""Use cases of a provisioning system: a change is applied to the state that was read, or refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from docplatform.core.actor import Role
from docplatform.core.errors import ChangedMeanwhile, GroupNotFound, PreconditionFailed
from docplatform.directory.adapters.group_store import DynamoGroups
from docplatform.directory.adapters.provisioning_store import DynamoDirectory
from docplatform.directory.entry import UserAttributes, UserWithGroups
from docplatform.directory.group import GroupAttributes, GroupWithMembers
from docplatform.directory.group_provisioning import GroupProvisioning
from docplatform.directory.provisioning import DirectoryService
from docplatform.directory.wiring import groups as group_wiring
from docplatform.directory.wiring import provisioning
from docplatform.identity.errors import UserNotFound
from docplatform.runtime import tenant_access
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Person, TenantWorld

pytestmark = [on_every_database, pytest.mark.usefixtures("in_acme")]

BEA = UserAttributes("bea", "bea@acme.example", "Bea", Role.VIEWER, True, "e-1", "{}")


@pytest.fixture
def idp(acme: TenantWorld) -> Person:
    return acme.member(Role.ADMIN)


@pytest.fixture
def users(idp: Person) -> DirectoryService:
    return provisioning.users(idp.actor)


@pytest.fixture
def groups(idp: Person) -> GroupProvisioning:
    return provisioning.groups(idp.actor)


def never(_: object) -> NoReturn:
    raise AssertionError("revise must not be called")


def group_of(*members: Person) -> GroupAttributes:
    return GroupAttributes("Legal", "g-1", frozenset(each.id for each in members))


# -- users
def test_a_user_is_revised_from_what_is_stored(users: DirectoryService) -> None:
    made = users.read(users.create(BEA).entry.user.id)

    def revise(found: UserWithGroups) -> UserAttributes:
        assert found == made
        return replace(BEA, name="Beatrice", role=Role.EDITOR)

    changed = users.change(made.entry.user.id, revise, if_revision=1)
    assert (changed.entry.user.name, changed.entry.user.role, changed.entry.revision) == ("Beatrice", Role.EDITOR, 2)
    stored = users.read(made.entry.user.id).entry
    assert (stored.user, stored.revision) == (changed.entry.user, 2)


def test_a_stale_change_of_a_user_is_refused_before_anything_else(acme: TenantWorld, users: DirectoryService) -> None:
    user_id = users.create(BEA).entry.user.id

    def stale() -> None:
        with pytest.raises(PreconditionFailed):
            users.change(user_id, never, if_revision=7)

    assert acme.calls(stale) == ["BatchGetItem"]


def test_a_revision_that_changes_nothing_is_recorded_as_a_read(acme: TenantWorld, users: DirectoryService) -> None:
    made = users.read(users.create(BEA).entry.user.id)
    assert acme.calls(lambda: users.change(made.entry.user.id, lambda _: None)) == ["BatchGetItem", "PutItem"]
    assert acme.actions[-1] == "user.read"
    assert users.read(made.entry.user.id) == made


def test_an_unknown_user_is_not_changed(users: DirectoryService) -> None:
    with pytest.raises(UserNotFound):
        users.change("usr_unknown", never)


# -- groups
def test_a_group_is_renamed_and_its_members_are_replaced(
    acme: TenantWorld, idp: Person, groups: GroupProvisioning
) -> None:
    bo, cy = acme.member(), acme.member()
    made = groups.create(group_of(bo))

    def revise(found: GroupWithMembers) -> GroupAttributes:
        assert (found.group.name, found.members) == ("Legal", (bo.id,))
        return replace(group_of(cy), name="Compliance")

    changed = groups.change(made.group.id, revise, if_revision=made.group.revision)
    assert (changed.group.name, changed.group.external_id, changed.members) == ("Compliance", "g-1", (cy.id,))
    assert groups.read(made.group.id) == changed
    (read,) = provisioning.users(idp.actor).read(cy.id).groups
    assert read == changed.group


def test_a_stale_change_of_a_group_is_refused_before_anything_else(
    acme: TenantWorld, groups: GroupProvisioning
) -> None:
    group_id = groups.create(group_of(acme.member())).group.id

    def stale() -> None:
        with pytest.raises(PreconditionFailed):
            groups.change(group_id, never, if_revision=1)  # adding the members made revision 2

    assert acme.calls(stale) == ["GetItem"]


def test_a_stale_deletion_of_a_group_is_refused(groups: GroupProvisioning) -> None:
    group = groups.read(groups.create(group_of()).group.id).group
    with pytest.raises(PreconditionFailed):
        groups.delete(group.id, if_revision=group.revision + 1)
    assert groups.read(group.id).group == group
    groups.delete(group.id, if_revision=group.revision)
    with pytest.raises(GroupNotFound):
        groups.read(group.id)


def test_a_change_without_effect_is_audited_as_a_read(acme: TenantWorld, groups: GroupProvisioning) -> None:
    bo = acme.member()
    made = groups.create(group_of(bo))
    before = acme.actions
    assert groups.change(made.group.id, lambda _: group_of(bo)) == made
    assert acme.actions == [*before, "group.read"]


def test_a_change_of_a_group_has_one_record_for_the_name_and_one_for_the_members(
    acme: TenantWorld, groups: GroupProvisioning
) -> None:
    bo, cy = acme.member(), acme.member()
    group_id = groups.create(group_of(bo)).group.id
    before = len(acme.audit)
    groups.change(group_id, lambda _: replace(group_of(bo), name="Compliance"))
    groups.change(group_id, lambda _: replace(group_of(bo, cy), name="Risk"))
    records = [(each["action"], each["facts"]) for each in acme.audit[before:]]
    joined = {"joined": [cy.id], "left": []}
    assert records == [("group.changed", {}), ("group.changed", {}), ("group.changed", joined)]


def test_a_rename_reads_the_members_once(acme: TenantWorld, groups: GroupProvisioning) -> None:
    bo = acme.member()
    group_id = groups.create(group_of(bo)).group.id
    calls = acme.calls(lambda: groups.change(group_id, lambda _: replace(group_of(bo), name="Compliance")))
    assert calls == ["GetItem", "Query", "TransactWriteItems"]


def test_a_member_added_in_the_meantime_stays(acme: TenantWorld, idp: Person, groups: GroupProvisioning) -> None:
    bo, cy, di = (acme.member() for _ in range(3))
    group_id = groups.create(group_of(bo)).group.id

    def revise(_: GroupWithMembers) -> GroupAttributes:
        group_wiring.groups(idp.actor).add_member(group_id, di.id)
        return group_of(bo, cy)

    assert set(groups.change(group_id, revise).members) == {bo.id, cy.id, di.id}


@pytest.mark.parametrize("what", ["joins", "leaves"])
def test_a_concurrent_change_of_the_same_member_is_refused(
    what: str, acme: TenantWorld, idp: Person, groups: GroupProvisioning
) -> None:
    bo, cy = acme.member(), acme.member()
    group_id, other = groups.create(group_of(bo)).group.id, group_wiring.groups(idp.actor)

    def revise(_: GroupWithMembers) -> GroupAttributes:
        if what == "joins":
            other.add_member(group_id, cy.id)
            return group_of(bo, cy)
        other.remove_member(group_id, bo.id)
        return group_of()

    with pytest.raises(ChangedMeanwhile):
        groups.change(group_id, revise)


# -- users who are removed while others give them something
def test_a_user_who_is_put_into_a_group_while_being_removed_is_in_none_afterwards(
    users: DirectoryService, groups: GroupProvisioning, idp: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = users.create(BEA).entry.user.id
    group = groups.create(GroupAttributes("Late", "g-2", frozenset())).group
    remove_access, tries = DynamoDirectory.remove_access, []

    def late(store: DynamoDirectory, *given: Any) -> int | None:
        granted = remove_access(store, *given)
        if not tries:
            group_wiring.groups(idp.actor).add_member(group.id, user_id)
        tries.append(user_id)
        return granted

    monkeypatch.setattr(DynamoDirectory, "remove_access", late)
    users.remove(user_id)
    assert len(tries) == 2
    assert groups.read(group.id).members == ()
    assert groups.read(group.id).group.members == 0


def test_nobody_puts_a_removed_user_into_a_group(
    users: DirectoryService, groups: GroupProvisioning, idp: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = users.create(BEA).entry.user.id
    group = groups.create(GroupAttributes("Later", "g-3", frozenset())).group
    users.remove(user_id)
    check_users, looked = DynamoGroups.check_users, []

    def too_early(store: DynamoGroups, user_ids: Iterable[str]) -> None:
        if looked:
            check_users(store, user_ids)
        looked.append(user_ids)

    monkeypatch.setattr(DynamoGroups, "check_users", too_early)  # the first look is before the removal
    with pytest.raises(UserNotFound):
        group_wiring.groups(idp.actor).add_member(group.id, user_id)
    looked.clear()
    with pytest.raises(UserNotFound):
        groups.change(group.id, lambda _: GroupAttributes("Later", "g-3", frozenset({user_id})))
    assert groups.read(group.id).members == ()


def test_nothing_is_granted_to_a_removed_user(users: DirectoryService, idp: Person, acme: TenantWorld) -> None:
    user_id = users.create(BEA).entry.user.id
    folder = idp.creates_folder("Secret")["id"]
    path = f"/v1/access/{folder}/grants/user:{user_id}"
    assert idp.asks("PUT", path, {"role": "viewer"}).status == 200
    users.remove(user_id)
    refused = idp.asks("PUT", path, {"role": "viewer"})
    assert (refused.status, refused["code"]) == (404, "user_not_found")


# -- users and groups that are deleted while others grant something to them
@pytest.mark.parametrize("kind", ["user", "group"])
def test_no_grant_to_a_deleted_principal_is_left(
    kind: str, acme: TenantWorld, idp: Person, users: DirectoryService, groups: GroupProvisioning
) -> None:
    """The grant comes before each call of the deletion, one after the other. No threads and no timing."""
    events = tenant_access.clients(acme.tenant).client("dynamodb").meta.events
    folder, number, made = idp.creates_folder("Shared")["id"], 0, 1
    while number < made:  # the calls of the deletion, and then those of its repetition
        number += 1
        attributes = replace(BEA, user_name=f"bea{number}", email=f"bea{number}@acme.example")
        named = GroupAttributes(f"Legal {number}", "", frozenset())
        target = users.create(attributes).entry.user.id if kind == "user" else groups.create(named).group.id
        calls: list[str] = []

        def middle(model: Any, calls: list[str] = calls, target: str = target, at: int = number, **_: Any) -> None:
            calls.append(model.name)
            if len(calls) == at:
                idp.shares(folder, f"{kind}:{target}", "viewer")

        events.register("before-call.dynamodb", middle, unique_id="middle")
        answer = idp.asks("DELETE", f"/v1/{kind}s/{target}")
        events.unregister("before-call.dynamodb", unique_id="middle")
        made = len(calls)
        assert answer.status == 204, (number, answer)
        access = idp.asks("GET", f"/v1/access/{folder}")
        assert access.status == 200
        assert target not in str(access.body), (number, calls)


# -- changes of the same user elsewhere
@pytest.mark.parametrize("provisioned", [True, False])
@pytest.mark.parametrize("change", [{"role": "editor"}, {"disabled": True}])
def test_a_change_elsewhere_is_not_undone_by_an_old_version(
    change: dict[str, Any], provisioned: bool, acme: TenantWorld, idp: Person, users: DirectoryService
) -> None:
    bea = replace(BEA, kept='{"userName": "bea", "emails": [{"value": "bea@acme.example"}]}')
    user_id = users.create(bea).entry.user.id if provisioned else acme.member(Role.VIEWER).id
    path = f"/scim/v2/Users/{user_id}"
    old = idp.asks("GET", path)
    assert idp.asks("PATCH", f"/v1/users/{user_id}", change).status == 200
    refused = idp.asks("PUT", path, old.body, headers={"If-Match": old.headers["ETag"]})
    assert refused.status == 412
    new = idp.asks("GET", path)
    assert new.headers["ETag"] == new["meta"]["version"] != old.headers["ETag"]
    assert idp.asks("PUT", path, new.body, headers={"If-Match": new.headers["ETag"]}).status == 200


def test_a_change_elsewhere_between_the_read_and_the_transaction_is_not_undone(
    acme: TenantWorld, idp: Person, users: DirectoryService
) -> None:
    user_id = users.create(BEA).entry.user.id

    def revise(_: UserWithGroups) -> UserAttributes:
        for role in ("editor", "viewer"):  # the role is the same again, but the user has changed
            assert idp.asks("PATCH", f"/v1/users/{user_id}", {"role": role}).status == 200
        return BEA

    with pytest.raises(PreconditionFailed):
        users.change(user_id, revise)


# -- the audit trail
@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"role": Role.ADMIN}, ["role"]),
        ({"email": "new@acme.example"}, ["email"]),
        ({"name": "Beatrice", "external_id": "e-2"}, ["name", "external_id"]),
        ({"active": False}, ["status"]),
        ({"user_name": "beatrice", "kept": '{"title":"Dr."}'}, ["user_name", "attributes"]),
        ({}, []),
    ],
)
def test_the_record_of_a_change_names_what_changed_without_values(
    change: dict[str, Any], names: list[str], acme: TenantWorld, users: DirectoryService
) -> None:
    user_id, before = users.create(BEA).entry.user.id, len(acme.audit)
    users.change(user_id, lambda _: replace(BEA, **change))
    records = {each["action"]: each["facts"] for each in acme.audit[before:]}
    assert records["user.changed"]["changed"] == names
    assert not {"new@acme.example", "Beatrice", "beatrice"} & set(str(records).replace("'", " ").split())
    roles = {"from": "viewer", "to": "admin"} if "role" in change else None
    assert records.get("role.changed") == roles
