"""Every list of the API hands out encrypted cursors: they name nothing, and nobody else and no other list takes them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from docplatform.core import cursors, ids
from docplatform.core.actor import Role
from docplatform.core.time import now, rfc3339
from docplatform.http import paging
from docplatform.http.openapi import operations
from docplatform.http.page_cursors import PageCursors
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.runtime.cursor_secret import cursor_secret
from docplatform.search import wiring
from tests.support.mocked_aws import ROOT, Answer, Person, TenantWorld
from tests.support.paged_index import PagedIndex

OPERATIONS = {f"{route.method} {route.path}": route for _, _, route in operations(ROOT / "functions")}


@dataclass
class Lists:
    """An admin, and what they ask for each list; ``hidden`` is what no cursor may name."""

    person: Person
    asks: dict[str, Callable[..., Answer]]
    hidden: list[str]


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> PagedIndex:
    index = PagedIndex()
    monkeypatch.setattr(wiring, "index", lambda _tenant: index)
    return index


def signs_in(person: Person, minute: int) -> str:
    """Another session, which the person's lists show. Returns its id."""
    at = now() - timedelta(minutes=minute)
    keys, id_ = IdentityKeys(person.home.tenant.id), ids.new(ids.SESSION, at)
    times = {"created_at": at, "used_at": at, "auth_time": at, "expires_at": at + timedelta(days=14)}
    item = {
        **keys.session(id_)._asdict(),
        "gsi1pk": keys.sessions_of(person.id),
        "gsi1sk": f"{rfc3339(at)}#{id_}",
        "id": id_,
        "user_id": person.id,
        **{name: rfc3339(value) for name, value in times.items()},
        **dict.fromkeys(("secret_hash", "family_hash", "address", "agent"), ""),
    }
    person.home.cloud.database.put_item(TableName="data", Item=encode_item(item))
    return id_


def lists_of(home: TenantWorld, index: PagedIndex) -> Lists:
    olga, bo = home.member(Role.ADMIN, "Olga"), home.member(Role.EDITOR, "Bo")
    names = ("Merger", "Layoffs", "Salaries")
    folders = [olga.creates_folder(name)["id"] for name in names]
    index.documents = [olga.announces(f"{name}.txt")["document"]["id"] for name in names]
    for name in names:
        assert olga.asks("POST", "/v1/users", {"email": f"{name}@x.example", "role": "viewer"}).status == 201
    groups = [home.group(name, olga, bo) for name in names]
    accounts = [olga.asks("POST", "/v1/service-accounts", {"name": name, "role": "viewer"})["id"] for name in names]
    in_a_day = (now() + timedelta(days=1)).isoformat()
    keys = [
        olga.asks("POST", "/v1/api-keys", {"name": name, "scopes": ["read"], "expires_at": in_a_day})["api_key"]["id"]
        for name in names
    ]
    for folder in folders:
        assert olga.shares(folder, bo.principal, "viewer").status == 200

    sessions = [signs_in(person, number) for number in range(3) for person in (olga, bo)]

    def get(path: str, **fixed: str) -> Callable[..., Answer]:
        def ask(person: Person = olga, **query: str) -> Answer:
            return person.asks("GET", path, query={**fixed, **query})

        return ask

    def search(person: Person = olga, **query: Any) -> Answer:
        given = {**query, "limit": int(query.get("limit", 20))}
        return person.asks("POST", "/v1/search", {"query": "word", **given})

    return Lists(
        olga,
        {
            "GET /v1/folders/{folder_id}/children": get("/v1/folders/root/children"),
            "GET /v1/users": get("/v1/users"),
            "GET /v1/users/{user_id}/sessions": get(f"/v1/users/{bo.id}/sessions"),
            "GET /v1/sessions": get("/v1/sessions"),
            "GET /v1/groups": get("/v1/groups"),
            "GET /v1/groups/{group_id}/members": get(f"/v1/groups/{groups[0]}/members"),
            "GET /v1/service-accounts": get("/v1/service-accounts"),
            "GET /v1/api-keys": get("/v1/api-keys"),
            "GET /v1/access": get("/v1/access", user_id=bo.id),
            "GET /v1/search": get("/v1/search", q="word"),
            "POST /v1/search": search,
        },
        [
            *names,
            *map(str.lower, names),
            *folders,
            *index.documents,
            *groups,
            *accounts,
            *keys,
            *sessions,
            olga.id,
            bo.id,
        ],
    )


@pytest.fixture
def lists(acme: TenantWorld, index: PagedIndex) -> Lists:
    return lists_of(acme, index)


