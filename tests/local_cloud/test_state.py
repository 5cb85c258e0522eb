"""The state folder: a disk that is full, states of other versions, and states that are damaged."""

from __future__ import annotations

import json
import os
import resource
import socket
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import clock, supervisor
from local.aws import client
from local.cloud.durability.journal import as_line
from local.settings import ACCOUNT, HOME, LocalSettings
from local.testing import Cloud, empty_cloud

pytestmark = pytest.mark.slow
TABLE = {
    "TableName": "items",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        client(settings, "dynamodb", HOME).create_table(**TABLE)
        client(settings, "s3", HOME).create_bucket(Bucket="objects")
        yield settings


def put(settings: LocalSettings, name: str, value: str = "x") -> None:
    client(settings, "dynamodb", HOME).put_item(TableName="items", Item={"pk": {"S": name}, "v": {"S": value}})


def items(settings: LocalSettings) -> set[str]:
    return {each["pk"]["S"] for each in client(settings, "dynamodb", HOME).scan(TableName="items")["Items"]}


@contextmanager
def full_disk(settings: LocalSettings, most: int) -> Iterator[None]:
    """No file of the cloud's process may be larger than this, as if the disk had no more room for it."""
    process = supervisor.running(settings)
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        if supervisor.running(settings) == process:
            resource.prlimit(process, resource.RLIMIT_FSIZE, before)


def refused() -> Any:
    return pytest.raises(ClientError, match="InsufficientStorage.*cannot store this")


def test_a_write_that_finds_no_room_is_refused_and_nothing_before_it_is_lost(cloud: LocalSettings) -> None:
    put(cloud, "before")
    with full_disk(cloud, most=100_000):
        with refused():
            put(cloud, "large", "x" * 200_000)
        with refused():
            put(cloud, "after")
        assert "before" in items(cloud)
        assert "after" not in items(cloud), "a write that is refused beforehand changes nothing"
        supervisor.kill(cloud)
    supervisor.start(cloud)
    assert items(cloud) == {"before"}
    put(cloud, "later")
    assert items(cloud) == {"before", "later"}


def test_a_change_that_recovery_finds_no_room_for_is_refused_and_not_made(cloud: LocalSettings) -> None:
    recovery = {"PointInTimeRecoveryEnabled": True}
    database = client(cloud, "dynamodb", HOME)
    database.update_continuous_backups(TableName="items", PointInTimeRecoverySpecification=recovery)
    for value in ("x", "y"):  # the log of changes holds the first, 60 kB
        put(cloud, "one", value * 60_000)
    supervisor.snapshot(cloud)
    with full_disk(cloud, most=100_000), refused():
        put(cloud, "one", "small")
    for end in (lambda _: None, supervisor.kill):
        end(cloud)
        supervisor.start(cloud)
        assert database.get_item(TableName="items", Key={"pk": {"S": "one"}})["Item"]["v"]["S"] == "y" * 60_000
    put(cloud, "one", "small")


def test_writes_go_on_when_there_is_room_again(cloud: LocalSettings) -> None:
    with full_disk(cloud, most=100_000):
        with refused():
            put(cloud, "large", "x" * 200_000)
    put(cloud, "after")
    supervisor.kill(cloud)
    supervisor.start(cloud)
    assert items(cloud) == {"large", "after"}, "what was refused waits in memory until it can be written"


def test_a_snapshot_that_finds_no_room_leaves_the_one_before_it(cloud: LocalSettings) -> None:
    for number in range(20):
        put(cloud, str(number), "x" * 1_000)
    before = sorted(each.name for each in (cloud.state / "journal").glob("snapshot-*"))
    with full_disk(cloud, most=10_000):
        with pytest.raises(urllib.error.HTTPError, match="507"):
            supervisor.snapshot(cloud)
        assert "snapshot: OSError(27, 'File too large')" in log(cloud)
        assert sorted(each.name for each in (cloud.state / "journal").glob("snapshot-*")) == before
        put(cloud, "goes into the next journal")
        supervisor.kill(cloud)
    supervisor.start(cloud)
    assert items(cloud) == {*map(str, range(20)), "goes into the next journal"}
    supervisor.snapshot(cloud)
    assert sorted(each.name for each in (cloud.state / "journal").glob("snapshot-*")) != before


@pytest.mark.parametrize("versioning", ["Suspended", "Enabled"])
def test_an_object_that_finds_no_room_leaves_the_one_before_it(cloud: LocalSettings, versioning: str) -> None:
    storage = client(cloud, "s3", HOME)
    storage.put_bucket_versioning(Bucket="objects", VersioningConfiguration={"Status": versioning})
    storage.put_object(Bucket="objects", Key="file", Body=b"old")
    upload = storage.create_multipart_upload(Bucket="objects", Key="parts")["UploadId"]
    with full_disk(cloud, most=100_000):
        with refused():
            storage.put_object(Bucket="objects", Key="file", Body=b"x" * 200_000)
        for size in (200_000, 9_000_000):  # a large one is refused while it arrives
            with refused():
                storage.put_object(Bucket="objects", Key="new", Body=b"x" * size)
        with refused():
            storage.upload_part(Bucket="objects", Key="parts", UploadId=upload, PartNumber=1, Body=b"x" * 200_000)
        assert storage.get_object(Bucket="objects", Key="file")["Body"].read() == b"old"
    for end in (lambda _: None, supervisor.kill):
        end(cloud)
        supervisor.start(cloud)
        versions = storage.list_object_versions(Bucket="objects")["Versions"]
        assert [(each["Key"], each["Size"]) for each in versions] == [("file", 3)]
        assert storage.get_object(Bucket="objects", Key="file")["Body"].read() == b"old"
        assert "Parts" not in storage.list_parts(Bucket="objects", Key="parts", UploadId=upload)


def test_locks_of_objects_survive_a_stop_and_a_kill(cloud: LocalSettings) -> None:
    storage = client(cloud, "s3", HOME)
    storage.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    version = storage.put_object(Bucket="locked", Key="file", Body=b"kept")["VersionId"]
    at = {"Bucket": "locked", "Key": "file", "VersionId": version}
    storage.put_object_retention(**at, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": "2099-01-01T00:00:00Z"})
    storage.put_object_legal_hold(**at, LegalHold={"Status": "ON"})
    for end in (supervisor.kill, supervisor.stop):
        end(cloud)
        supervisor.start(cloud)
        assert storage.get_object_retention(**at)["Retention"]["Mode"] == "COMPLIANCE"
        assert storage.get_object_legal_hold(**at)["LegalHold"]["Status"] == "ON"
        with pytest.raises(ClientError, match="AccessDenied"):
            storage.delete_object(**at)


def test_an_execution_that_was_started_is_known_after_a_kill(cloud: LocalSettings) -> None:
    states = client(cloud, "stepfunctions", HOME)
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = client(cloud, "iam", HOME).create_role(RoleName="any", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    machine = states.create_state_machine(name="waits", definition=json.dumps(definition), roleArn=role)[
        "stateMachineArn"
    ]
    execution = states.start_execution(stateMachineArn=machine, name="one")["executionArn"]
    supervisor.kill(cloud)
    supervisor.start(cloud)
    assert (
        states.describe_execution(executionArn=execution)["status"] == "FAILED"
    )  # it died with the cloud, and says so


def test_what_a_stack_has_made_is_there_after_a_kill(cloud: LocalSettings) -> None:
    formation = client(cloud, "cloudformation", HOME)
    resources = {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "told"}},
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": []}}},
        "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/one", "Type": "String", "Value": "1"}},
    }
    formation.create_stack(StackName="made", TemplateBody=json.dumps({"Resources": resources}))
    formation.get_waiter("stack_create_complete").wait(StackName="made", WaiterConfig={"Delay": 1})
    supervisor.kill(cloud)
    supervisor.start(cloud)
    assert formation.describe_stacks(StackName="made")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    made = formation.describe_stack_resources(StackName="made")["StackResources"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made}
    assert client(cloud, "sns", HOME).get_topic_attributes(TopicArn=ids["Topic"])
    assert client(cloud, "kms", HOME).describe_key(KeyId=ids["Key"])["KeyMetadata"]["KeyState"] == "Enabled"
    assert client(cloud, "ssm", HOME).get_parameter(Name="/one")["Parameter"]["Value"] == "1"


