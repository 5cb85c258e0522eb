"""A put over an audit record, with a tenant's credentials, is found in the cloud: the stream tells what was changed."""

from __future__ import annotations

from typing import Any

from local.testing import Cloud
from tests.e2e.client import TenantSite
from tests.e2e.conftest import US
from tests.e2e.test_isolation import key, refused

TABLE = "docplatform-audit"


def findings(cloud: Cloud, record: str) -> list[dict[str, Any]]:
    """What an operator reads of this record."""
    found = cloud.root("dynamodb", US).query(
        TableName="docplatform-operations",
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "finding#audit-tampered"}},
    )
    return [item for item in found["Items"] if item["record"]["S"] == record]


def test_a_put_over_a_record_is_found(acme: TenantSite, hooli: TenantSite) -> None:
    cloud = acme.site.cloud
    database = cloud.as_tenant(US, acme.id).client("dynamodb")
    record, untouched = (key(f"{acme.id}#2000-01-01", name) for name in ("tampered", "untouched"))
    for each in (record, untouched):
        database.put_item(TableName=TABLE, Item={**each, "actor": {"S": "usr_1"}})
    database.put_item(TableName=TABLE, Item={**record, "actor": {"S": "usr_2"}})
    cloud.eventually(lambda: bool(findings(cloud, f"{acme.id}#2000-01-01/tampered")))
    (found,) = findings(cloud, f"{acme.id}#2000-01-01/tampered")
    assert (found["change"]["S"], found["changed"]["L"]) == ("changed", [{"S": "actor"}])
    assert "usr_" not in str(found)
    assert findings(cloud, f"{acme.id}#2000-01-01/untouched") == [], "a record that was added is no finding"


def test_a_removal_by_whoever_may_is_found(acme: TenantSite) -> None:
    cloud = acme.site.cloud
    database, record = cloud.root("dynamodb", US), key(f"{acme.id}#2000-01-01", "removed")
    database.put_item(TableName=TABLE, Item=record)
    database.delete_item(TableName=TABLE, Key=record)
    cloud.eventually(lambda: bool(findings(cloud, f"{acme.id}#2000-01-01/removed")))
    assert findings(cloud, f"{acme.id}#2000-01-01/removed")[0]["change"]["S"] == "removed"


def test_who_tampers_neither_reads_nor_removes_the_finding_nor_reaches_other_trails(
    acme: TenantSite, hooli: TenantSite
) -> None:
    cloud = acme.site.cloud
    database, finding = cloud.as_tenant(US, acme.id).client("dynamodb"), key("finding#audit-tampered", "x")
    refused(lambda: database.get_item(TableName="docplatform-operations", Key=finding))
    refused(lambda: database.delete_item(TableName="docplatform-operations", Key=finding))
    refused(lambda: database.put_item(TableName=TABLE, Item=key(f"{hooli.id}#2000-01-01", "tampered")))
    watch = cloud.as_function(US, "audit-watch").client("dynamodb")
    refused(lambda: watch.put_item(TableName="docplatform-operations", Item=key("job#watch", "x")))
    refused(lambda: watch.put_item(TableName=TABLE, Item=key(f"{acme.id}#2000-01-01", "x")))
