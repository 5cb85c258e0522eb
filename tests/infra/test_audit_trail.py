"""The audit trail's partitions: writes spread over them, and reads put them together again, on every engine."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.core import ids
from docplatform.core.audit import Action, AuditRecord, record_of
from docplatform.infra.dynamodb.audit_trail import AuditTrail
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.infra.dynamodb.keys import AUDIT_SHARDS, TenantKeys
from docplatform.runtime.tenant_access import table
from local import testing
from tests.support.databases import on_every_database
from tests.support.mocked_aws import TenantWorld

pytestmark = [on_every_database, pytest.mark.usefixtures("in_acme")]
DAY = datetime(2026, 3, 1, tzinfo=UTC)


def record(home: TenantWorld, at: datetime) -> AuditRecord:
    return record_of(home.member().actor, Action.DOCUMENT_READ, "doc_1", at)


def trail(home: TenantWorld, **more: Any) -> list[str]:
    reader = AuditTrail(home.cloud.database, "audit", home.tenant.id)
    return [item["sk"] for item in reader.day(DAY, **more)]


def test_records_of_one_day_spread_over_its_partitions(acme: TenantWorld) -> None:
    chosen = Counter(TenantKeys(acme.tenant.id).audit(DAY, ids.ulid(DAY)).pk for _ in range(4_000))
    assert len(chosen) == AUDIT_SHARDS == testing.AUDIT_SHARDS
    assert max(chosen.values()) < 2 * 4_000 / AUDIT_SHARDS


def test_a_day_is_read_in_the_order_of_time_with_the_records_of_earlier_versions(acme: TenantWorld) -> None:
    chance, written = random.Random(1), []
    store = table(acme.tenant)
    for minute in range(90):
        made = record(acme, DAY + timedelta(minutes=minute))
        written.append(made.id)
        if chance.random() < 0.3:  # as earlier versions wrote
            old = {"pk": f"{acme.tenant.id}#2026-03-01", "sk": made.id, "action": "document.read"}
            acme.cloud.database.put_item(TableName="audit", Item=encode_item(old))
        else:
            store.record_standalone(made)
    store.record_standalone(record(acme, DAY + timedelta(days=1)))
    store.record_standalone(record(acme, DAY - timedelta(minutes=1)))
    assert trail(acme, page=4) == trail(acme) == written == sorted(written)


def test_a_record_is_never_written_twice(acme: TenantWorld) -> None:
    made, store = record(acme, DAY), table(acme.tenant)
    store.record_standalone(made)
    with pytest.raises(Exception, match="ConditionalCheckFailed|conditional request failed"):
        store.record_standalone(made)
    assert trail(acme) == [made.id]