def test_log_lines_are_kept_by_a_snapshot_that_somebody_asked_for(cloud: LocalSettings) -> None:
    logs = client(cloud, "logs", HOME)
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    at = {"logGroupName": "group", "logStreamName": "stream"}
    logs.put_log_events(**at, logEvents=[{"timestamp": int(time.time() * 1000), "message": "kept"}])
    supervisor.snapshot(cloud)
    supervisor.kill(cloud)
    supervisor.start(cloud)
    assert [each["message"] for each in logs.get_log_events(**at)["events"]] == ["kept"]


def test_log_groups_are_kept_without_a_snapshot(cloud: LocalSettings) -> None:
    logs = client(cloud, "logs", HOME)
    for name in ("gone", "kept"):
        logs.create_log_group(logGroupName=name)
    supervisor.snapshot(cloud)
    logs.delete_log_group(logGroupName="gone")
    logs.create_log_group(logGroupName="new", tags={"a": "b"})
    logs.put_retention_policy(logGroupName="new", retentionInDays=7)
    supervisor.kill(cloud)
    supervisor.start(cloud)
    found = {each["logGroupName"]: each.get("retentionInDays") for each in logs.describe_log_groups()["logGroups"]}
    assert found == {"kept": None, "new": 7}
    logs.create_log_stream(logGroupName="new", logStreamName="stream")
    at = {"logGroupName": "new", "logStreamName": "stream"}
    logs.put_log_events(**at, logEvents=[{"timestamp": int(time.time() * 1000), "message": "kept"}])
    supervisor.stop(cloud)
    supervisor.start(cloud)
    assert [each["message"] for each in logs.get_log_events(**at)["events"]] == ["kept"]


