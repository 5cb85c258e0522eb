"""SCIM 2.0 as an identity system uses it, and the test suite scim2-tester (PyPI)."""

import json
from typing import Any

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from docplatform.core.actor import Permission, Role
from docplatform.core.tenant import tenant_context
from tests.support.http_server import STAYS_DISABLED, Ask, application
from tests.support.mocked_aws import Answer, Cloud, Person, TenantWorld

pytestmark = pytest.mark.slow

USER, GROUP, PATCH = (
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:core:2.0:Group",
    "urn:ietf:params:scim:api:messages:2.0:PatchOp",
)


@pytest.fixture
def idp(acme: TenantWorld) -> Person:
    """The identity system, which uses an admin's token."""
    return acme.member(Role.ADMIN)


def asked(person: Person) -> Ask:
    """Calls the handlers in this process."""

    def ask(method: str, path: str, query: dict[str, str], headers: dict[str, str], body: str) -> Any:
        answer = person.asks(method, path, query=query or None, headers=headers, raw=body)
        return answer.status, answer.headers, json.dumps(answer.body).encode() if answer.body is not None else b""

    return ask


@pytest.mark.slow
def test_the_suite_of_scim2_tester_passes(region: Cloud) -> None:
    from docplatform.core.tenant import Plan

    person = region.tenant("scim", Plan.ENTERPRISE).member(Role.ADMIN)
    address = f"https://{person.home.tenant.subdomain}.us.example/scim/v2"
    results = check_server(WSGISCIMClient(application(asked(person)), base_url=address))
    bad = [f"{each.title}: {each.reason}" for each in results if each.status not in (Status.SUCCESS, Status.SKIPPED)]
    assert set(bad) <= {STAYS_DISABLED}, "\n".join(bad)
    assert sum(each.status is Status.SUCCESS for each in results) > 100


# -- what identity systems do
def makes(idp: Person, user_name: str, /, **more: Any) -> Answer:
    return idp.asks("POST", "/scim/v2/Users", {"schemas": [USER], "userName": user_name, **more})


