"""Isolation holds in every layer by itself. Here the database refuses nothing: it does not implement IAM, and answers
every request. (``tests/e2e/test_layers_by_themselves_in_the_cloud.py`` has the layers below.)"""

from __future__ import annotations

import json
from typing import Any

import pytest

from docplatform.core import cursors
from docplatform.core.actor import Role
from docplatform.http.page_cursors import PageCursors
from docplatform.tenancy.items import to_text
from tests.support.mocked_aws import Answer, Cloud, Person, TenantWorld


@pytest.fixture
def theirs(region: Cloud) -> TenantWorld:
    return region.tenant("globex")


@pytest.fixture
def bob(theirs: TenantWorld) -> Person:
    return theirs.member(Role.ADMIN)


@pytest.fixture
def eve(acme: TenantWorld) -> Person:
    return acme.member(Role.ADMIN)


def sends(person: Person, host: str, path: str = "/v1/folders/root/children", **changed: Any) -> Answer:
    """Sends a request with the authorizer's context of ``person`` to any address."""
    claims = {"user_id": person.id, "session_id": person.session_id, "role": person.role.value}
    event = {
        "httpMethod": "GET",
        "path": path,
        "headers": {"Host": host},
        "queryStringParameters": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": "request-1",
            "identity": {"sourceIp": "192.0.2.1"},
            "authorizer": {"tenant": to_text(person.home.tenant), **claims},
        },
    }
    return person.home.cloud.call("folders", {**event, **changed})


# -- routing
def test_what_the_authorizer_said_for_one_address_is_worth_nothing_at_another(eve: Person, bob: Person) -> None:
    """A cache of the authorizer's answers without the host in its key could cause this."""
    home, elsewhere = f"{eve.home.tenant.subdomain}.us.example", f"{bob.home.tenant.subdomain}.us.example"
    assert sends(eve, home).status == 200
    refused = sends(eve, elsewhere)
    assert (refused.status, refused["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "name", ["X-Tenant-Id", "X-Forwarded-Host", "Forwarded", "X-Original-Host", "X-Host", "X-Amzn-Tenant"]
)
def test_no_header_names_another_tenant(eve: Person, bob: Person, name: str) -> None:
    bob.creates_folder("Theirs")
    home = f"{eve.home.tenant.subdomain}.us.example"
    named = {"X-Tenant-Id": bob.home.tenant.id}.get(name, f"{bob.home.tenant.subdomain}.us.example")
    answer = sends(eve, home, headers={"Host": home, name: named})
    assert (answer.status, answer["items"]) == (200, [])


@pytest.mark.parametrize("field", ["tenant", "tenant_id", "tenantId", "subdomain"])
def test_neither_query_nor_body_names_another_tenant(eve: Person, bob: Person, field: str) -> None:
    asked = eve.asks("GET", "/v1/folders/root/children", query={field: bob.home.tenant.id})
    told = eve.asks("POST", "/v1/folders", {"name": "Mine", field: bob.home.tenant.id})
    assert (asked.status, told.status) == (400, 400)
    assert bob.names_in() == eve.names_in() == []


# -- the application: keys are always made for the actor's tenant
def test_a_stolen_id_is_looked_for_at_home(eve: Person, bob: Person) -> None:
    folder = bob.creates_folder("Theirs")["id"]
    document = bob.announces("theirs.txt", inside=folder)["document"]["id"]
    for path in (f"/v1/folders/{folder}", f"/v1/folders/{folder}/children", f"/v1/documents/{document}"):
        assert bob.asks("GET", path).status == 200
        assert eve.asks("GET", path).status == 404


def test_no_id_reaches_out_of_its_key(eve: Person, bob: Person) -> None:
    """The database would answer. An id cannot contain another tenant's prefix, so its key cannot leave the tenant's
    partition."""
    folder, tenant = bob.creates_folder("Theirs")["id"], bob.home.tenant.id
    for id_ in (
        f"{tenant}#folder#{folder}",
        f"../{tenant}#folder#{folder}",
        f"{folder}#",
        f"{tenant}%23folder%23{folder}",
        f"#{folder}",
    ):
        assert eve.asks("GET", f"/v1/folders/{id_}").status == 404


def test_no_position_in_anothers_list_is_taken_up(eve: Person, bob: Person) -> None:
    for number in range(3):
        bob.creates_folder(f"Theirs {number}")
        eve.creates_folder(f"Mine {number}")
    cursor = bob.lists(limit="1")["next_cursor"]
    assert eve.lists(cursor=cursor)["code"] == "invalid_cursor"
    position = {"sk": "name#theirs 1", "tenant": bob.home.tenant.id, "pk": f"{bob.home.tenant.id}#folder#root"}
    assert eve.lists(cursor=cursors.encode(position))["code"] == "invalid_cursor"


def test_no_position_in_anothers_list_is_taken_up_though_it_were_encrypted_for_mine(
    eve: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        bob.creates_folder(f"Theirs {number}")
        eve.creates_folder(f"Mine {number}")
    monkeypatch.setattr(PageCursors, "decrypt", lambda _self, cursor, _purpose: cursor)
    for position in (
        {"sk": "name#theirs 0"},
        {"sk": "name#theirs 0", "tenant": bob.home.tenant.id, "pk": f"{bob.home.tenant.id}#folder#root"},
        {"sk": "folder"},
    ):
        answer = eve.lists(cursor=cursors.encode(position))
        assert answer.status in (200, 400)
        assert "Theirs" not in json.dumps(answer.body)


def test_a_warm_function_forgets_whom_it_served(eve: Person, bob: Person) -> None:
    """The same process answers two tenants in turn."""
    for number in range(5):
        for person, name in ((eve, "Mine"), (bob, "Theirs")):
            person.creates_folder(f"{name} {number}")
            assert all(each.startswith(name) for each in person.names_in())
