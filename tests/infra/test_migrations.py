"""Migrations: what an older version stored is completed, once, and nothing else is touched."""

from __future__ import annotations

import secrets
from dataclasses import replace

import boto3
import pytest

from cdk import migrations, names
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.tenancy.items import tenant_item
from docplatform.tenancy.registry import Registry
from tests.support.collections import collections
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Cloud, make_table
from tests.support.tenants import a_tenant

pytestmark = on_every_database


@pytest.fixture
def registry(region: Cloud, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr(names, "REGISTRY", f"registry-of-migrations-{secrets.token_hex(4)}")
    make_table(region.database, names.REGISTRY, "gsi1")
    return Registry(region.database, names.REGISTRY)


def test_tenants_of_an_older_version_join_the_index_of_their_region(region: Cloud, registry: Registry) -> None:
    old, new = a_tenant(1), a_tenant(2)
    registry.add(new)
    for pk in (f"tenant#{old.id}", f"subdomain#{old.subdomain}"):
        item = {"pk": pk, "sk": "tenant", **tenant_item(old)}
        region.database.put_item(TableName=names.REGISTRY, Item=encode_item(item))
    assert registry.ids_in_region(old.region)[0] == [new.id]
    assert migrations.list_tenants_by_region(region.database) == 1
    assert registry.ids_in_region(old.region)[0] == [old.id, new.id]
    assert Registry(region.database, names.REGISTRY).by_id(old.id) == old
    assert migrations.list_tenants_by_region(region.database) == 0


def test_tenants_that_shared_a_collection_get_their_own_and_are_indexed_again(
    region: Cloud, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "DATA_TABLE", "data")
    old, new = a_tenant(3, collection="pooled"), a_tenant(4)
    registry.add(old)
    registry.add(new)

    def moved() -> int:
        return migrations.give_collections(region.database, lambda service, _: boto3.client(service))

    assert moved() == 1
    own = collections(old.region)[f"docplatform-{old.id}"]
    fresh = Registry(region.database, names.REGISTRY)
    for found in (fresh.by_id(old.id), fresh.by_subdomain(old.subdomain)):
        assert found == replace(old, collection=own.id)
    assert fresh.by_id(new.id) == new
    marks = [item["pk"] for item in region.items("data") if item["sk"] == "reindex"]
    assert marks == [LibraryKeys(old.id).reindex("root").pk]
    assert moved() == 0
