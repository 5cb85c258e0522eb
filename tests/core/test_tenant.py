"""The registry's record of a tenant, and the resources that its isolation level demands."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from docplatform.core.tenant import IsolationLevel, Plan, Tenant, TenantStatus
from docplatform.tenancy.items import from_text, tenant_from, tenant_item, to_text

OLD = {
    "tenant_id": "t000000000001",
    "subdomain": "acme",
    "name": "Acme",
    "plan": "standard",
    "region": "us-east-1",
    "status": "active",
    "collection": "pooled",
    "created_at": "2026-01-01T00:00:00.000Z",
}
OWN = {"collection": "acme", "encryption_key": "arn:aws:kms:us-east-1:111111111111:key/a", "table": "acme"}


def made(level: IsolationLevel, **own: str) -> Tenant:
    facts = {"collection": "pooled"} | own
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Tenant(
        id="t000000000001",
        subdomain="acme",
        name="Acme",
        plan=Plan.ENTERPRISE,
        region="us-east-1",
        status=TenantStatus.ACTIVE,
        created_at=at,
        isolation_level=level,
        features=frozenset({"ocr", "links"}),
        **facts,
    )


def test_a_record_that_is_older_than_isolation_levels_is_of_a_shared_tenant() -> None:
    tenant = tenant_from(OLD)
    assert tenant.isolation_level is IsolationLevel.SHARED
    assert (tenant.encryption_key, tenant.table, tenant.features) == ("", "", frozenset())


@pytest.mark.parametrize("level", IsolationLevel)
def test_a_tenant_is_read_as_it_was_written(level: IsolationLevel) -> None:
    tenant = made(level, **OWN)
    assert tenant_from(tenant_item(tenant)) == from_text(to_text(tenant)) == tenant


@pytest.mark.parametrize(
    ("level", "missing"),
    [
        (IsolationLevel.SCHEMA, "collection"),
        (IsolationLevel.SCHEMA, "encryption_key"),
        (IsolationLevel.DATABASE, "collection"),
        (IsolationLevel.DATABASE, "encryption_key"),
        (IsolationLevel.DATABASE, "table"),
        (IsolationLevel.DEDICATED, "table"),
    ],
)
def test_no_tenant_shares_what_its_level_says_is_its_own(level: IsolationLevel, missing: str) -> None:
    own = {name: value for name, value in OWN.items() if name != missing}
    with pytest.raises(ValueError, match=missing):
        made(level, **own)


def test_a_tenant_with_a_key_of_its_own_may_share_the_table() -> None:
    assert made(IsolationLevel.SCHEMA, collection="acme", encryption_key=OWN["encryption_key"]).table == ""