def patches(idp: Person, path: str, *operations: dict[str, Any], **headers: str) -> Answer:
    return idp.asks("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, headers=headers or None)


def finds(idp: Person, text: str, kind: str = "Users") -> list[str]:
    return [each["id"] for each in idp.asks("GET", f"/scim/v2/{kind}", query={"filter": text})["Resources"]]


def test_a_user_is_created_found_changed_and_removed(idp: Person, acme: TenantWorld) -> None:
    made = makes(
        idp,
        "bjensen",
        externalId="e-1",
        name={"givenName": "Barbara", "familyName": "Jensen"},
        emails=[{"value": "b.jensen@acme.example", "type": "work", "primary": True}],
        title="Tour Guide",
    )
    assert (made.status, made.headers["ETag"], made["active"]) == (201, 'W/"1"', True)
    assert made.headers["Content-Type"] == "application/scim+json"
    assert made.headers["Location"].endswith(f"/scim/v2/Users/{made['id']}")
    for text in (
        'userName eq "BJENSEN"',
        'externalId eq "e-1"',
        'name.familyName sw "jen" and active eq true',
        'emails[type eq "work" and value co "jensen"]',
        "title pr",
    ):
        assert finds(idp, text) == [made["id"]], text
    assert finds(idp, 'userName eq "nobody"') == []
    path = f"/scim/v2/Users/{made['id']}"
    changed = patches(idp, path, {"op": "replace", "path": "name.familyName", "value": "Smith"})
    assert (changed.status, changed["name"]["familyName"], changed["title"]) == (200, "Smith", "Tour Guide")
    assert idp.asks("GET", path, query={"attributes": "userName"}).body.keys() == {"schemas", "id", "userName"}
    assert idp.asks("DELETE", path).status == 204
    assert idp.asks("GET", path).status == 404
    assert finds(idp, 'userName eq "bjensen"') == []
    assert makes(idp, "bjensen", emails=[{"value": "b.jensen@acme.example"}]).status == 201
    actions = acme.actions
    assert {"user.provisioned", "user.changed", "user.deleted"} <= set(actions)


def test_no_personal_data_of_a_removed_user_stays_in_the_database(idp: Person, region: Cloud) -> None:
    made = makes(idp, "quetzalcoatl", displayName="Quetzal", emails=[{"value": "quetzal@acme.example"}])
    idp.asks("DELETE", f"/scim/v2/Users/{made['id']}")
    assert "quetzal" not in json.dumps(region.items("data"), default=str).lower()
    assert "quetzal" not in json.dumps(region.items("audit"), default=str).lower()


def test_an_invited_user_is_a_user_like_any_other(idp: Person, acme: TenantWorld) -> None:
    bo = acme.member(Role.EDITOR, "Bo")
    path = f"/scim/v2/Users/{bo.id}"
    shown = idp.asks("GET", path)
    assert (shown["displayName"], shown["active"]) == ("Bo", True)
    assert patches(idp, path, {"op": "replace", "path": "displayName", "value": "Bob"})["displayName"] == "Bob"
    assert bo.asks("GET", "/v1/folders/root").status == 200


def test_roles_decide_what_a_user_may_do(idp: Person, acme: TenantWorld) -> None:
    made = makes(idp, "ed", roles=[{"value": "editor"}])
    found = idp.asks("GET", "/v1/access/root/explanation", query={"user_id": made["id"]})
    assert found["tenant_role"] == "editor"
    patches(idp, f"/scim/v2/Users/{made['id']}", {"op": "replace", "path": "roles", "value": [{"value": "viewer"}]})
    found = idp.asks("GET", "/v1/access/root/explanation", query={"user_id": made["id"]})
    assert found["tenant_role"] == "viewer"


@pytest.mark.parametrize(
    "operation", [{"op": "replace", "path": "active", "value": False}, {"op": "Replace", "value": {"active": False}}]
)
def test_the_sessions_of_an_inactive_user_end(
    idp: Person, acme: TenantWorld, operation: dict[str, Any], region: Cloud
) -> None:
    from datetime import UTC, datetime, timedelta

    from docplatform.core import ids
    from docplatform.identity.model import Session
    from docplatform.identity.wiring.users import people

    bo, at = acme.member(Role.EDITOR), datetime.now(UTC)
    session = Session(ids.new(ids.SESSION, at), bo.id, "s", "f", at, at, at + timedelta(days=1), "", "", at)
    with tenant_context(acme.tenant), people(acme.tenant).begin() as changes:
        changes.open_session(session)
    changed = patches(idp, f"/scim/v2/Users/{bo.id}", operation)
    assert (changed.status, changed["active"]) == (200, False)
    with tenant_context(acme.tenant):
        assert people(acme.tenant).session(session.id) is None
        found = people(acme.tenant).user(bo.id)
    assert found is not None
    assert found.status == "disabled"


def test_one_admin_always_stays(idp: Person) -> None:
    only, off = makes(idp, "only", roles=[{"value": "admin"}]), {"op": "replace", "path": "active", "value": False}
    path = f"/scim/v2/Users/{only['id']}"
    demoted = {"op": "replace", "path": "roles", "value": [{"value": "viewer"}]}
    refused = [patches(idp, path, off), patches(idp, path, demoted), idp.asks("DELETE", path)]
    assert [each.status for each in refused] == [409, 409, 409]
    assert idp.asks("GET", path)["active"] is True
    makes(idp, "another", roles=[{"value": "admin"}])
    assert idp.asks("DELETE", path).status == 204


def test_programs_are_not_among_the_users(idp: Person) -> None:
    program = idp.asks("POST", "/v1/service-accounts", {"name": "Nightly import", "role": "editor"})
    path = f"/scim/v2/Users/{program['id']}"
    assert [idp.asks("GET", path).status, idp.asks("DELETE", path).status] == [404, 404]
    assert finds(idp, 'displayName eq "Nightly import"') == []


def test_removing_a_user_audits_the_end_of_memberships_and_grants(idp: Person, acme: TenantWorld) -> None:
    bo = acme.member(Role.EDITOR)
    body = {"schemas": [GROUP], "displayName": "Legal", "members": [{"value": bo.id}]}
    idp.asks("POST", "/scim/v2/Groups", body)
    vault = idp.creates_folder("Vault")["id"]
    idp.shares(vault, f"user:{bo.id}", "viewer")
    assert idp.asks("DELETE", f"/v1/users/{bo.id}").status == 204
    assert idp.asks("GET", f"/v1/users/{bo.id}").status == 404
    assert {"group-member.removed", "access.revoked", "user.deleted"} <= set(acme.actions)
    assert bo.id not in json.dumps(idp.asks("GET", f"/v1/access/{vault}").body)


def test_names_and_addresses_are_taken_once(idp: Person) -> None:
    makes(idp, "ann", emails=[{"value": "ann@acme.example"}])
    for again in (makes(idp, "ANN"), makes(idp, "other", emails=[{"value": "Ann@acme.example"}])):
        assert (again.status, again["scimType"], again["status"]) == (409, "uniqueness", "409")


def test_a_change_of_an_outdated_user_is_refused(idp: Person) -> None:
    made = makes(idp, "ann")
    path, wanted = f"/scim/v2/Users/{made['id']}", {"op": "replace", "path": "displayName", "value": "Ann"}
    assert patches(idp, path, wanted, **{"If-Match": 'W/"1"'}).headers["ETag"] == 'W/"2"'
    refused = patches(idp, path, wanted, **{"If-Match": 'W/"1"'})
    assert (refused.status, refused["schemas"]) == (412, ["urn:ietf:params:scim:api:messages:2.0:Error"])


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "status", "kind"),
    [
        ("GET", "/scim/v2/Users", None, {"filter": "userName xx 1"}, 400, "invalidFilter"),
        ("GET", "/scim/v2/Users", None, {"filter": 'nothing eq "1"'}, 400, "invalidFilter"),
        ("POST", "/scim/v2/Users", {"schemas": [USER]}, None, 400, "invalidValue"),
        ("POST", "/scim/v2/Users", {"schemas": [USER], "userName": "x", "emails": [{"value": "no"}]}, None, 400, None),
        ("GET", "/scim/v2/Users/usr_1", None, None, 404, None),
        ("GET", "/scim/v2/Groups/grp_1", None, None, 404, None),
        ("GET", "/scim/v2/Nothing", None, None, 404, None),
        (
            "POST",
            "/scim/v2/Groups",
            {"schemas": [GROUP], "displayName": "G", "members": [{"value": "usr_1"}]},
            None,
            404,
            None,
        ),
    ],
)
def test_errors_have_the_form_of_scim(
    idp: Person, method: str, path: str, body: object, query: dict[str, str] | None, status: int, kind: str | None
) -> None:
    answer = idp.asks(method, path, body, query=query)
    assert (answer.status, answer["status"]) == (status, str(status)), answer
    assert answer.headers["Content-Type"] == "application/scim+json"
    assert kind is None or answer["scimType"] == kind