def test_a_table_that_was_made_anew_has_none_of_the_old_items(cloud: LocalSettings) -> None:
    put(cloud, "old")
    database = client(cloud, "dynamodb", HOME)
    database.delete_table(TableName="items")
    database.create_table(**TABLE)
    put(cloud, "new")
    supervisor.kill(cloud)
    supervisor.start(cloud)
    assert items(cloud) == {"new"}
    assert database.describe_table(TableName="items")["Table"]["ItemCount"] == 1


def test_a_state_of_the_version_before_is_migrated(cloud: LocalSettings) -> None:
    """Its services had one file each, with everything in it, and no journal."""
    queue = client(cloud, "sqs", HOME).create_queue(QueueName="told")["QueueUrl"]
    logs, at = client(cloud, "logs", HOME), {"logGroupName": "group", "logStreamName": "stream"}
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(**at)
    logs.put_log_events(**at, logEvents=[{"timestamp": int(time.time() * 1000), "message": "kept"}])
    supervisor.stop(cloud)
    services = cloud.state / "services"
    for history in services.glob("*.history.json"):
        file = history.with_name(history.name.replace(".history", ""))
        both = json.loads(file.read_text())
        both["payload"] |= json.loads(history.read_text())["payload"]
        file.write_text(json.dumps(both))
        history.unlink()
    tables = json.loads((services / "dynamodb.json").read_text())
    (table,) = tables["payload"]["tables"]["data"].values()
    table |= {"items": {"old": {"__no_sort__": {"pk": {"S": "old"}}}}, "ItemCount": 1}
    (services / "dynamodb.json").write_text(json.dumps(tables))
    snapshot = max((cloud.state / "journal").glob("snapshot-*")).read_text().splitlines()
    (told,) = (record for line in snapshot for record in json.loads(line[9:]) if record[0] == "queue")
    message = {"id": "1", "body": "kept", "md5_body": "", "message_attributes": {}, "sys": {}, "receipt_handle": None}
    message |= {"sent_at": 0.0, "enqueued_at": 4e9, "visible_at": 0.0, "receive_count": 0, "group_id": None}
    kept = {**told[4]["queue"], "messages": [message], "dedup_cache": {}}
    queues = {"__account_region_scoped__": True, "data": {f"{told[1]}\0{told[2]}\0{told[3]!r}": kept}}
    (services / "sqs.json").write_text(json.dumps({"__ministack_format__": 2, "payload": {"queues": queues}}))
    for file in (cloud.state / "journal").iterdir():
        file.unlink()
    supervisor.start(cloud)
    put(cloud, "new")
    supervisor.kill(cloud)
    supervisor.start(cloud)
    assert items(cloud) == {"old", "new"}
    (received,) = client(cloud, "sqs", HOME).receive_message(QueueUrl=queue)["Messages"]
    assert received["Body"] == "kept"
    assert [each["message"] for each in logs.get_log_events(**at)["events"]] == ["kept"]


