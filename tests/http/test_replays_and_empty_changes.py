"""Each way to an answer has the same checks and the same record: a request that repeats an earlier one by its
Idempotency-Key, and a change that changes nothing. The tests walk the operations of the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.core.actor import Permission, Role
from docplatform.http.openapi import document
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.runtime.tenant_access import clients
from tests.support.mocked_aws import ROOT, Answer, Cloud, Person, TenantWorld

CONTRACT = document(ROOT / "functions")["paths"]
KEY = {"Idempotency-Key": "k1"}
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()

# The path of each operation that takes the key: a body, and the action that a repetition is recorded as
REPEATABLE: dict[str, tuple[dict[str, Any], str]] = {
    "/v1/documents": ({"name": "a.txt", "content_type": "text/plain", "size": 1}, "document.read"),
    "/v1/folders": ({"name": "A"}, "folder.read"),
    "/v1/groups": ({"name": "Legal"}, "group.read"),
    "/v1/users": ({"email": "new@acme.example", "role": "viewer"}, "user.invited"),
    "/v1/service-accounts": ({"name": "Robot", "role": "viewer"}, "service-account.read"),
    "/v1/api-keys": ({"name": "K", "scopes": ["read"], "expires_at": TOMORROW}, "api-keys.listed"),
}
IN_A_FOLDER = {"/v1/documents": "folder_id", "/v1/folders": "parent_id"}
CREATE = pytest.mark.parametrize("path", REPEATABLE)


def repeatable() -> set[str]:
    return {
        path
        for path, methods in CONTRACT.items()
        for operation in methods.values()
        if any(each.get("name") == "Idempotency-Key" for each in operation.get("parameters", ()))
    }


def made(answer: Answer) -> str:
    found = answer.body
    return str((found.get("document") or found.get("api_key") or found)["id"])


def asks(person: Person, path: str, **more: str) -> Answer:
    return person.asks("POST", path, {**REPEATABLE[path][0], **more}, headers=KEY)


@pytest.fixture
def olga(acme: TenantWorld) -> Person:
    return acme.member(Role.ADMIN, "Olga")


def test_every_operation_that_takes_the_key_is_tested_here() -> None:
    assert repeatable() == REPEATABLE.keys()


@CREATE
def test_a_repetition_gets_the_answer_and_leaves_a_record(olga: Person, acme: TenantWorld, path: str) -> None:
    first = asks(olga, path)
    assert first.status == 201, first
    before = len(acme.audit)
    again = asks(olga, path)
    assert (again.status, made(again)) == (201, made(first))
    new = [(each["action"], each["actor"]) for each in acme.audit[before:]]
    assert (REPEATABLE[path][1], olga.id) in new


@CREATE
def test_a_repetition_without_the_role_is_refused(olga: Person, acme: TenantWorld, path: str) -> None:
    first = asks(olga, path)
    refused = asks(replace(olga, role=Role.VIEWER), path)
    assert refused.status == (201 if path == "/v1/api-keys" else 403)  # every member makes keys of their own
    if refused.status == 403:
        assert made(first) not in str(refused.body)
        assert acme.actions[-1] == "access.refused"


@CREATE
def test_a_repetition_by_a_key_without_the_scope_is_refused(olga: Person, acme: TenantWorld, path: str) -> None:
    first = asks(olga, path)
    for scopes in ((), (Permission.READ, Permission.SEARCH)):
        refused = asks(olga.by_key(*scopes), path)
        assert refused.status == 403
        assert made(first) not in str(refused.body)
        assert acme.actions[-1] == "access.refused"


@CREATE
def test_a_key_of_one_tenant_repeats_nothing_of_another(olga: Person, region: Cloud, path: str) -> None:
    first = asks(olga, path)
    other = region.tenant("globex").member(Role.ADMIN)
    theirs = asks(other, path)
    assert theirs.status == 201
    assert made(theirs) != made(first)


@pytest.mark.parametrize("path", IN_A_FOLDER)
def test_a_repetition_by_somebody_demoted_or_disabled_a_moment_ago_is_refused(
    ann: Person, olga: Person, acme: TenantWorld, path: str
) -> None:
    first = asks(ann, path)
    for change, status in (({"role": "viewer"}, 403), ({"disabled": True}, 401)):
        assert olga.asks("PATCH", f"/v1/users/{ann.id}", change).status == 200
        refused = asks(ann, path)  # the authorizer's cached answer still says editor
        assert refused.status == status
        assert made(first) not in str(refused.body)


@pytest.mark.parametrize("path", IN_A_FOLDER)
def test_a_repetition_needs_what_the_first_request_needed(ann: Person, olga: Person, path: str) -> None:
    folder = olga.creates_folder("Shared")["id"]
    inside = {IN_A_FOLDER[path]: folder}
    first = asks(ann, path, **inside)
    assert made(asks(ann, path, **inside)) == made(first)
    olga.cuts(folder)
    hidden = asks(ann, path, **inside)
    assert (hidden.status, hidden["code"]) == (404, "folder_not_found")
    olga.shares(folder, ann.principal, "viewer")
    assert asks(ann, path, **inside).status == 403
    olga.shares(folder, ann.principal, "editor")
    assert made(asks(ann, path, **inside)) == made(first)


@pytest.mark.parametrize("path", [*IN_A_FOLDER, "/v1/groups", "/v1/users"])
def test_a_repetition_does_not_bring_back_what_was_deleted(olga: Person, path: str) -> None:
    first = made(asks(olga, path))
    assert olga.asks("DELETE", f"{path}/{first}").status == 204
    assert asks(olga, path).status == 404


def test_an_accepted_invitation_is_repeated_as_a_read(olga: Person, acme: TenantWorld) -> None:
    invited = made(asks(olga, "/v1/users"))
    key = IdentityKeys(acme.tenant.id).user(invited)
    acme.cloud.database.update_item(
        TableName="data",
        Key=encode_item(key._asdict()),
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues=encode_item({":s": "active"}),
    )
    assert made(asks(olga, "/v1/users")) == invited
    assert (acme.audit[-1]["action"], acme.audit[-1]["target"]) == ("user.read", invited)


# -- changes without effect

EMPTY: dict[str, tuple[str, frozenset[Permission]]] = {
    "/v1/folders/{folder_id}": ("folder.read", frozenset({Permission.WRITE})),
    "/v1/documents/{document_id}": ("document.read", frozenset({Permission.WRITE})),
    "/v1/users/{user_id}": ("user.read", frozenset({Permission.MANAGE_USERS})),
}
"""By path: the action that an empty change is recorded as, and the scopes that a change needs."""

CHANGE = pytest.mark.parametrize("path", EMPTY)


def thing(person: Person, path: str) -> tuple[str, dict[str, Any]]:
    """The address of something that can be changed, and its present values."""
    if "folders" in path:
        found = person.creates_folder("A")["id"]
        return f"/v1/folders/{found}", {"name": "A", "parent_id": "root"}
    if "documents" in path:
        found = person.announces("a.txt")["document"]["id"]
        return f"/v1/documents/{found}", {"name": "a.txt", "folder_id": "root"}
    return f"/v1/users/{person.home.member(Role.VIEWER).id}", {"role": "viewer"}


def test_every_change_that_may_be_empty_is_tested_here() -> None:
    models = document(ROOT / "functions")["components"]["schemas"]
    found = set()
    for path, methods in CONTRACT.items():
        content = methods.get("patch", {}).get("requestBody", {}).get("content", {})
        for schema in (each["schema"] for each in content.values()):
            name = schema["$ref"].rsplit("/", 1)[-1]
            if not models[name].get("required"):
                found.add(path)
    assert {each for each in found if each.startswith("/v1")} == EMPTY.keys()


@CHANGE
def test_a_change_without_effect_is_recorded_as_a_read(olga: Person, acme: TenantWorld, path: str) -> None:
    address, same = thing(olga, path)
    for body in ({}, same):
        before = len(acme.audit)
        assert olga.asks("PATCH", address, body).status == 200
        (record,) = acme.audit[before:]
        assert (record["action"], record["actor"]) == (EMPTY[path][0], olga.id)
        assert address.endswith(record["target"])


@CHANGE
def test_a_change_without_effect_needs_the_scope_of_a_read(olga: Person, path: str) -> None:
    address, same = thing(olga, path)
    for body in ({}, same):
        assert olga.by_key(*EMPTY[path][1]).asks("PATCH", address, body).status == 403
        both = EMPTY[path][1] | {Permission.READ}
        allowed = olga.by_key(*both).asks("PATCH", address, body)
        assert allowed.status == (403 if allowed.body.get("code") == "session_needed" else 200)


@pytest.mark.parametrize("path", [each for each in EMPTY if "users" not in each])
def test_a_change_without_effect_needs_access(olga: Person, ann: Person, path: str) -> None:
    address, _ = thing(olga, path)
    olga.cuts(address.rsplit("/", 1)[-1])
    assert ann.asks("PATCH", address, {}).status == 404
    olga.shares(address.rsplit("/", 1)[-1], ann.principal, "viewer")
    assert ann.asks("PATCH", address, {}).status == 403


def test_a_change_without_effect_by_a_provisioning_system_is_recorded_as_a_read(
    olga: Person, acme: TenantWorld
) -> None:
    user = acme.member(Role.VIEWER).id
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": True}],
    }
    found = olga.asks("GET", f"/scim/v2/Users/{user}")
    before = len(acme.audit)
    changed = olga.asks("PATCH", f"/scim/v2/Users/{user}", patch, headers={"If-Match": found["meta"]["version"]})
    assert changed.status == 200, changed
    assert [(each["action"], each["target"]) for each in acme.audit[before:]] == [("user.read", user)]


# -- requests at the same moment


@contextmanager
def at_call(home: TenantWorld, number: int, act: Callable[[], object]) -> Iterator[None]:
    """Does ``act`` before the DynamoDB call of this number that the block makes. No threads and no timing."""
    events, seen = clients(home.tenant).client("dynamodb").meta.events, []

    def middle(**_: object) -> None:
        seen.append(1)
        if len(seen) == number:
            act()

    events.register("before-call.dynamodb", middle, unique_id="middle")
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb", unique_id="middle")


@CREATE
def test_of_equal_requests_at_one_moment_each_gets_the_one_thing(region: Cloud, path: str) -> None:
    """A second request comes between any two calls of the first one, as if both had begun at the same moment."""
    first = region.tenant("calls").member(Role.ADMIN)
    calls = len(first.home.calls(lambda: asks(first, path)))
    assert calls >= 2
    for number in range(1, calls + 1):
        person = region.tenant(f"calls{number}").member(Role.ADMIN)
        answers: list[Answer] = []
        with at_call(person.home, number, lambda: answers.append(asks(person, path))):
            answers.append(asks(person, path))
        assert [each.status for each in answers] == [201, 201], (number, answers)
        assert len({made(each) for each in answers}) == 1
        if path != "/v1/users":  # which sends another mail, and records it
            assert person.home.actions.count(first.home.actions[0]) == 1


@CREATE
def test_four_equal_requests_in_four_threads_make_one_thing(region: Cloud, path: str) -> None:
    person = region.tenant("four").member(Role.ADMIN)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: asks(person, path), range(4)))
    assert [each.status for each in answers] == [201] * 4, answers
    assert len({made(each) for each in answers}) == 1


def test_another_request_with_the_key_at_one_moment_is_told_so(region: Cloud) -> None:
    """It meets the address of the first one, and would be told that the address is taken."""
    person, path = region.tenant("other").member(Role.ADMIN), "/v1/users"
    answers: list[Answer] = []
    with at_call(person.home, 2, lambda: answers.append(asks(person, path))):
        answers.append(asks(person, path, name="Another"))
    assert [each.status for each in answers] == [201, 422], answers
    assert answers[1]["code"] == "idempotency_key_reused"
