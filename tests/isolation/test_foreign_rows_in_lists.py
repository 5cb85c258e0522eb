"""Another tenant writes items with index keys of acme, which the database lets it do. No list of acme shows or loses a thing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docplatform.core.actor import Role
from docplatform.infra.dynamodb.codec import encode_item
from tests.support.mocked_aws import Cloud, Person, TenantWorld

FOREIGN = "t00000000000f"
INDEXES = ("gsi1", "gsi2", "gsi3")


@pytest.fixture
def olga(acme: TenantWorld) -> Person:
    """An admin who sees something in every list."""
    olga = acme.member(Role.ADMIN, "Olga")
    for name in ("A", "B", "C"):
        assert olga.creates_folder(name).status == 201
        assert olga.announces(f"{name}.txt").status == 201
        assert olga.asks("POST", "/v1/groups", {"name": name}).status == 201
        made = olga.asks("POST", "/v1/service-accounts", {"name": name, "role": "viewer"})
        assert made.status == 201, made
        assert olga.asks("POST", "/v1/users", {"email": f"{name}@x.example", "role": "viewer"}).status == 201
    return olga


LISTS = (
    "/v1/folders/root/children?sort=name",
    "/v1/folders/root/children?sort=created_at",
    "/v1/folders/root/children?sort=updated_at",
    "/v1/users",
    "/v1/groups",
    "/v1/service-accounts",
)


def listed(person: Person, path: str, limit: int) -> list[str]:
    """The ids of all pages of a list."""
    path, _, order = path.partition("?")
    query = {"limit": str(limit), **dict([order.split("=")] if order else [])}
    found: list[str] = []
    cursor = ""
    while True:
        page = person.asks("GET", path, query=query | ({"cursor": cursor} if cursor else {}))
        assert page.status == 200, page
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            return found


def items_of(home: TenantWorld) -> list[dict[str, Any]]:
    return [item for item in home.cloud.items("data") if item["pk"].startswith(f"{home.tenant.id}#")]


def plant(cloud: Cloud, item: dict[str, Any], number: int, **changes: object) -> None:
    planted = {**item, "pk": f"{FOREIGN}#planted#{number}", **changes}
    cloud.database.put_item(TableName="data", Item=encode_item(planted))


def test_forged_rows_change_no_list(acme: TenantWorld, olga: Person, region: Cloud, capsys: Any) -> None:
    before = {(path, limit): listed(olga, path, limit) for path in LISTS for limit in (2, 100)}
    assert all(len(ids) >= 3 for ids in before.values())
    number = 0
    for item in items_of(acme):
        for index in (each for each in INDEXES if f"{each}pk" in item):
            for sort_key in ("!", item[f"{index}sk"], f"{item[f'{index}sk']}x", "~"):
                number += 1
                plant(region, item, number, **{f"{index}sk": sort_key})
                plant(
                    region, {}, number + 100_000, sk="x", **{f"{index}pk": item[f"{index}pk"], f"{index}sk": sort_key}
                )
    assert number > 30
    capsys.readouterr()
    assert {key: listed(olga, *key) for key in before} == before
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(sum(line.get("ForeignIds", [])) for line in lines if line.get("source") == "index") >= number


def test_an_item_that_cannot_be_read_hides_no_other(
    acme: TenantWorld, olga: Person, region: Cloud, capsys: Any
) -> None:
    before = {path: listed(olga, path, 100) for path in LISTS[1:]}
    hidden = set()
    for item in items_of(acme):
        indexes = [each for each in INDEXES if f"{each}pk" in item]
        if indexes and item.get("id") in {each for ids in before.values() for each in ids} and item["id"] != olga.id:
            keys = {name: item[name] for name in item if name in ("pk", "sk", "id") or name.startswith("gsi")}
            if item["id"] not in hidden and len(hidden) < 3:
                region.database.put_item(TableName="data", Item=encode_item(keys))
                hidden.add(item["id"])
    capsys.readouterr()
    assert {path: [id_ for id_ in ids if id_ not in hidden] for path, ids in before.items()} == {
        path: listed(olga, path, 100) for path in LISTS[1:]
    }
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(sum(line.get("ForeignIds", [])) for line in lines if line.get("source") == "item") >= len(hidden) == 3
