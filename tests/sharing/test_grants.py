"""Sharing through the HTTP API."""

import pytest

from docplatform.core.actor import Permission, Role
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Answer, Cloud, Person, TenantWorld

pytestmark = on_every_database


@pytest.fixture
def olga(acme: TenantWorld) -> Person:
    """An admin of the organisation."""
    return acme.member(Role.ADMIN, "Olga")


@pytest.fixture
def bo(acme: TenantWorld) -> Person:
    return acme.member(Role.EDITOR, "Bo")


@pytest.fixture
def cy(acme: TenantWorld) -> Person:
    return acme.member(Role.VIEWER, "Cy")


@pytest.fixture
def vault(olga: Person) -> str:
    """A folder without inheritance: only tenant admins see it until it is shared."""
    folder: str = olga.creates_folder("Vault")["id"]
    assert olga.cuts(folder).status == 200
    return folder


def reads(person: Person, node: str) -> int:
    kind = "documents" if node.startswith("doc_") else "folders"
    return person.asks("GET", f"/v1/{kind}/{node}").status


def same(one: Answer, other: Answer) -> bool:
    """Whether two responses are equal, apart from the members that identify the request."""
    volatile = ("instance", "request_id")
    told = [{name: value for name, value in each.body.items() if name not in volatile} for each in (one, other)]
    return one.status == other.status and told[0] == told[1]


# -- the default
def test_members_of_a_new_organisation_have_access_up_to_their_role(bo: Person, cy: Person) -> None:
    folder = bo.creates_folder("Everybody's")["id"]
    assert reads(cy, folder) == 200
    assert cy.creates_folder("Mine", inside=folder).status == 403


def test_disabling_and_demoting_a_user_are_effective_at_once(olga: Person, bo: Person) -> None:
    folder = bo.creates_folder("Bo's")["id"]
    olga.asks("PATCH", f"/v1/users/{bo.id}", {"role": "viewer"})
    assert bo.creates_folder("Another", inside=folder).status == 403  # the token still has the role editor
    olga.asks("PATCH", f"/v1/users/{bo.id}", {"disabled": True})
    refused = bo.asks("GET", f"/v1/folders/{folder}")
    assert (refused.status, refused["code"]) == (401, "unauthenticated")


# -- cut off
def test_a_folder_without_inheritance_does_not_exist_for_others(olga: Person, bo: Person, vault: str) -> None:
    document = olga.announces("secret.txt", inside=vault)["document"]["id"]
    inner = olga.creates_folder("Inner", inside=vault)["id"]
    unknown = "fld_" + "0" * 26
    for path in ("{}", "{}/children"):
        refused, nothing = (bo.asks("GET", "/v1/folders/" + path.format(each)) for each in (vault, unknown))
        assert refused.status == 404
        assert same(refused, nothing)
    assert reads(bo, inner) == reads(bo, document) == 404
    assert bo.names_in() == []
    assert bo.asks("GET", "/v1/folders/root")["children"] is None
    for call in (
        bo.asks("DELETE", f"/v1/folders/{vault}"),
        bo.asks("PATCH", f"/v1/folders/{vault}", {"name": "Mine"}),
        bo.asks("DELETE", f"/v1/documents/{document}"),
        bo.asks("PATCH", f"/v1/documents/{document}", {"name": "Mine"}),
        bo.asks("GET", f"/v1/documents/{document}/content"),
        bo.asks("POST", f"/v1/documents/{document}/upload"),
        bo.creates_folder("Mine", inside=vault),
        bo.announces("mine.txt", inside=vault),
        bo.shares(vault, bo.principal, "admin"),
        bo.explains(vault),
        bo.cuts(vault),
        bo.asks("GET", f"/v1/access/{vault}"),
    ):
        assert call.status == 404, call


def test_nothing_is_moved_into_an_invisible_folder(olga: Person, bo: Person, vault: str) -> None:
    folder, document = bo.creates_folder("Mine")["id"], bo.announces("mine.txt")["document"]["id"]
    assert bo.moves_folder(folder, to=vault)["code"] == "folder_not_found"
    assert bo.asks("PATCH", f"/v1/documents/{document}", {"folder_id": vault})["code"] == "folder_not_found"


