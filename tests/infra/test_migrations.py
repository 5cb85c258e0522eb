"""Migrations: what an older version stored is completed, once, and nothing else is touched."""

from __future__ import annotations

import secrets
from dataclasses import replace

import boto3
import pytest

from cdk import migrations, names
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.search.adapters.opensearch import FORMER, INDEX
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


def test_the_index_of_this_version_is_filled_once(
    region: Cloud, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "DATA_TABLE", "data")
    own, pooled, without = a_tenant(5), a_tenant(6, collection="pooled"), a_tenant(7, collection="")
    for tenant in (own, pooled, without):
        registry.add(tenant)

    def filled() -> int:
        return migrations.fill_indexes(region.database, lambda service, _: boto3.client(service))

    def marks() -> list[str]:
        known = {LibraryKeys(each.id).reindex("root").pk for each in (own, pooled, without)}
        return [item["pk"] for item in region.items("data") if item["sk"] == "reindex" and item["pk"] in known]

    assert filled() == 1
    assert marks() == [LibraryKeys(own.id).reindex("root").pk]
    region.database.delete_item(
        TableName="data", Key=encode_item(LibraryKeys(own.id).reindex("root")._asdict())
    )  # it was filled
    assert (filled(), marks()) == (0, [])
    monkeypatch.setattr(names, "SEARCH_INDEX", "documents-3")
    assert (filled(), len(marks())) == (1, 1)


def test_the_migration_and_the_product_mean_the_same_index() -> None:
    assert names.SEARCH_INDEX == INDEX
    assert INDEX not in FORMER
