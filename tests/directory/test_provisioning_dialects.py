"""Users as existing provisioning systems write them, and hostile input in every field that such a system fills."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docplatform.core.actor import Role
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.codec import decode_item, encode_item
from tests.directory.test_scim import PATCH, USER, makes, patches
from tests.support.mocked_aws import Answer, Person, TenantWorld

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture
def idp(acme: TenantWorld) -> Person:
    """The identity system, which uses an admin's token."""
    system = acme.member(Role.ADMIN)
    assert makes(system, "keeper", roles=[{"value": "admin"}]).status == 201  # so that nobody else is the last admin
    return system


def stored(acme: TenantWorld, user_id: str) -> dict[str, Any]:
    key = IdentityKeys(acme.tenant.id).user(user_id)
    found = acme.cloud.database.get_item(TableName="data", Key=encode_item(key._asdict()))
    return decode_item(found["Item"])


def new(idp: Person, name: str, **more: Any) -> str:
    made = makes(idp, name, **more)
    assert made.status == 201, made
    return str(made["id"])


def path_of(user_id: str) -> str:
    return f"/scim/v2/Users/{user_id}"


def replaces(idp: Person, user_id: str, **members: Any) -> Answer:
    return idp.asks("PUT", path_of(user_id), {"schemas": [USER], **members})


# -- the leaver is out


LEAVER: dict[str, list[dict[str, Any]]] = {
    "manager as a bare text": [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "usr_boss"},
    ],
    "without paths": [{"op": "Replace", "value": {"active": "False", f"{ENTERPRISE}:manager": "usr_boss"}}],
    "in the extension": [{"op": "Replace", "value": {"active": "False", ENTERPRISE: {"manager": "usr_boss"}}}],
    "manager as JSON": [
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"value": "usr_boss"}},
    ],
}


@pytest.mark.parametrize("kind", LEAVER)
def test_a_leaver_is_out_however_the_manager_is_written(idp: Person, acme: TenantWorld, kind: str) -> None:
    user = new(idp, f"leaver-{len(kind)}")
    answer = patches(idp, path_of(user), *LEAVER[kind])
    assert (answer.status, answer["active"], answer[ENTERPRISE]["manager"]["value"]) == (200, False, "usr_boss")
    assert stored(acme, user)["status"] == "disabled"


def test_paths_as_names_of_attributes_are_all_applied(idp: Person, acme: TenantWorld) -> None:
    user = new(idp, "flat", emails=[{"value": "flat@acme.example", "type": "work", "primary": True}])
    value = {
        "displayName": "Flat Earth",
        "name.familyName": "Earth",
        'emails[type eq "work"].value': "earth@acme.example",
        f"{ENTERPRISE}:department": "Maps",
    }
    answer = patches(idp, path_of(user), {"op": "replace", "value": value})
    assert answer.status == 200
    assert (answer["name"]["familyName"], answer[ENTERPRISE]["department"]) == ("Earth", "Maps")
    assert (answer["displayName"], answer["emails"][0]["value"]) == ("Flat Earth", "earth@acme.example")
    assert stored(acme, user)["email"] == "earth@acme.example"


def test_a_path_that_cannot_be_read_is_refused_and_nothing_changes(idp: Person, acme: TenantWorld) -> None:
    user = new(idp, "unread")
    answer = patches(
        idp, path_of(user), {"op": "replace", "value": {"displayName": "X", "emails[type eq": "x@y.example"}}
    )
    assert answer.status == 400
    assert "http" not in answer["detail"]
    assert stored(acme, user)["name"] == ""


# -- roles


def _json_role(name: str) -> str:
    return json.dumps({"id": "1", "value": name, "displayName": name.title()})


ROLES: dict[str, tuple[dict[str, Any], str]] = {
    "one more": ({"op": "Add", "path": "roles", "value": [{"value": "editor"}]}, "editor"),
    "a bare text": ({"op": "Add", "path": "roles", "value": "editor"}, "editor"),
    "JSON in a text": ({"op": "Add", "path": "roles", "value": [{"value": _json_role("Editor")}]}, "editor"),
    "a list in a text": ({"op": "Add", "path": "roles", "value": f"[{_json_role('editor')}]"}, "editor"),
    "several": ({"op": "replace", "path": "roles", "value": [{"value": "editor"}, {"value": "admin"}]}, "admin"),
    "the primary one": ({"op": "Add", "path": 'roles[primary eq "True"].value', "value": "editor"}, "editor"),
    "an unknown one beside it": ({"op": "Add", "path": "roles", "value": [{"value": "Guest"}]}, "viewer"),
}


@pytest.mark.parametrize("kind", ROLES)
def test_the_highest_role_counts(idp: Person, acme: TenantWorld, kind: str) -> None:
    operation, role = ROLES[kind]
    user = new(idp, f"role-{len(kind)}", roles=[{"value": "viewer"}])
    assert patches(idp, path_of(user), operation).status == 200
    assert stored(acme, user)["role"] == role


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "roles"},
        {"op": "remove", "path": 'roles[value eq "admin"]'},
        {"op": "replace", "path": "roles", "value": []},
        {"op": "replace", "path": "roles", "value": [{"value": "Guest"}]},
    ],
)
def test_a_removed_admin_is_no_admin(idp: Person, acme: TenantWorld, operation: dict[str, Any]) -> None:
    user = new(idp, f"admin-{len(str(operation))}", roles=[{"value": "admin"}])
    assert stored(acme, user)["role"] == "admin"
    assert patches(idp, path_of(user), operation).status == 200
    assert stored(acme, user)["role"] == "viewer"