def test_a_cut_keeps_the_actors_access_and_can_copy_the_grants(acme: TenantWorld, bo: Person, cy: Person) -> None:
    dan = acme.member(Role.EDITOR)
    project = bo.creates_folder("Project")["id"]
    plan = bo.creates_folder("Plan", inside=project)["id"]
    bo.shares(project, cy.principal, "viewer")
    assert bo.cuts(plan, copy_grants=True).status == 200
    assert [reads(each, plan) for each in (bo, cy, dan)] == [200, 200, 200]
    assert bo.unshares(plan, "everyone").status == 204
    assert [reads(each, plan) for each in (bo, cy, dan)] == [200, 200, 404]


def test_restored_inheritance_gives_access_again(olga: Person, bo: Person, vault: str) -> None:
    assert olga.asks("PUT", f"/v1/access/{vault}/inheritance", {"inherits": True}).status == 200
    assert reads(bo, vault) == 200
    assert bo.asks("GET", "/v1/folders/root")["children"] == 1


def test_the_root_has_nothing_to_inherit(olga: Person) -> None:
    assert olga.cuts("root")["code"] == "root_folder"


# -- grants
def test_a_grant_and_its_revocation_apply_to_everything_below_at_once(
    olga: Person, bo: Person, cy: Person, vault: str
) -> None:
    inner = olga.creates_folder("Inner", inside=vault)["id"]
    document = olga.announces("plan.txt", inside=inner)["document"]["id"]
    assert olga.shares(vault, bo.principal, "viewer").status == 200
    assert [reads(bo, each) for each in (vault, inner, document)] == [200, 200, 200]
    assert [reads(cy, each) for each in (vault, inner, document)] == [404, 404, 404]
    assert bo.creates_folder("Mine", inside=inner).status == 403
    assert olga.shares(vault, bo.principal, "editor").status == 200
    assert bo.creates_folder("Mine", inside=inner).status == 201
    assert olga.unshares(vault, bo.principal).status == 204
    assert [reads(bo, each) for each in (vault, inner, document)] == [404, 404, 404]


def test_the_role_in_the_organisation_caps_grants(olga: Person, cy: Person, vault: str) -> None:
    olga.shares(vault, cy.principal, "admin")
    assert reads(cy, vault) == 200
    assert cy.creates_folder("Mine", inside=vault).status == 403
    assert cy.shares(vault, "everyone", "viewer").status == 403
    found = cy.explains(vault)
    assert (found["role"], found["tenant_role"], found["capped_by_tenant_role"]) == ("viewer", "viewer", True)


def test_a_grant_to_a_group_applies_to_its_current_members(
    acme: TenantWorld, olga: Person, bo: Person, cy: Person, vault: str
) -> None:
    legal = acme.group("Legal", bo)
    assert olga.shares(vault, f"group:{legal}", "editor").status == 200
    assert [reads(bo, vault), reads(cy, vault)] == [200, 404]
    olga.asks("PUT", f"/v1/groups/{legal}/members/{cy.id}")
    assert reads(cy, vault) == 200
    olga.asks("DELETE", f"/v1/groups/{legal}/members/{bo.id}")
    assert [reads(bo, vault), reads(cy, vault)] == [404, 200]


def test_deleting_a_group_revokes_its_grants(
    acme: TenantWorld, region: Cloud, olga: Person, bo: Person, vault: str
) -> None:
    legal = acme.group("Legal", bo)
    olga.shares(vault, f"group:{legal}", "editor")
    assert olga.asks("DELETE", f"/v1/groups/{legal}").status == 204
    assert reads(bo, vault) == 404
    assert olga.asks("GET", f"/v1/access/{vault}")["grants"] == []
    assert not [item for item in region.items("data") if legal in str(item)]
    assert acme.group("Legal") != legal


def test_a_document_is_shared_without_its_folder(olga: Person, bo: Person, vault: str) -> None:
    shown, hidden = (olga.announces(name, inside=vault)["document"]["id"] for name in ("shown.txt", "hidden.txt"))
    olga.shares(shown, bo.principal, "viewer")
    assert [reads(bo, each) for each in (shown, hidden, vault)] == [200, 404, 404]
    (entry,) = bo.asks("GET", f"/v1/access/{shown}")["grants"]
    assert (entry["principal"], entry["granted_on"], entry["inherited"]) == (bo.principal, shown, False)


