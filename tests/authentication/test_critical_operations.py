"""Step-up by consequence: an operation says what it does, and the router asks for a fresh proof."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.authentication.wiring.recent_login import require_recent_login
from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.time import rfc3339
from docplatform.http.consequence import Consequence
from docplatform.http.openapi import operations
from docplatform.http.router import Router
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.codec import encode_item
from tests.support.mocked_aws import ROOT, Person, TenantWorld

SCIM_USER = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "new"}


def scim_patch(path: str, value: Any) -> dict[str, Any]:
    change = {"op": "replace", "path": path, "value": value}
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [change]}


LATER = rfc3339(datetime.now(UTC) + timedelta(days=1))
CRITICAL: dict[str, tuple[str, str, Any]] = {
    "a key": ("POST", "/v1/api-keys", {"name": "k", "scopes": ["read"], "expires_at": LATER}),
    "a service account": ("POST", "/v1/service-accounts", {"name": "Import", "role": "viewer"}),
    "an invitation of an admin": ("POST", "/v1/users", {"email": "new@acme.example", "role": "admin"}),
    "a promotion to admin": ("PATCH", "/v1/users/{member}", {"role": "admin"}),
    "a deletion": ("DELETE", "/v1/users/{member}", None),
    "access given back": ("PATCH", "/v1/users/{member}", {"disabled": False}),
    "another invitation": ("POST", "/v1/users/{member}/invitation", None),
    "an admin by SCIM": ("POST", "/scim/v2/Users", {**SCIM_USER, "roles": [{"value": "admin"}]}),
    "a promotion by SCIM": ("PATCH", "/scim/v2/Users/{member}", scim_patch("roles", [{"value": "admin"}])),
    "a replacement by SCIM": ("PUT", "/scim/v2/Users/{member}", SCIM_USER),
    "another address by SCIM": (
        "PATCH",
        "/scim/v2/Users/{member}",
        scim_patch("emails", [{"value": "thief@acme.example", "primary": True}]),
    ),
    "a deletion by SCIM": ("DELETE", "/scim/v2/Users/{member}", None),
}
OTHERS: dict[str, tuple[str, str, Any]] = {
    "an invitation of a member": ("POST", "/v1/users", {"email": "bo@acme.example", "role": "editor"}),
    "another role": ("PATCH", "/v1/users/{member}", {"role": "viewer"}),
    "the end of somebody's access": ("PATCH", "/v1/users/{member}", {"disabled": True}),
}


def signed_in_long_ago(acme: TenantWorld) -> Person:
    admin = acme.member(Role.ADMIN)
    key = IdentityKeys(acme.tenant.id).session(admin.session_id)
    acme.cloud.database.update_item(
        TableName="data",
        Key=encode_item(key._asdict()),
        UpdateExpression="SET auth_time = :at",
        ExpressionAttributeValues=encode_item({":at": rfc3339(datetime.now(UTC) - timedelta(minutes=11))}),
    )
    return admin


def asks(person: Person, member: Person, what: tuple[str, str, Any]) -> Any:
    method, path, body = what
    return person.asks(method, path.format(member=member.id), body)


@pytest.mark.parametrize("what", CRITICAL.values(), ids=CRITICAL)
def test_power_that_lasts_takes_a_fresh_proof(acme: TenantWorld, what: tuple[str, str, Any]) -> None:
    member = acme.member()
    answer = asks(signed_in_long_ago(acme), member, what)
    assert answer.status == 403
    if what[1].startswith("/scim"):
        assert answer.headers["Content-Type"] == "application/scim+json"
        assert "/v1/auth/step-up" in answer["detail"]
    else:
        assert answer["code"] == "step_up_required"
    assert asks(acme.member(Role.ADMIN), member, what).status != 403


@pytest.mark.parametrize("what", OTHERS.values(), ids=OTHERS)
def test_other_work_of_an_admin_takes_none(acme: TenantWorld, what: tuple[str, str, Any]) -> None:
    assert asks(signed_in_long_ago(acme), acme.member(), what).status < 300


@pytest.mark.parametrize("what", [each for name, each in CRITICAL.items() if "SCIM" in name])
def test_a_provisioning_key_does_its_task(acme: TenantWorld, what: tuple[str, str, Any]) -> None:
    key = acme.member(Role.ADMIN).by_key(Permission.MANAGE_USERS)
    place = IdentityKeys(acme.tenant.id).api_key(key.session_id)
    acme.cloud.database.update_item(
        TableName="data",
        Key=encode_item(place._asdict()),
        UpdateExpression="SET created_by = :maker",
        ExpressionAttributeValues=encode_item({":maker": key.id}),
    )
    assert key.asks("POST", "/scim/v2/Users", {**SCIM_USER, "userName": "first"}).status == 201
    assert asks(key, acme.member(), what).status < 300


def test_a_key_invites_members_again_but_no_admin(acme: TenantWorld) -> None:
    admin = acme.member(Role.ADMIN)
    key = admin.by_key(Permission.MANAGE_USERS)
    for role, status in (("editor", 200), ("admin", 403)):
        invited = admin.asks("POST", "/v1/users", {"email": f"{role}@acme.example", "role": role})
        assert key.asks("POST", f"/v1/users/{invited['id']}/invitation").status == status


# Routes that need the permission to manage users and no step-up. None of them makes an admin, gives an account its
# access back, deletes an account or changes an address.
HARMLESS = {
    "DELETE /v1/service-accounts/{account_id}",
    "DELETE /v1/users/{user_id}/sessions/{session_id}",
    "POST /v1/groups",
    "PATCH /v1/groups/{group_id}",
    "DELETE /v1/groups/{group_id}",
    "PUT /v1/groups/{group_id}/members/{user_id}",
    "DELETE /v1/groups/{group_id}/members/{user_id}",
    "POST /scim/v2/Groups",
    "PUT /scim/v2/Groups/{group_id}",
    "PATCH /scim/v2/Groups/{group_id}",
    "DELETE /scim/v2/Groups/{group_id}",
}
BY_BODY = {"POST /v1/users", "PATCH /v1/users/{user_id}"}


def test_every_route_over_accounts_takes_a_step_up_or_is_known_to_be_harmless() -> None:
    """A new route must be put into one of the lists, or declare a step-up."""
    managing = [
        route
        for _, _, route in operations(ROOT / "functions")
        if route.permission is Permission.MANAGE_USERS and route.consequence is not Consequence.NONE
    ]
    assert {f"{each.method} {each.path}" for each in managing if not each.step_up} == HARMLESS
    assert {f"{each.method} {each.path}" for each in managing if each.critical_if} == BY_BODY


def test_a_step_up_belongs_to_what_is_critical() -> None:
    router = Router()

    def act(actor: Actor) -> None: ...

    with pytest.raises(TypeError, match="step-up"):
        router.post("/v1/things", consequence=Consequence.CRITICAL)(act)
    with pytest.raises(TypeError, match="step-up"):
        router.post("/v1/things", consequence=Consequence.LASTING, step_up=require_recent_login)(act)
