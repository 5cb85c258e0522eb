"""Every operation that takes an id, with the id of another tenant's resource: the answer is that to an id that does not exist. It shows
nothing of the other tenant, and changes nothing there."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.e2e.client import Session, TenantSite, problem
from tests.e2e.operations import DOCUMENT, OPERATIONS, Operation
from tests.e2e.test_keys_over_http import makes_key
from tests.support.authenticator import Authenticator

NOT_OF_A_TENANT = {"tenant_id", "name", "urn"}  # the operator's, and what SCIM itself is made of

SOON = (datetime.now(UTC) + timedelta(days=90)).isoformat()


@dataclass
class Belongings:
    """A resource of every kind that has an id. ``word`` is in all of them, and in no other tenant's."""

    site: TenantSite
    word: str
    ids: dict[str, str]

    @property
    def state(self) -> str:
        """All of the resources, as the tenant's admin sees them."""
        ids, admin = self.ids, self.site.admin
        paths = [
            f"/v1/documents/{ids['document_id']}",
            f"/v1/folders/{ids['folder_id']}",
            f"/v1/folders/{ids['folder_id']}/children",
            f"/v1/access/{ids['folder_id']}",
            f"/v1/groups/{ids['group_id']}",
            f"/v1/groups/{ids['group_id']}/members",
            f"/v1/users/{ids['user_id']}",
            f"/v1/users/{ids['user_id']}/sessions",
            f"/v1/service-accounts/{ids['account_id']}",
        ]
        return json.dumps([admin.asks("GET", path).json() for path in paths])


@pytest.fixture(scope="module")
def theirs(hooli: TenantSite) -> Belongings:
    return belongings(hooli)


@pytest.fixture(scope="module")
def ours(acme: TenantSite) -> Belongings:
    return belongings(acme)


def belongings(tenant: TenantSite) -> Belongings:
    word, admin = f"canary{secrets.token_hex(6)}", tenant.admin
    person = tenant.invites("editor").session
    folder = admin.creates_folder(f"Folder {word}")
    document = admin.uploads(f"{word}.txt", f"the text has {word} in it".encode(), "text/plain", folder)
    assert admin.waits_for(document)["processing"]["state"] == "ready"
    group = admin.asks("POST", "/v1/groups", json={"name": f"Group {word}"}).json()["id"]
    admin.asks("PUT", f"/v1/groups/{group}/members/{person.user_id}")
    admin.asks("PUT", f"/v1/access/{folder}/grants/group:{group}", json={"role": "editor"})
    account = admin.asks("POST", "/v1/service-accounts", json={"name": f"Bot {word}", "role": "editor"}).json()["id"]
    session = person.asks("GET", "/v1/sessions").json()["items"][0]["id"]
    ids = {
        "document_id": document,
        "folder_id": folder,
        "node_id": folder,
        "group_id": group,
        "user_id": person.user_id,
        "principal": f"user:{person.user_id}",
        "account_id": account,
        "session_id": session,
        "key_id": makes_key(admin, "read", owner_id=account)["api_key"]["id"],
        "passkey_id": passkey_of(person),
    }
    return Belongings(tenant, word, ids)


def passkey_of(person: Session) -> str:
    site = person.site
    phone = Authenticator(f"http://{site.subdomain}.localhost:{site.cloud.ports[site.region]}")
    asked = person.asks("POST", "/v1/me/mfa/passkeys/options").json()
    body = {"challenge": asked["challenge"], "passkey": phone.creates(asked["public_key"]), "name": "Phone"}
    made = person.asks("POST", "/v1/me/mfa/passkeys", json=body)
    assert made.status_code == 201, made.text
    (one,) = person.asks("GET", "/v1/me/mfa").json()["passkeys"]
    return str(one["id"])


def unknown_like(id_: str) -> str:
    """An id of the same kind that does not exist."""
    kind, _, rest = id_.rpartition("_")
    return f"{kind}_{'0' * len(rest)}"


def same(one: requests.Response, other: requests.Response, replaced: dict[str, str]) -> bool:
    """Whether two answers are equal, apart from the request's id and from the ids that were asked for."""
    if one.status_code != other.status_code:
        return False
    text = one.text
    for theirs, unknown in replaced.items():
        text = text.replace(theirs, unknown)
    try:
        told = [json.loads(each) for each in (text, other.text)]
    except ValueError:
        return text == other.text
    for each in told:
        each.pop("request_id", None)
        each.pop("instance", None)
    return bool(told[0] == told[1])


