"""Names over the API: what cannot be seen is refused wherever a name is given, and look-alikes are the same name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from docplatform.core.actor import Role
from docplatform.core.time import now
from docplatform.directory.adapters.keys import DirectoryKeys
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.infra.dynamodb.keys import Key
from docplatform.library.adapters.keys import LibraryKeys
from tests.support.mocked_aws import Answer, Person, TenantWorld

HEART, PLAIN = "\u2764\ufe0f plan.txt", "\u2764 plan.txt"  # the first one has a variation selector


@pytest.fixture
def olga(acme: TenantWorld) -> Person:
    return acme.member(Role.ADMIN)


GIVEN: dict[str, Callable[[Person, str], Answer]] = {
    "folder": lambda olga, name: olga.creates_folder(name),
    "document": lambda olga, name: olga.announces(name),
    "group": lambda olga, name: olga.asks("POST", "/v1/groups", {"name": name}),
    "service account": lambda olga, name: olga.asks("POST", "/v1/service-accounts", {"name": name, "role": "viewer"}),
    "user": lambda olga, name: olga.asks("POST", "/v1/users", {"email": "a@x.example", "role": "viewer", "name": name}),
    "API key": lambda olga, name: olga.asks(
        "POST",
        "/v1/api-keys",
        {"name": name, "scopes": ["read"], "expires_at": (now() + timedelta(days=1)).isoformat()},
    ),
    "renamed folder": lambda olga, name: olga.asks(
        "PATCH", f"/v1/folders/{olga.creates_folder('Before')['id']}", {"name": name}
    ),
    "renamed document": lambda olga, name: olga.asks(
        "PATCH", f"/v1/documents/{olga.announces('Before.txt')['document']['id']}", {"name": name}
    ),
    "renamed group": lambda olga, name: olga.asks(
        "PATCH", f"/v1/groups/{olga.asks('POST', '/v1/groups', {'name': 'Before'})['id']}", {"name": name}
    ),
}


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\ufffd", "\u2066", "\ufeff"], ids=ascii)
@pytest.mark.parametrize("what", GIVEN)
def test_a_name_with_what_cannot_be_seen_is_refused_with_the_reason(olga: Person, what: str, character: str) -> None:
    refused = GIVEN[what](olga, character.join(("invoice", "txt.exe")))
    assert (refused.status, refused["code"]) == (422, "invalid_name")
    assert f"U+{ord(character):04X}" in refused["detail"]


@pytest.mark.parametrize("what", GIVEN)
def test_a_joiner_inside_a_word_is_legal_wherever_a_name_is_given(olga: Person, what: str) -> None:
    assert GIVEN[what](olga, "می\u200cخواهم").status in (200, 201)


def test_a_look_alike_in_a_folder_is_the_same_name(olga: Person) -> None:
    assert olga.announces(HEART).status == 201
    assert olga.announces(PLAIN)["code"] == "name_taken"
    assert olga.creates_folder("می‌خواهم").status == 201
    assert olga.creates_folder("میخواهم")["code"] == "name_taken"
    assert olga.asks("POST", "/v1/groups", {"name": HEART}).status == 201
    assert olga.asks("POST", "/v1/groups", {"name": PLAIN})["code"] == "group_name_taken"


def test_a_name_of_255_emoji_is_taken_listed_and_given_back(olga: Person) -> None:
    long = ["\U0001f600" * 255, "\U0001f600" * 254 + "x"]
    made = [olga.creates_folder(name) for name in long]
    assert [each.status for each in made] == [201, 201]
    assert olga.creates_folder(long[0])["code"] == "name_taken"
    assert sorted(olga.names_in(limit="1")) == sorted(long)
    assert olga.asks("PATCH", f"/v1/folders/{made[0]['id']}", {"name": "short"}).status == 200
    assert olga.creates_folder(long[0]).status == 201


# -- items of earlier versions, whose keys kept invisible characters
def becomes_old(home: TenantWorld, now_at: Key, before_at: Key) -> None:
    database = home.cloud.database
    item = database.get_item(TableName="data", Key=encode_item(now_at._asdict()))["Item"]
    database.delete_item(TableName="data", Key=encode_item(now_at._asdict()))
    database.put_item(TableName="data", Item=item | encode_item(before_at._asdict()))


@pytest.fixture
def old(olga: Person, acme: TenantWorld) -> str:
    """The id of a document that an earlier version named."""
    document = str(olga.announces(HEART)["document"]["id"])
    keys = LibraryKeys(acme.tenant.id)
    becomes_old(acme, keys.name("root", HEART), keys.former_name("root", HEART))
    return document


def test_the_name_of_an_old_item_is_taken(olga: Person, old: str) -> None:
    assert olga.announces(HEART)["code"] == "name_taken"
    assert olga.names_in() == [HEART]


@pytest.mark.parametrize("name", ["other.txt", PLAIN, HEART.upper(), "\u2764\ufe0f\ufe0e"[:2] + " other.txt"])
def test_an_old_item_is_renamed_and_leaves_nothing_behind(olga: Person, old: str, name: str) -> None:
    assert olga.asks("PATCH", f"/v1/documents/{old}", {"name": name}).status == 200
    assert olga.names_in() == [name]
    assert olga.asks("DELETE", f"/v1/documents/{old}").status == 204
    assert olga.names_in() == []
    assert olga.announces(HEART).status == 201


def test_an_old_item_is_moved_and_deleted_and_its_look_alike_stays(olga: Person, old: str, acme: TenantWorld) -> None:
    folder = olga.creates_folder("Folder")["id"]
    assert olga.announces(PLAIN).status == 201, "an old look-alike stands beside it"
    assert olga.asks("PATCH", f"/v1/documents/{old}", {"folder_id": folder}).status == 200
    assert (olga.names_in(folder), olga.names_in()) == ([HEART], ["Folder", PLAIN])
    assert olga.asks("DELETE", f"/v1/documents/{old}").status == 204
    assert (olga.names_in(folder), olga.names_in()) == ([], ["Folder", PLAIN])


def test_an_old_group_is_renamed_and_deleted(olga: Person, acme: TenantWorld) -> None:
    keys = DirectoryKeys(acme.tenant.id)
    for name in ("other", PLAIN, HEART.upper()):
        group = olga.asks("POST", "/v1/groups", {"name": HEART})["id"]
        becomes_old(acme, keys.group_name(HEART), keys.former_group_name(HEART))
        assert olga.asks("POST", "/v1/groups", {"name": HEART})["code"] == "group_name_taken"
        assert olga.asks("PATCH", f"/v1/groups/{group}", {"name": name}).status == 200
        assert olga.asks("DELETE", f"/v1/groups/{group}").status == 204
        again = olga.asks("POST", "/v1/groups", {"name": HEART})
        assert again.status == 201
        assert olga.asks("DELETE", f"/v1/groups/{again['id']}").status == 204


def test_only_a_name_with_invisible_characters_costs_a_further_read(olga: Person, acme: TenantWorld) -> None:
    plain, heart = (str(olga.announces(name)["document"]["id"]) for name in ("plain.txt", HEART))

    def calls(document: str) -> list[str]:
        return acme.calls(lambda: olga.asks("PATCH", f"/v1/documents/{document}", {"name": f"{document}.txt"}))

    without = calls(plain)
    assert sorted(calls(heart)) == sorted([*without, "BatchGetItem"])