def test_groups_follow_the_identity_system_and_grants_follow_groups(idp: Person, acme: TenantWorld) -> None:
    bo, cy = acme.member(Role.EDITOR), acme.member(Role.EDITOR)
    body = {"schemas": [GROUP], "displayName": "Legal", "externalId": "g-1", "members": [{"value": bo.id}]}
    made = idp.asks("POST", "/scim/v2/Groups", body)
    assert (made.status, [each["value"] for each in made["members"]]) == (201, [bo.id])
    path = f"/scim/v2/Groups/{made['id']}"
    vault = idp.creates_folder("Vault")["id"]
    idp.cuts(vault)
    idp.shares(vault, f"group:{made['id']}", "viewer")

    def see() -> list[int]:
        return [each.asks("GET", f"/v1/folders/{vault}").status for each in (bo, cy)]

    assert see() == [200, 404]
    patches(idp, path, {"op": "add", "path": "members", "value": [{"value": cy.id}]})
    assert see() == [200, 200]
    patches(idp, path, {"op": "remove", "path": f'members[value eq "{bo.id}"]'})
    assert see() == [404, 200]
    assert finds(idp, f'members.value eq "{cy.id}"', "Groups") == [made["id"]]
    assert finds(idp, 'displayName eq "legal"', "Groups") == [made["id"]]
    assert [each["value"] for each in idp.asks("GET", f"/scim/v2/Users/{cy.id}")["groups"]] == [made["id"]]
    assert idp.asks("DELETE", f"/scim/v2/Users/{cy.id}").status == 204
    assert "members" not in idp.asks("GET", path).body
    assert idp.asks("DELETE", path).status == 204
    assert see() == [404, 401]  # a removed user has no access at once


@pytest.fixture
def crowd(idp: Person, acme: TenantWorld) -> dict[str, list[str]]:
    """By group id: the members. Every third group has none."""
    people = [acme.member().id for _ in range(4)]
    groups = {}
    for number in range(12):
        chosen = sorted(people[: number % 3 * 2])
        body = {"schemas": [GROUP], "displayName": f"g{number}", "members": [{"value": each} for each in chosen]}
        groups[str(idp.asks("POST", "/scim/v2/Groups", body)["id"])] = chosen
    return groups


def members_in(page: Answer) -> dict[str, list[str]]:
    return {each["id"]: [member["value"] for member in each.get("members", ())] for each in page["Resources"]}