def asks(member: Session, operation: Operation, ids: dict[str, str]) -> requests.Response:
    headers = {"Content-Type": operation.media_type} if operation.media_type else {}
    return member.asks(operation.method, operation.at(**ids), json=operation.body, headers=headers)


WITH_IDS = [each for each in OPERATIONS if each.parameters and not NOT_OF_A_TENANT & set(each.parameters)]


@pytest.mark.parametrize("operation", WITH_IDS, ids=str)
def test_another_tenants_id_does_not_exist(operation: Operation, acme: TenantSite, theirs: Belongings) -> None:
    unknown = {name: unknown_like(id_) for name, id_ in theirs.ids.items()}
    before = theirs.state
    foreign, nothing = asks(acme.admin, operation, theirs.ids), asks(acme.admin, operation, unknown)
    assert foreign.status_code == 404, foreign.text
    assert same(foreign, nothing, dict(zip(theirs.ids.values(), unknown.values(), strict=True))), (
        foreign.text,
        nothing.text,
    )
    assert theirs.word not in foreign.text + str(foreign.headers)
    assert theirs.state == before


TWO_IDS = [(each, name) for each in WITH_IDS if len(each.parameters) > 1 for name in each.parameters]


@pytest.mark.parametrize(("operation", "foreign"), TWO_IDS, ids=str)
def test_another_tenants_id_does_not_exist_beside_an_own_one(
    operation: Operation, foreign: str, ours: Belongings, theirs: Belongings
) -> None:
    id_, before = theirs.ids[foreign], (ours.state, theirs.state)
    told, nothing = (asks(ours.site.admin, operation, {**ours.ids, foreign: each}) for each in (id_, unknown_like(id_)))
    assert told.status_code == 404, told.text
    assert same(told, nothing, {id_: unknown_like(id_)}), (told.text, nothing.text)
    assert (ours.state, theirs.state) == before


IN_A_QUERY = [
    (operation, each["name"])
    for operation in OPERATIONS
    for each in operation.described.get("parameters", ())
    if each["in"] == "query" and each["name"].endswith("_id")
]


@pytest.mark.parametrize(("operation", "name"), IN_A_QUERY, ids=str)
def test_another_tenants_id_in_a_query_does_not_exist(
    operation: Operation, name: str, ours: Belongings, theirs: Belongings
) -> None:
    admin, path = ours.site.admin, operation.at(**ours.ids)
    of_kind = {"owner_id": "account_id"}.get(name, name)
    assert admin.asks(operation.method, path, params={name: ours.ids[of_kind]}).status_code == 200
    foreign = theirs.ids[of_kind]
    answers = [admin.asks(operation.method, path, params={name: each}) for each in (foreign, unknown_like(foreign))]
    assert answers[0].status_code == 404, answers[0].text
    assert same(*answers, {foreign: unknown_like(foreign)}), [each.text for each in answers]
    assert theirs.word not in answers[0].text


def _id_fields() -> Iterator[tuple[str, str]]:
    """Operations, and the properties of their bodies that are ids."""
    for operation in OPERATIONS:
        content = operation.described.get("requestBody", {}).get("content", {}).values()
        for schema in (each["schema"].get("$ref", "").rsplit("/", 1)[-1] for each in content):
            for name in DOCUMENT["components"]["schemas"].get(schema, {}).get("properties", {}):
                if name.endswith(("_id", "_ids")):
                    yield str(operation), name


BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST /v1/folders", "parent_id"): {"name": "Mine"},
    ("PATCH /v1/folders/{folder_id}", "parent_id"): {},
    ("POST /v1/documents", "folder_id"): {"name": "mine.txt", "size": 4, "content_type": "text/plain"},
    ("PATCH /v1/documents/{document_id}", "folder_id"): {},
    ("POST /v1/api-keys", "owner_id"): {
        "name": "mine",
        "scopes": ["read"],
        "expires_at": SOON,
    },
}


def test_every_field_that_names_something_is_tried() -> None:
    of_the_providers = {("PUT /v1/sso-connection", "client_id")}  # the name that a provider gave us
    assert set(_id_fields()) - of_the_providers == set(BODIES)