def test_a_replacement_without_roles_takes_the_role(idp: Person, acme: TenantWorld) -> None:
    user = new(idp, "put-admin", roles=[{"value": "admin"}])
    assert replaces(idp, user, userName="put-admin").status == 200
    assert stored(acme, user)["role"] == "viewer"


def test_a_role_that_scim_never_said_stays(idp: Person, acme: TenantWorld) -> None:
    bo = acme.member(Role.EDITOR, "Bo")
    assert patches(idp, path_of(bo.id), {"op": "replace", "path": "displayName", "value": "Bob"}).status == 200
    assert stored(acme, bo.id)["role"] == "editor"


# -- active


def test_a_disabled_user_stays_disabled_where_active_is_not_said(idp: Person, acme: TenantWorld) -> None:
    user = new(idp, "away", active=False)
    assert replaces(idp, user, userName="away", displayName="Away").status == 200
    assert stored(acme, user)["status"] == "disabled"
    patches(idp, path_of(user), {"op": "remove", "path": "active"})
    assert stored(acme, user)["status"] == "disabled"
    assert replaces(idp, user, userName="away", active=True).status == 200
    assert stored(acme, user)["status"] == "active"


# -- names and addresses


def test_a_user_name_is_nobody_elses_address(idp: Person) -> None:
    ann = new(idp, "ann", emails=[{"value": "ann@acme.example"}])
    taken = makes(idp, "Ann@acme.example", emails=[{"value": "other@acme.example"}])
    assert (taken.status, taken["scimType"]) == (409, "uniqueness")
    bo = new(idp, "bo@acme.example", emails=[{"value": "bo.second@acme.example"}])
    taken = patches(idp, path_of(ann), {"op": "replace", "path": "emails", "value": [{"value": "bo@acme.example"}]})
    assert taken.status == 409
    moved = {"userName": "ann@acme.example", "emails": [{"value": "bo@acme.example"}]}
    assert replaces(idp, bo, **moved)["scimType"] == "uniqueness"
    # one's own name and address may be the same, and change places
    assert patches(idp, path_of(ann), {"op": "replace", "path": "userName", "value": "ann@acme.example"}).status == 200
    swapped = {"userName": "old@acme.example", "emails": [{"value": "ann@acme.example"}]}
    assert replaces(idp, ann, **swapped).status == 200
    swapped = {"userName": "ann@acme.example", "emails": [{"value": "old@acme.example"}]}
    assert replaces(idp, ann, **swapped).status == 200


# -- hostile input

HOSTILE: dict[str, Any] = {
    "a lone surrogate": "\ud800",
    "a text of 300,000 characters": "x" * 300_000,
    "NUL": "a\u0000b",
    "a number": 7,
    "a huge number": 10**400,
    "a list of lists": [[[[]]]],
    "deep": json.loads("[" * 900 + "]" * 900),
    "deep objects": json.loads('{"value":' * 900 + "1" + "}" * 900),
    "JSON that is deep": "[" * 100_000,
    "null": None,
    "an object": {"value": {"value": {"value": 1}}},
    "true": True,
}
FIELDS = ("userName", "displayName", "name", "emails", "roles", "externalId", "active", "manager", ENTERPRISE, "title")


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_input_is_refused_or_stored_and_never_a_fault(idp: Person, kind: str) -> None:
    user = new(idp, f"hostile-{len(kind)}-{kind[:3].strip()}")
    for field in FIELDS:
        tried = [
            makes(idp, f"made-{field}-{len(kind)}", **({} if field == "userName" else {field: HOSTILE[kind]})),
            idp.asks("POST", "/scim/v2/Users", {"schemas": [USER], field: HOSTILE[kind]}),
            replaces(idp, user, **{"userName": f"hostile-{len(kind)}", field: HOSTILE[kind]}),
            patches(idp, path_of(user), {"op": "replace", "path": field, "value": HOSTILE[kind]}),
            patches(idp, path_of(user), {"op": "add", "value": {field: HOSTILE[kind], f"{field}.x": HOSTILE[kind]}}),
        ]
        assert {each.status for each in tried} <= {200, 201, 400, 409, 413}, (field, tried)
        assert all("pydantic" not in str(each.body) for each in tried), field


@pytest.mark.parametrize(
    "body",
    [
        {"Operations": []},
        {"Operations": None},
        {"Operations": "x"},
        {"Operations": [7, None, []]},
        {"Operations": [{"op": "replace", "path": 7, "value": 1}]},
        {"Operations": [{"op": "replace", "path": "(" * 5_000, "value": 1}]},
        {"Operations": [{"op": "replace", "path": f"emails[{'(' * 900}type eq 1{')' * 900}]", "value": 1}]},
        {"operations": [{"op": "replace", "value": {"\ud800": 1}}]},
    ],
)
def test_a_hostile_patch_is_refused(idp: Person, body: dict[str, Any]) -> None:
    user = new(idp, f"patched-{abs(hash(str(body))) % 10_000}")
    answer = idp.asks("PATCH", path_of(user), {"schemas": [PATCH], **body})
    assert answer.status == 400, answer


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "(" * 3_000 + "userName pr" + ")" * 3_000},
        {"filter": "not (" * 900 + "userName pr" + ")" * 900},
        {"filter": "userName pr and " * 3_000 + "userName pr"},
        {"filter": 'userName eq "\ud800"'},
        {"filter": 'emails[type eq "' + "x" * 50_000 + '"]'},
        {"startIndex": "9" * 400},
        {"count": "-1"},
        {"attributes": "\ud800," * 500},
        {"excludedAttributes": "a.b.c.d" * 500},
    ],
)
def test_a_hostile_query_is_answered(idp: Person, query: dict[str, str]) -> None:
    answer = idp.asks("GET", "/scim/v2/Users", query=query)
    assert answer.status in (200, 400), answer
