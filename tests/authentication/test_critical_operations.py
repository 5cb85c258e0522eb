"""Step-up by consequence: an operation says what it does, and the router asks for a fresh proof."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.authentication.wiring.recent_login import require_recent_login
from docplatform.core.actor import Actor, Role
from docplatform.core.time import rfc3339
from docplatform.http.consequence import Consequence
from docplatform.http.router import Router
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.codec import encode_item
from tests.support.mocked_aws import Person, TenantWorld

LATER = rfc3339(datetime.now(UTC) + timedelta(days=1))
CRITICAL: dict[str, tuple[str, str, Any]] = {
    "a key": ("POST", "/v1/api-keys", {"name": "k", "scopes": ["read"], "expires_at": LATER}),
    "a service account": ("POST", "/v1/service-accounts", {"name": "Import", "role": "viewer"}),
    "an invitation of an admin": ("POST", "/v1/users", {"email": "new@acme.example", "role": "admin"}),
    "a promotion to admin": ("PATCH", "/v1/users/{member}", {"role": "admin"}),
    "a deletion": ("DELETE", "/v1/users/{member}", None),
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
    assert (answer.status, answer["code"]) == (403, "step_up_required")
    assert asks(acme.member(Role.ADMIN), member, what).status != 403


@pytest.mark.parametrize("what", OTHERS.values(), ids=OTHERS)
def test_other_work_of_an_admin_takes_none(acme: TenantWorld, what: tuple[str, str, Any]) -> None:
    assert asks(signed_in_long_ago(acme), acme.member(), what).status < 300


def test_a_step_up_belongs_to_what_is_critical() -> None:
    router = Router()

    def act(actor: Actor) -> None: ...

    with pytest.raises(TypeError, match="step-up"):
        router.post("/v1/things", consequence=Consequence.CRITICAL)(act)
    with pytest.raises(TypeError, match="step-up"):
        router.post("/v1/things", consequence=Consequence.LASTING, step_up=require_recent_login)(act)