@pytest.mark.parametrize(("where", "field"), BODIES, ids=str)
def test_nothing_is_put_into_or_made_for_what_is_another_tenants(
    where: str, field: str, acme: TenantSite, theirs: Belongings
) -> None:
    admin = acme.admin
    own = {
        "folder_id": admin.creates_folder(f"Own {secrets.token_hex(4)}"),
        "document_id": admin.announces(f"{secrets.token_hex(4)}.txt", 4, "text/plain")["document"]["id"],
    }
    method, _, path = where.partition(" ")
    wanted = {"parent_id": "folder_id", "owner_id": "account_id"}.get(field, field)
    foreign = theirs.ids[wanted]
    before = theirs.state
    answers = [
        admin.asks(method, path.format(**own), json={**BODIES[where, field], field: each})
        for each in (foreign, unknown_like(foreign))
    ]
    assert answers[0].status_code == 404, answers[0].text
    assert same(*answers, {foreign: unknown_like(foreign)}), [each.text for each in answers]
    assert theirs.state == before


def test_nobody_of_another_tenant_is_given_anything(acme: TenantSite, theirs: Belongings) -> None:
    admin = acme.admin
    folder = admin.creates_folder(f"Own {secrets.token_hex(4)}")
    group = admin.asks("POST", "/v1/groups", json={"name": f"Own {secrets.token_hex(4)}"}).json()["id"]
    for principal in (f"user:{theirs.ids['user_id']}", f"group:{theirs.ids['group_id']}"):
        pair = [principal, unknown_like(principal)]
        answers = [admin.asks("PUT", f"/v1/access/{folder}/grants/{each}", json={"role": "viewer"}) for each in pair]
        assert answers[0].status_code == 404 and same(*answers, {pair[0]: pair[1]}), answers[0].text
    assert admin.asks("PUT", f"/v1/groups/{group}/members/{theirs.ids['user_id']}").status_code == 404
    explained = admin.asks("GET", f"/v1/access/{folder}/explanation", params={"user_id": theirs.ids["user_id"]})
    assert explained.status_code == 404
    granted = admin.asks("GET", "/v1/access", params={"user_id": theirs.ids["user_id"]})
    assert granted.status_code == 404
    patch = {"op": "add", "path": "members", "value": [{"value": theirs.ids["user_id"]}]}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [patch]}
    assert admin.asks("PATCH", f"/scim/v2/Groups/{group}", json=body).status_code == 404


LISTS = [
    operation
    for operation in OPERATIONS
    if "cursor" in {each["name"] for each in operation.described.get("parameters", ()) if each["in"] == "query"}
]
OF_WHAT = {
    "GET /v1/search": ("q", "word"),
    "GET /v1/access": ("user_id", "user_id"),
    "GET /v1/api-keys": ("owner_id", "account_id"),
}


@pytest.fixture(scope="module")
def long_lists(theirs: Belongings) -> Belongings:
    """Two of each kind that is listed in pages."""
    admin, ids = theirs.site.admin, theirs.ids
    folder = admin.creates_folder(f"{theirs.word} again", ids["folder_id"])
    document = admin.uploads(f"{theirs.word} again.txt", f"{theirs.word} again".encode(), "text/plain", folder)
    admin.asks("POST", "/v1/groups", json={"name": f"Group {theirs.word} again"})
    admin.asks("POST", "/v1/service-accounts", json={"name": f"Bot {theirs.word} again", "role": "editor"})
    makes_key(admin, "read", owner_id=ids["account_id"])
    admin.asks("PUT", f"/v1/groups/{ids['group_id']}/members/{admin.user_id}")
    admin.asks("PUT", f"/v1/access/{folder}/grants/user:{ids['user_id']}", json={"role": "viewer"})
    for each in (document, ids["document_id"]):
        admin.finds(theirs.word, each)
    return theirs


@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_no_cursor_of_another_tenants_list_opens_anything(
    operation: Operation, ours: Belongings, long_lists: Belongings
) -> None:
    theirs = long_lists

    def of(whose: Belongings, **more: str) -> requests.Response:
        name, what = OF_WHAT.get(str(operation), ("", ""))
        about = {name: {**whose.ids, "word": whose.word}[what]} if name else {}
        return whose.site.admin.asks(operation.method, operation.at(**whose.ids), params={**about, **more})

    cursor = of(theirs, limit="1").json()["next_cursor"]
    assert of(theirs, cursor=cursor).status_code == 200
    answer = of(ours, cursor=cursor)
    assert problem(answer) == (400, "invalid_cursor"), answer.text
    assert not [each for each in (theirs.word, theirs.site.id, *theirs.ids.values()) if each in answer.text]


def test_no_search_finds_a_word_of_another_tenant(acme: TenantSite, theirs: Belongings) -> None:
    found = acme.admin.searches(theirs.word)
    assert (found["items"], found["total"]) == ([], 0)