def test_a_reader_of_a_folder_does_not_learn_the_names_above_it(olga: Person, bo: Person, vault: str) -> None:
    inner = olga.creates_folder("Inner", inside=vault)["id"]
    olga.shares(vault, "everyone", "viewer")
    olga.unshares(vault, "everyone")
    olga.shares(inner, bo.principal, "admin")
    assert bo.asks("GET", f"/v1/folders/{inner}")["path"] == [{"id": "root", "name": ""}]
    assert "Vault" not in str(bo.asks("GET", f"/v1/access/{inner}").body)
    assert "Vault" not in str(bo.explains(inner).body)


def test_the_owner_may_share(bo: Person, cy: Person) -> None:
    folder = bo.creates_folder("Mine")["id"]
    assert bo.cuts(folder).status == 200
    assert reads(cy, folder) == 404
    assert bo.shares(folder, cy.principal, "viewer").status == 200
    assert reads(cy, folder) == 200
    assert cy.unshares(folder, "everyone").status == 403


def test_an_editor_may_not_share(olga: Person, bo: Person, cy: Person, vault: str) -> None:
    olga.shares(vault, bo.principal, "editor")
    assert bo.shares(vault, cy.principal, "viewer").status == 403
    olga.shares(vault, bo.principal, "admin")
    assert bo.shares(vault, cy.principal, "viewer").status == 200


def test_a_user_can_give_up_a_grant(olga: Person, bo: Person, vault: str) -> None:
    olga.shares(vault, bo.principal, "viewer")
    assert bo.unshares(vault, bo.principal).status == 204
    assert reads(bo, vault) == 404


@pytest.mark.parametrize("principal", ["usr_1", "user:", "user:x", "group:root", "everybody", "user:fld_" + "0" * 26])
def test_other_text_as_principal_is_refused(olga: Person, vault: str, principal: str) -> None:
    assert olga.shares(vault, principal, "viewer")["code"] == "invalid_principal"


def test_a_grant_to_an_unknown_principal_is_refused(olga: Person, vault: str, region: Cloud) -> None:
    stranger = region.tenant("globex").member()
    assert olga.shares(vault, stranger.principal, "viewer")["code"] == "user_not_found"
    assert olga.shares(vault, "group:grp_" + "0" * 26, "viewer")["code"] == "group_not_found"
    assert olga.unshares(vault, "everyone")["code"] == "grant_not_found"
    assert olga.asks("GET", f"/v1/access/{vault}")["grants"] == []


def test_the_same_grant_twice_is_one(olga: Person, bo: Person, vault: str, acme: TenantWorld) -> None:
    for _ in range(2):
        assert len(olga.shares(vault, bo.principal, "viewer")["grants"]) == 1
    assert acme.actions.count("access.granted") == 1


def test_a_grant_reads_nothing_twice_and_is_not_audited_as_a_list(
    olga: Person, bo: Person, vault: str, acme: TenantWorld
) -> None:
    olga.asks("GET", f"/v1/access/{vault}")  # now the credentials are cached
    before = acme.actions.count("access.listed")
    calls = acme.calls(lambda: olga.shares(vault, bo.principal, "viewer"))
    assert calls.count("TransactWriteItems") == 1 and len(calls) <= 3, calls
    assert acme.actions.count("access.listed") == before
    restored = acme.calls(lambda: olga.asks("PUT", f"/v1/access/{vault}/inheritance", {"inherits": True}))
    assert restored.count("TransactWriteItems") == 1 and len(restored) <= 3, restored
    assert acme.actions.count("access.listed") == before


def test_the_response_to_a_change_equals_the_next_list(olga: Person, bo: Person, vault: str) -> None:
    def listed() -> object:
        return olga.asks("GET", f"/v1/access/{vault}").body

    assert olga.shares(vault, bo.principal, "editor").body == listed()
    assert olga.asks("PUT", f"/v1/access/{vault}/inheritance", {"inherits": True}).body == listed()
    assert olga.shares(vault, bo.principal, "viewer").body == listed()
    assert olga.cuts(vault, copy_grants=True).body == listed()


def test_a_grant_that_changes_nothing_is_audited_as_a_list(
    olga: Person, bo: Person, vault: str, acme: TenantWorld
) -> None:
    olga.shares(vault, bo.principal, "viewer")
    before = acme.actions.count("access.listed")
    olga.shares(vault, bo.principal, "viewer")
    assert acme.actions.count("access.listed") == before + 1