def test_a_list_of_groups_costs_the_same_whatever_their_number(
    idp: Person, acme: TenantWorld, crowd: dict[str, list[str]]
) -> None:
    def lists(**query: str) -> Answer:
        return idp.asks("GET", "/scim/v2/Groups", query=query)

    assert members_in(lists(count="100")) == crowd
    one, all_ = (acme.calls(lambda count=count: lists(count=count)) for count in ("2", "100"))
    assert one == all_ == ["Query", "BatchGetItem", "Query", "PutItem"]
    for selection in (
        {"excludedAttributes": "members"},
        {"attributes": "displayName"},
        {"attributes": f"{GROUP}:displayName"},
    ):
        assert members_in(lists(**selection)) == {each: [] for each in crowd}
        assert acme.calls(lambda query=selection: lists(**query)).count("Query") == 1, selection
    for selection in ({"attributes": "members.value"}, {"attributes": f"{GROUP}:members"}):
        assert members_in(lists(**selection)) == crowd, selection


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 1000])
def test_members_are_read_together_and_groups_between_are_skipped(
    at_once: int, idp: Person, acme: TenantWorld, crowd: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from docplatform.directory.adapters import provisioning_store
    from docplatform.runtime.tenant_access import table

    monkeypatch.setattr(provisioning_store, "_KEYS", at_once)
    directory = provisioning_store.DynamoDirectory(table(acme.tenant))
    known = list(crowd)
    with tenant_context(acme.tenant):
        for chosen in (known, known[:1], known[-1:], known[1:3], known[::5], [known[1], known[10]], [], known[::-1]):
            assert directory.members(chosen) == {each: crowd[each] for each in chosen}
        between = acme.calls(lambda: directory.members([known[1], known[10]]))
    assert len(between) <= 2 + 4 / at_once, "the eight groups between them are not read to the end"


def test_lists_come_in_pages(idp: Person) -> None:
    for number in range(5):
        makes(idp, f"user{number}")
    first = idp.asks("GET", "/scim/v2/Users", query={"startIndex": "1", "count": "2"})
    assert (first["totalResults"], first["itemsPerPage"], first["startIndex"]) == (5, 2, 1)
    last = idp.asks("GET", "/scim/v2/Users", query={"startIndex": "5", "count": "2"})
    assert [each["userName"] for each in last["Resources"]] == ["user4"]
    assert idp.asks("GET", "/scim/v2/Users", query={"count": "0"})["Resources"] == []


def test_requests_about_users_cost_few_calls(idp: Person, acme: TenantWorld) -> None:
    path = f"/scim/v2/Users/{makes(idp, 'ann')['id']}"
    makes(idp, "bo")
    for query, calls in (
        ({"count": "1"}, ["Query", "BatchGetItem", "PutItem"]),
        ({"count": "0"}, ["Query", "BatchGetItem", "PutItem"]),  # the caller
        ({"filter": 'userName eq "bo"'}, ["BatchGetItem", "BatchGetItem", "PutItem"]),
        ({"filter": 'userName sw "b"'}, ["Query", "BatchGetItem", "PutItem"]),
    ):
        assert acme.calls(lambda query=query: idp.asks("GET", "/scim/v2/Users", query=query)) == calls, query
    wanted = {"op": "replace", "path": "displayName", "value": "Ann"}
    idp = idp.by_key(Permission.MANAGE_USERS)  # a session pays one batch more, for the step-up
    assert acme.calls(lambda: patches(idp, path, wanted)) == ["BatchGetItem", "TransactWriteItems"]
    assert acme.calls(lambda: patches(idp, path, wanted)) == ["BatchGetItem", "PutItem"]
    assert acme.calls(lambda: patches(idp, path, wanted, **{"If-Match": 'W/"1"'})) == ["BatchGetItem", "PutItem"]


def test_only_user_managers_may_call_scim(acme: TenantWorld) -> None:
    editor = acme.member(Role.EDITOR)
    for path in ("/scim/v2/Users", "/scim/v2/Groups", "/scim/v2/Schemas", "/scim/v2/ServiceProviderConfig"):
        assert editor.asks("GET", path).status == 403


def test_users_of_another_tenant_are_unknown(idp: Person, region: Cloud) -> None:
    stranger = region.tenant("globex").member()
    path = f"/scim/v2/Users/{stranger.id}"
    assert [idp.asks("GET", path).status, idp.asks("DELETE", path).status] == [404, 404]
    assert patches(idp, path, {"op": "replace", "path": "active", "value": False}).status == 404
    body = {"schemas": [GROUP], "displayName": "G", "members": [{"value": stranger.id}]}
    assert idp.asks("POST", "/scim/v2/Groups", body).status == 404


def test_the_plans_seats_are_counted(idp: Person, acme: TenantWorld, region: Cloud) -> None:
    made = makes(idp, "one")
    assert acme.usage["users"] == 1
    idp.asks("DELETE", f"/scim/v2/Users/{made['id']}")
    assert acme.usage["users"] == 0
