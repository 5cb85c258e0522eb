"""Migrations: what an older version stored is completed, once, and nothing else is touched."""

from __future__ import annotations

import pytest

from cdk import migrations, names
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.tenancy.items import tenant_item
from docplatform.tenancy.registry import Registry
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Cloud, make_table
from tests.support.tenants import a_tenant

pytestmark = on_every_database


@pytest.fixture
def registry(region: Cloud, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr(names, "REGISTRY", "registry-of-migrations")
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
