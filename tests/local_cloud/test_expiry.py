"""Items with a time to live go when the clock passes it, and their table's stream tells it."""

from collections.abc import Iterator
from typing import Any

import pytest

from local import clock, supervisor
from local.aws import client
from local.settings import LocalSettings
from local.testing import Cloud, empty_cloud

HERE, THERE = "us-east-1", "eu-central-1"
DAY = 86_400

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


def expiring_table(settings: LocalSettings, name: str) -> Any:
    database = client(settings, "dynamodb", HERE)
    database.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    database.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )
    return database


def put(database: Any, table: str, key: str, expires: dict[str, str] | None) -> None:
    database.put_item(TableName=table, Item={"pk": {"S": key}, **({"expires_at": expires} if expires else {})})


def left(database: Any, table: str) -> set[str]:
    return {item["pk"]["S"] for item in database.scan(TableName=table)["Items"]}


def told(settings: LocalSettings, table: str, region: str = HERE) -> list[tuple[str, str, Any]]:
    """What the stream tells: event, key and user identity."""
    arn = client(settings, "dynamodb", region).describe_table(TableName=table)["Table"]["LatestStreamArn"]
    streams = client(settings, "dynamodbstreams", region)
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
    return [(each["eventName"], each["dynamodb"]["Keys"]["pk"]["S"], each.get("userIdentity")) for each in records]


def test_an_item_goes_after_its_time_and_the_stream_names_the_service(cloud: LocalSettings) -> None:
    database = expiring_table(cloud, "plain")
    now = clock.read(cloud)[0].timestamp()
    put(database, "plain", "soon", {"N": str(int(now) + 3_600)})
    put(database, "plain", "later", {"N": str(int(now) + 2 * DAY)})
    for key, value in (("never", None), ("text", {"S": "5"}), ("put back", {"N": str(int(now) + 3_600)})):
        put(database, "plain", key, value)
    put(database, "plain", "put back", None)
    database.delete_item(TableName="plain", Key={"pk": {"S": "never"}})
    clock.forward(cloud, 2 * 3_600)
    Cloud.eventually(lambda: left(database, "plain") == {"later", "text", "put back"})
    removed = [each for each in told(cloud, "plain") if each[0] == "REMOVE"]
    service = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    assert removed == [("REMOVE", "never", None), ("REMOVE", "soon", service)]


def test_an_item_whose_time_is_over_goes_at_once(cloud: LocalSettings) -> None:
    database = expiring_table(cloud, "over")
    put(database, "over", "over", {"N": str(int(clock.read(cloud)[0].timestamp()) - 5)})
    Cloud.eventually(lambda: left(database, "over") == set())


def test_another_region_sees_a_deletion_by_replication(cloud: LocalSettings) -> None:
    database = expiring_table(cloud, "global")
    database.update_table(TableName="global", ReplicaUpdates=[{"Create": {"RegionName": THERE}}])
    put(database, "global", "one", {"N": str(int(clock.read(cloud)[0].timestamp()) + DAY)})
    clock.forward(cloud, DAY + 1)
    Cloud.eventually(lambda: left(client(cloud, "dynamodb", THERE), "global") == set())
    everywhere = [told(cloud, "global", region)[-1] for region in (HERE, THERE)]
    assert sorted(bool(identity) for _event, _key, identity in everywhere) == [False, True]
    assert {(event, key) for event, key, _identity in everywhere} == {("REMOVE", "one")}


def test_an_item_that_was_stored_goes_after_a_restart() -> None:
    with empty_cloud() as settings:
        database = expiring_table(settings, "stored")
        put(database, "stored", "one", {"N": str(int(clock.read(settings)[0].timestamp()) + DAY)})
        supervisor.stop(settings)
        supervisor.start(settings)
        clock.forward(settings, DAY + 1)
        Cloud.eventually(lambda: left(database, "stored") == set())
