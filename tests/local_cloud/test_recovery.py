"""A table is restored as it was at the moment that was asked for."""

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import clock, supervisor
from local.aws import client
from local.settings import LocalSettings
from local.testing import Cloud, empty_cloud

HERE = "us-east-1"
HOUR = 3_600

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


class Table:
    def __init__(self, settings: LocalSettings, name: str, *, recoverable: bool = True) -> None:
        self.settings, self.name = settings, name
        self.aws = client(settings, "dynamodb", HERE)
        self.aws.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk", "by")],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-value",
                    "KeySchema": [{"AttributeName": "by", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        if recoverable:
            self.recover(True)

    def recover(self, enabled: bool, **more: Any) -> None:
        specification = {"PointInTimeRecoveryEnabled": enabled, **more}
        self.aws.update_continuous_backups(TableName=self.name, PointInTimeRecoverySpecification=specification)

    def recovery(self) -> dict[str, Any]:
        told = self.aws.describe_continuous_backups(TableName=self.name)["ContinuousBackupsDescription"]
        found: dict[str, Any] = told["PointInTimeRecoveryDescription"]
        return found

    def put(self, sort: str, value: str) -> None:
        item = {"pk": {"S": "one"}, "sk": {"S": sort}, "by": {"S": value}, "raw": {"B": b"\x00\xff"}}
        self.aws.put_item(TableName=self.name, Item=item)

    def delete(self, sort: str) -> None:
        self.aws.delete_item(TableName=self.name, Key={"pk": {"S": "one"}, "sk": {"S": sort}})

    def now(self) -> datetime:
        """The present moment, before and after which some time passes: the SDK sends whole seconds."""
        clock.forward(self.settings, 2)
        moment = clock.read(self.settings)[0]
        clock.forward(self.settings, HOUR)
        return moment

    def restored(self, moment: datetime | None) -> "Table":
        made = Table.__new__(Table)
        made.settings, made.name, made.aws = self.settings, f"restored-{uuid.uuid4().hex}", self.aws
        when = {"UseLatestRestorableTime": True} if moment is None else {"RestoreDateTime": moment}
        self.aws.restore_table_to_point_in_time(SourceTableName=self.name, TargetTableName=made.name, **when)
        return made

    def refusal(self, **when: Any) -> str:
        with pytest.raises(ClientError) as refused:
            self.aws.restore_table_to_point_in_time(SourceTableName=self.name, TargetTableName="refused", **when)
        return str(refused.value.response["Error"]["Code"])

    def items(self) -> dict[str, str]:
        found = self.aws.scan(TableName=self.name)["Items"]
        assert all(item["raw"]["B"] == b"\x00\xff" for item in found)
        return {item["sk"]["S"]: item["by"]["S"] for item in found}

    def by(self, value: str) -> list[str]:
        found = self.aws.query(
            TableName=self.name,
            IndexName="by-value",
            KeyConditionExpression="#by = :v",
            ExpressionAttributeNames={"#by": "by"},
            ExpressionAttributeValues={":v": {"S": value}},
        )["Items"]
        return sorted(item["sk"]["S"] for item in found)


def test_each_moment_comes_back(cloud: LocalSettings) -> None:
    table = Table(cloud, "moments")
    empty = table.now()
    table.put("a", "1")
    table.put("b", "1")
    first = table.now()
    table.put("a", "2")
    table.delete("b")
    table.put("c", "2")
    second = table.now()
    table.put("b", "3")
    table.put("a", "3")
    table.delete("c")
    table.now()
    assert table.restored(empty).items() == {}
    back = table.restored(first)
    assert back.items() == {"a": "1", "b": "1"}
    assert (back.by("1"), back.by("2"), back.by("3")) == (["a", "b"], [], [])
    assert back.aws.describe_table(TableName=back.name)["Table"]["ItemCount"] == 2
    assert table.restored(second).items() == {"a": "2", "c": "2"}
    assert table.restored(None).items() == table.items() == {"a": "3", "b": "3"}


def test_every_kind_of_write_is_undone(cloud: LocalSettings) -> None:
    table = Table(cloud, "writes")
    for sort in ("batch", "transaction", "update", "statement"):
        table.put(sort, "old")
    moment = table.now()
    key = {"pk": {"S": "one"}}
    name, gone = table.name, [{"DeleteRequest": {"Key": {**key, "sk": {"S": "batch"}}}}]
    table.aws.batch_write_item(RequestItems={name: gone})
    table.aws.transact_write_items(
        TransactItems=[{"Delete": {"TableName": name, "Key": {**key, "sk": {"S": "transaction"}}}}]
    )
    table.aws.update_item(
        TableName=name,
        Key={**key, "sk": {"S": "update"}},
        UpdateExpression="SET #by = :v",
        ExpressionAttributeNames={"#by": "by"},
        ExpressionAttributeValues={":v": {"S": "new"}},
    )
    table.aws.execute_statement(Statement=f"DELETE FROM \"{name}\" WHERE pk='one' AND sk='statement'")
    table.now()
    assert table.items() == {"update": "new"}
    assert table.restored(moment).items() == dict.fromkeys(("batch", "transaction", "update", "statement"), "old")


def test_moments_outside_the_window_are_refused(cloud: LocalSettings) -> None:
    table = Table(cloud, "window")
    began = clock.read(cloud)[0]
    clock.forward(cloud, HOUR)
    told = table.recovery()
    earliest, latest = told["EarliestRestorableDateTime"], told["LatestRestorableDateTime"]
    assert timedelta(0) <= began - earliest < timedelta(minutes=5) < latest - earliest
    assert table.refusal(RestoreDateTime=began - timedelta(hours=1)) == "InvalidRestoreTimeException"
    assert table.refusal(RestoreDateTime=clock.read(cloud)[0]) == "InvalidRestoreTimeException"
    assert table.refusal(RestoreDateTime=began, UseLatestRestorableTime=True) == "ValidationException"
    assert table.refusal() == "ValidationException"
    clock.forward(cloud, 36 * 24 * HOUR)
    assert table.refusal(RestoreDateTime=began) == "InvalidRestoreTimeException"
    table.recover(True, RecoveryPeriodInDays=2)
    assert table.recovery()["RecoveryPeriodInDays"] == 2
    days = table.recovery()["LatestRestorableDateTime"] - table.recovery()["EarliestRestorableDateTime"]
    assert timedelta(days=1) < days < timedelta(days=2)


def test_a_table_without_recovery_is_not_restored(cloud: LocalSettings) -> None:
    table = Table(cloud, "without", recoverable=False)
    moment = table.now()
    assert table.refusal(RestoreDateTime=moment) == "PointInTimeRecoveryUnavailableException"
    table.recover(True)
    table.put("a", "1")
    table.recover(False)
    table.recover(True)  # begins anew
    assert table.refusal(RestoreDateTime=moment) == "InvalidRestoreTimeException"
    clock.forward(cloud, HOUR)
    assert table.restored(None).items() == {"a": "1"}


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"])
def test_a_template_turns_recovery_on(cloud: LocalSettings, kind: str) -> None:
    name = kind.replace("::", "-")
    recovery = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}}
    properties = {
        "TableName": name,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        **(recovery if kind.endswith("::Table") else {"Replicas": [{"Region": HERE, **recovery}]}),
    }
    stacks = client(cloud, "cloudformation", HERE)
    template = {"Resources": {"Table": {"Type": kind, "Properties": properties}}}
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(template))
    Cloud.eventually(lambda: stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
    told = client(cloud, "dynamodb", HERE).describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery_told = told["PointInTimeRecoveryDescription"]
    assert (recovery_told["PointInTimeRecoveryStatus"], recovery_told["RecoveryPeriodInDays"]) == ("ENABLED", 7)


def test_the_changes_survive_a_stop_and_a_kill() -> None:
    with empty_cloud() as settings:
        table = Table(settings, "kept")
        table.put("a", "1")
        first = table.now()
        table.put("a", "2")
        supervisor.stop(settings)
        supervisor.start(settings)
        second = table.now()
        table.put("a", "3")
        supervisor.snapshot(settings)
        supervisor.kill(settings)
        supervisor.start(settings)
        table.now()
        assert table.items() == {"a": "3"}
        assert [table.restored(moment).items() for moment in (first, second)] == [{"a": "1"}, {"a": "2"}]