def test_a_state_of_a_newer_version_is_refused_with_a_word_on_what_to_do(cloud: LocalSettings) -> None:
    supervisor.stop(cloud)
    snapshot = max((cloud.state / "journal").glob("snapshot-*"))
    content = snapshot.read_bytes()
    snapshot.write_bytes(as_line([["format", 99]]))
    with pytest.raises(supervisor.CannotStart, match=r"a newer version has written it\. \./dp reset"):
        supervisor.start(cloud)
    snapshot.write_bytes(content)
    supervisor.start(cloud)
    assert items(cloud) == set()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def journals(settings: LocalSettings) -> list[Path]:
    return sorted((settings.state / "journal").glob("journal-*"))


def log(settings: LocalSettings) -> str:
    return (settings.state / "cloud.log").read_text()


def test_a_journal_that_a_kill_tore_is_read_up_to_the_tear(cloud: LocalSettings) -> None:
    put(cloud, "before")
    supervisor.kill(cloud)
    (journal,) = journals(cloud)
    whole = journal.read_bytes()
    line = as_line([["item", ACCOUNT, HOME, "items", "torn", "__no_sort__", {"pk": {"S": "torn"}}]])
    journal.write_bytes(whole + line[: len(line) // 2])
    supervisor.start(cloud)
    assert items(cloud) == {"before"}
    assert "the last line was torn by a kill, and is left out" in log(cloud)
    put(cloud, "after")
    supervisor.kill(cloud)
    supervisor.start(cloud)
    assert items(cloud) == {"before", "after"}


def test_a_journal_with_damage_in_the_middle_is_refused_and_kept(cloud: LocalSettings) -> None:
    for name in ("one", "two"):
        put(cloud, name)
    supervisor.kill(cloud)
    (journal,) = journals(cloud)
    whole = journal.read_bytes()
    damaged = bytearray(whole)
    damaged[whole.index(b'"one"')] ^= 1
    journal.write_bytes(damaged)
    for _ in range(2):  # a start that failed changes nothing
        with pytest.raises(
            supervisor.CannotStart, match=rf"{journal} cannot be read: line \d+ is damaged\. \./dp reset"
        ):
            supervisor.start(cloud)
        assert supervisor.was_killed(cloud)
        assert journal.read_bytes() == damaged
        Cloud.eventually(lambda: is_free(cloud.search_port))  # the search server ends with the cloud
    journal.write_bytes(whole)
    supervisor.start(cloud)
    assert items(cloud) == {"one", "two"}


def test_a_process_id_that_a_killed_cloud_left_is_of_no_account(cloud: LocalSettings) -> None:
    put(cloud, "before")
    supervisor.kill(cloud)
    for stale in (str(os.getpid()), "4194304", "", "no number"):  # a process of somebody else, none, and nonsense
        (cloud.state / "cloud.lock").write_text(stale)
        assert not supervisor.running(cloud)
        assert not supervisor.stop(cloud)
        supervisor.start(cloud)
        assert supervisor.running(cloud) not in (0, os.getpid())
        assert items(cloud) == {"before"}
        supervisor.kill(cloud)


@pytest.mark.parametrize("file", ["services/dynamodb.json", "journal/snapshot-*"])
def test_a_damaged_state_is_refused_and_not_replaced_by_an_empty_one(cloud: LocalSettings, file: str) -> None:
    supervisor.stop(cloud)
    (found,) = cloud.state.glob(file)
    content = found.read_bytes()
    for damaged in (b"{" + content[: len(content) // 2], content[:-10]):
        found.write_bytes(damaged)
        with pytest.raises(supervisor.CannotStart, match=r"cannot be read: .*\./dp reset starts from nothing"):
            supervisor.start(cloud)
    found.write_bytes(content)
    supervisor.start(cloud)
    assert items(cloud) == set()


DAMAGE = (
    ("clock.json", "{"),
    ("clock.json", '{"forward": 1e18}'),
    ("uploads/*/*/upload", "{"),
    ("uploads/*/*/1.json", ""),
    ("services/kms.json", "[]"),
    ("services/kms.json", ""),
    ("services/kms.json", '{"__ministack_format__": 1, "payload": {"keys": 5}}'),
    ("services/kms.json", '{"__ministack_format__": 99, "payload": {}}'),
)


def test_no_other_damaged_file_is_replaced_by_an_empty_one(cloud: LocalSettings) -> None:
    key = client(cloud, "kms", HOME).create_key()["KeyMetadata"]["KeyId"]
    upload = client(cloud, "s3", HOME).create_multipart_upload(Bucket="objects", Key="large")["UploadId"]
    part = {"Bucket": "objects", "Key": "large", "UploadId": upload}
    client(cloud, "s3", HOME).upload_part(**part, PartNumber=1, Body=b"part")
    clock.forward(cloud, 60)
    supervisor.stop(cloud)
    for pattern, damaged in DAMAGE:
        (file,) = cloud.state.glob(pattern)
        content = file.read_bytes()
        file.write_text(damaged)
        with pytest.raises(
            supervisor.CannotStart, match=rf"{file} cannot be read: .*\./dp reset starts from nothing\."
        ):
            supervisor.start(cloud)
        assert file.read_text() == damaged
        Cloud.eventually(lambda: is_free(cloud.search_port))
        file.write_bytes(content)
    for stray in ("journal/.DS_Store", "journal/snapshot-000000001.orig~"):
        (cloud.state / stray).touch()
    with pytest.raises(supervisor.CannotStart, match="its name has no number"):
        supervisor.start(cloud)
    Cloud.eventually(lambda: is_free(cloud.search_port))
    (cloud.state / "journal/snapshot-000000001.orig~").unlink()
    supervisor.start(cloud)
    assert client(cloud, "kms", HOME).describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert [each["PartNumber"] for each in client(cloud, "s3", HOME).list_parts(**part)["Parts"]] == [1]
    assert clock.read(cloud)[1].total_seconds() == 60
    supervisor.snapshot(cloud)
    assert (cloud.state / "journal/.DS_Store").exists()


def test_the_emulator_alone_forgets_what_it_answered() -> None:
    without = ["journaled_items", "journaled_messages", "journaled_stores", "durable_answers"]
    with empty_cloud(without=without) as bare:
        client(bare, "dynamodb", HOME).create_table(**TABLE)
        put(bare, "one")
        supervisor.kill(bare)
        supervisor.start(bare, DOCPLATFORM_WITHOUT=" ".join(without))
        with pytest.raises(ClientError, match="ResourceNotFound"):
            items(bare)