def first_cursor(ask: Callable[..., Answer]) -> str:
    page = ask(limit="1")
    assert page.status == 200 and page["next_cursor"], page
    return str(page["next_cursor"])


def test_the_lists_here_are_all_that_the_contract_has(lists: Lists) -> None:
    assert set(lists.asks) == {name for name, route in OPERATIONS.items() if route.cursor_in}
    for name, route in OPERATIONS.items():
        pages = "next_cursor" in getattr(route.response, "model_fields", ())
        assert not pages or route.cursor_in or route.path.startswith("/operator/"), name
        assert not route.cursor_in or "invalid_cursor" in {error.code for error in route.errors}, name


def test_every_list_goes_on_where_it_stopped(lists: Lists) -> None:
    for name, ask in lists.asks.items():
        whole, parts, cursor = ask(limit="100")["items"], [], ""
        while True:
            page = ask(limit="1", **({"cursor": cursor} if cursor else {}))
            parts += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                break
        assert parts == whole and len(whole) > 1, name


def test_no_cursor_names_anything(lists: Lists) -> None:
    for name, ask in lists.asks.items():
        cursor = first_cursor(ask)
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        told = [each for each in lists.hidden if each in cursor or each.encode() in raw]
        assert told == [], name
        with pytest.raises(ValueError, match="."):
            raw.decode()


def invalid(answer: Answer) -> bool:
    told = {"type", "title", "status", "code", "detail", "request_id"}
    kind = answer.headers["Content-Type"]
    return (answer.status, answer["code"], kind) == (400, "invalid_cursor", "application/problem+json") and (
        set(answer.body) == told
    )


def test_a_cursor_of_somebody_else_or_of_another_list_is_refused(
    lists: Lists, acme: TenantWorld, index: PagedIndex
) -> None:
    other_admin = acme.member(Role.ADMIN)
    cursors_of = {name: first_cursor(ask) for name, ask in lists.asks.items()}
    for name, ask in lists.asks.items():
        assert ask(cursor=cursors_of[name]).status == 200, name
        person = {} if name == "GET /v1/api-keys" else {"person": other_admin}
        if person:
            assert invalid(ask(cursor=cursors_of[name], **person)), name
        for other, cursor in cursors_of.items():
            assert other == name or invalid(ask(cursor=cursor)), (name, other)
    elsewhere = lists_of(acme.cloud.tenant("globex"), index)
    for name, ask in elsewhere.asks.items():
        assert invalid(ask(cursor=cursors_of[name])), name


def test_a_cursor_of_other_parameters_is_refused(lists: Lists, acme: TenantWorld) -> None:
    olga = lists.person
    folder = olga.creates_folder("Inner")["id"]
    cursor = first_cursor(lists.asks["GET /v1/folders/{folder_id}/children"])
    assert invalid(olga.lists(folder, cursor=cursor))
    assert invalid(olga.lists(sort="-name", cursor=cursor))
    assert olga.lists(limit="2", cursor=cursor).status == 200
    found = first_cursor(lists.asks["POST /v1/search"])
    assert invalid(olga.asks("POST", "/v1/search", {"query": "another word", "cursor": found}))
    assert invalid(olga.asks("GET", "/v1/access", query={"cursor": first_cursor(lists.asks["GET /v1/access"])}))


def test_an_altered_or_expired_cursor_is_refused(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {name: first_cursor(ask) for name, ask in lists.asks.items()}
    for name, ask in lists.asks.items():
        for place in (0, 10, 40, len(taken[name]) - 1):
            letter = "B" if taken[name][place] == "A" else "A"
            assert invalid(ask(cursor=taken[name][:place] + letter + taken[name][place + 1 :])), (name, place)
        assert invalid(ask(cursor=cursors.encode({"sk": "name#a"}))), name
    late = PageCursors(cursor_secret, lambda: now() + timedelta(hours=25))
    monkeypatch.setattr(paging, "_CURSORS", late)
    for name, ask in lists.asks.items():
        assert invalid(ask(cursor=taken[name])), name


def test_the_secret_is_asked_for_once_in_a_processs_life(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    from docplatform.infra import credentials

    made: list[str] = []
    kms = credentials.own_client("kms")
    kms.meta.events.register("before-call.kms", lambda model, **_: made.append(model.name))
    cursor_secret.cache_clear()
    for ask in lists.asks.values():
        ask(cursor=first_cursor(ask))
    assert made == ["GenerateMac"]
    assert len(cursor_secret()) == 32