def test_too_many_grants_on_a_node_are_refused(
    olga: Person, acme: TenantWorld, vault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docplatform.sharing.grants.MOST_GRANTS", 2)
    first, second, third = (acme.member() for _ in range(3))
    assert [olga.shares(vault, each.principal, "viewer").status for each in (first, second)] == [200, 200]
    assert olga.shares(vault, third.principal, "viewer")["code"] == "too_many_grants"
    assert olga.shares(vault, second.principal, "editor").status == 200


# -- explain, and who has what
def test_an_explanation_names_the_grant_the_group_and_the_folder(
    acme: TenantWorld, olga: Person, bo: Person, cy: Person, vault: str
) -> None:
    legal = acme.group("Legal", bo)
    inner = olga.creates_folder("Inner", inside=vault)["id"]
    olga.shares(vault, f"group:{legal}", "editor")
    olga.shares(inner, bo.principal, "viewer")
    found = olga.explains(inner, bo.id)
    assert found["role"] == "editor"
    assert [(each["because"], each["principal"], each["granted_on_name"]) for each in found["reasons"]] == [
        ("grant", f"group:{legal}", "Vault"),
        ("grant", bo.principal, "Inner"),
    ]
    assert found["groups"] == [legal]
    nothing = olga.explains(inner, cy.id)
    assert (nothing["role"], nothing["reasons"], nothing["inheritance_cut_at"]) == (None, [], vault)
    assert olga.explains(inner)["reasons"][0]["because"] == "tenant_admin"
    assert bo.explains(inner, cy.id).status == 403


def test_the_grants_of_a_user_are_listed(acme: TenantWorld, olga: Person, bo: Person, cy: Person, vault: str) -> None:
    legal = acme.group("Legal", bo)
    document = olga.announces("plan.txt", inside=vault)["document"]["id"]
    olga.shares(vault, f"group:{legal}", "editor")
    olga.shares(document, bo.principal, "viewer")
    listed, cursor = [], ""
    while True:
        page = bo.asks("GET", "/v1/access", query={"limit": "1", **({"cursor": cursor} if cursor else {})})
        listed += [(each["id"], each["principal"], each["role"]) for each in page["items"]]
        if not (cursor := page["next_cursor"]):
            break
    assert sorted(listed) == sorted(
        [(vault, f"group:{legal}", "editor"), (document, bo.principal, "viewer"), ("root", "everyone", "editor")]
    )
    assert olga.asks("GET", "/v1/access", query={"user_id": bo.id}).status == 200
    assert cy.asks("GET", "/v1/access", query={"user_id": bo.id}).status == 403
    olga.asks("DELETE", f"/v1/documents/{document}")
    assert document not in str(bo.asks("GET", "/v1/access").body)


def test_every_change_of_access_is_audited(acme: TenantWorld, olga: Person, bo: Person, vault: str) -> None:
    olga.shares(vault, bo.principal, "viewer")
    olga.unshares(vault, bo.principal)
    olga.explains(vault, bo.id)
    reads(bo, vault)
    about = [item["action"] for item in acme.audit if item["target"].endswith(vault)]
    for action in ("inheritance.cut", "access.granted", "access.revoked", "access.explained", "access.refused"):
        assert action in about


# -- lists
def test_a_page_with_hidden_children_is_filled_up(olga: Person, bo: Person) -> None:
    for number in range(9):
        made = olga.creates_folder(f"{number}")["id"]
        if number % 3:
            olga.cuts(made)
    assert bo.names_in(limit="2") == ["0", "3", "6"]
    assert bo.names_in(limit="2", sort="-created_at") == ["6", "3", "0"]
    assert len(olga.names_in(limit="4")) == 9


def test_a_folder_whose_children_have_grants_of_their_own_costs_no_more_calls_to_list(
    acme: TenantWorld, olga: Person, bo: Person
) -> None:
    plain, mixed = olga.creates_folder("Plain")["id"], olga.creates_folder("Mixed")["id"]
    for number in range(12):
        olga.creates_folder(f"{number}", inside=plain)
        child = olga.creates_folder(f"{number}", inside=mixed)["id"]
        if number % 2:
            olga.shares(child, bo.principal, "viewer")
        if number % 3 == 0:
            olga.cuts(child)

    def calls(folder: str) -> int:
        return len(acme.calls(lambda: bo.lists(folder, limit="100")))

    assert 0 < calls(mixed) <= calls(plain)
    assert len(bo.names_in(mixed)) == 10  # 0, 3, 6, 9 are cut; 3 and 9 are granted to bo


# -- groups
def test_groups_have_names_of_their_own(acme: TenantWorld, olga: Person, bo: Person) -> None:
    legal = acme.group("Legal", bo)
    assert olga.asks("POST", "/v1/groups", {"name": "LEGAL"})["code"] == "group_name_taken"
    assert olga.asks("PATCH", f"/v1/groups/{legal}", {"name": "Law"})["name"] == "Law"
    assert acme.group("Legal") != legal
    assert {each["name"]: each["members"] for each in bo.asks("GET", "/v1/groups")["items"]} == {"Law": 1, "Legal": 0}
    assert [each["name"] for each in bo.asks("GET", f"/v1/groups/{legal}/members")["items"]] == ["Bo"]


def test_a_repeated_request_makes_one_group(acme: TenantWorld, olga: Person) -> None:
    def asks(name: str, key: str, who: Person = olga) -> Answer:
        return who.asks("POST", "/v1/groups", {"name": name}, headers={"Idempotency-Key": key})

    first, again = asks("Legal", "k1"), asks("Legal", "k1")
    assert (first.status, again.status) == (201, 201) and first["id"] == again["id"]
    assert acme.actions.count("group.created") == 1
    assert asks("Tax", "k1")["code"] == "idempotency_key_reused"
    assert asks("Legal", "k2")["code"] == "group_name_taken"
    assert asks("Tax", "k1", acme.member(Role.ADMIN)).status == 201, "a key is one person's"


def test_only_admins_make_groups(bo: Person, acme: TenantWorld) -> None:
    legal = acme.group("Legal")
    for call in (
        bo.asks("POST", "/v1/groups", {"name": "Mine"}),
        bo.asks("PUT", f"/v1/groups/{legal}/members/{bo.id}"),
        bo.asks("DELETE", f"/v1/groups/{legal}"),
    ):
        assert call.status == 403


def test_a_group_of_another_tenant_is_unknown(acme: TenantWorld, olga: Person, bo: Person, region: Cloud) -> None:
    globex = region.tenant("globex")
    theirs = globex.group("Theirs", globex.member())
    for call in (
        olga.asks("GET", f"/v1/groups/{theirs}"),
        olga.asks("GET", f"/v1/groups/{theirs}/members"),
        olga.asks("PUT", f"/v1/groups/{theirs}/members/{bo.id}"),
        olga.asks("DELETE", f"/v1/groups/{theirs}"),
        olga.shares("root", f"group:{theirs}", "viewer"),
    ):
        assert call["code"] == "group_not_found"


def test_adding_a_member_twice_adds_one_member(acme: TenantWorld, olga: Person, bo: Person) -> None:
    legal = acme.group("Legal", bo, bo)
    assert olga.asks("GET", f"/v1/groups/{legal}")["members"] == 1
    assert olga.asks("DELETE", f"/v1/groups/{legal}/members/{bo.id}").status == 204
    assert olga.asks("DELETE", f"/v1/groups/{legal}/members/{bo.id}")["code"] == "user_not_found"
    assert olga.asks("GET", f"/v1/groups/{legal}")["members"] == 0


# -- API keys
def test_a_key_that_only_writes_is_shown_no_grants_by_a_change_without_effect(acme: TenantWorld) -> None:
    admin, bo = acme.member(Role.ADMIN), acme.member()
    folder = admin.creates_folder("Plans")["id"]
    admin.shares(folder, bo.principal, "viewer")
    key = admin.by_key(Permission.WRITE)
    empty = {f"grants/{bo.principal}": {"role": "viewer"}, "inheritance": {"inherits": True}}
    for path, body in empty.items():
        refused = key.asks("PUT", f"/v1/access/{folder}/{path}", body)
        assert (refused.status, refused["code"]) == (403, "forbidden")
        both = admin.by_key(Permission.WRITE, Permission.READ)
        assert both.asks("PUT", f"/v1/access/{folder}/{path}", body).status == 200


def test_a_key_that_only_reads_gives_up_no_grant_of_its_owner(acme: TenantWorld) -> None:
    admin, bo = acme.member(Role.ADMIN), acme.member()
    folder = admin.creates_folder("Plans")["id"]
    admin.cuts(folder)
    admin.shares(folder, bo.principal, "viewer")
    assert bo.by_key(Permission.READ).unshares(folder, bo.principal).status == 403
    assert bo.lists(folder).status == 200
    assert bo.by_key(Permission.READ, Permission.WRITE).unshares(folder, bo.principal).status == 204
    assert bo.lists(folder).status == 404
