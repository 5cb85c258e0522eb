"""The behaviour that the patches add to the emulator. If it is quick, tests also show that it is missing without the
patch."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import supervisor
from local.aws import client
from local.cloud.patches import PatchDoesNotFit, expect
from local.settings import ACCOUNT, LocalSettings
from local.testing import Cloud, empty_cloud
from tests.local_cloud.lambdas import HERE, deployed, packed

pytestmark = pytest.mark.slow
NOTES = """
import json, os
def handler(event, context):
    known = open(os.environ["NOTES"]).read().splitlines() if os.path.exists(os.environ["NOTES"]) else []
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps(event) + "\\n")
    {then}
"""
FAILS_ONCE = "if not known: raise ValueError('once')"
FAILS_IN_PART_ONCE = (
    "records = event['Records']\n"
    "    failed = [] if known else [{'itemIdentifier': records[-1]['dynamodb']['SequenceNumber']}]\n"
    "    return {'batchItemFailures': failed}"
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


def function(settings: LocalSettings, name: str, then: str, notes: Path) -> str:
    """A function that records every event that it gets. Returns its ARN."""
    return deployed(
        settings, name, "handler.handler", packed("handler.py", NOTES.replace("{then}", then)), NOTES=str(notes)
    )


def noted(notes: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []


def followed_table(settings: LocalSettings, name: str, follower: str) -> Any:
    """A table with a stream that the function consumes."""
    database = client(settings, "dynamodb", HERE)
    table = database.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )["TableDescription"]
    client(settings, "lambda", HERE).create_event_source_mapping(
        EventSourceArn=table["LatestStreamArn"],
        FunctionName=follower,
        StartingPosition="TRIM_HORIZON",
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    return database


def test_a_function_of_the_repository_sees_its_own_package_only(cloud: LocalSettings, tmp_path: Path) -> None:
    """As on Lambda, where the asset contains only this package."""
    for package in ("own", "other"):
        (tmp_path / "functions" / package).mkdir(parents=True)
        (tmp_path / "functions" / package / "__init__.py").touch()
    (tmp_path / "functions" / "own" / "names.py").write_text("import importlib.util, os\n")
    (tmp_path / "functions" / "own" / "handler.py").write_text(
        "from .names import importlib, os\n"
        "def handler(event, context):\n"
        "    found = importlib.util.find_spec('other') is not None\n"
        "    return {'code': os.listdir(os.environ['LAMBDA_TASK_ROOT']), 'package': __package__, 'other': found}\n"
    )
    pointer = packed(".live", str(tmp_path / "functions"))
    deployed(cloud, "own", "own.handler.handler", pointer)
    answer = client(cloud, "lambda", HERE).invoke(FunctionName="own", Payload=b"{}")
    assert json.load(answer["Payload"]) == {"code": ["own"], "package": "own", "other": False}


def test_the_log_of_a_call_is_whole_and_ends_with_it(cloud: LocalSettings) -> None:
    code = (
        "import sys\n"
        "def handler(event, context):\n"
        "    if event['say'] == 'nothing': return\n"
        "    print(event['say'])\n"
        "    sys.stderr.write('the end, without a new line')\n"
        "    if event['say'] == 'failure': raise KeyError('it')\n"
    )
    deployed(cloud, "says", "handler.handler", packed("handler.py", code))
    functions = client(cloud, "lambda", HERE)

    def log(say: str) -> str:
        answer = functions.invoke(FunctionName="says", Payload=json.dumps({"say": say}).encode(), LogType="Tail")
        return base64.b64decode(answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-log-result", "")).decode()

    assert log("hello") == "hello\nthe end, without a new line"
    assert log("nothing") == ""
    assert "KeyError: 'it'" in log("failure")
    assert log("again") == "again\nthe end, without a new line"


def test_a_record_that_failed_in_part_comes_again(cloud: LocalSettings, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    database = followed_table(cloud, "followed", function(cloud, "follower", FAILS_IN_PART_ONCE, notes))
    database.put_item(TableName="followed", Item={"pk": {"S": "one"}})
    Cloud.eventually(lambda: len(noted(notes)) == 2)
    first, second = ([each["eventID"] for each in event["Records"]] for event in noted(notes))
    assert first == second


def test_the_emulator_alone_takes_a_partial_failure_for_success(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with empty_cloud(without=["streams"]) as bare:
        database = followed_table(bare, "followed", function(bare, "follower", FAILS_IN_PART_ONCE, notes))
        database.put_item(TableName="followed", Item={"pk": {"S": "one"}})
        Cloud.eventually(lambda: len(noted(notes)) == 1)
        time.sleep(3)
        assert len(noted(notes)) == 1, "the emulator knows partial failures now: the patch can go"


def test_an_event_is_delivered_again_when_its_function_failed(cloud: LocalSettings, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    target = function(cloud, "listener", FAILS_ONCE, notes)
    events = client(cloud, "events", HERE)
    rule = events.put_rule(Name="all", EventPattern=json.dumps({"source": ["test"]}))["RuleArn"]
    client(cloud, "lambda", HERE).add_permission(
        FunctionName="listener",
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
        SourceAccount=ACCOUNT,
    )
    events.put_targets(Rule="all", Targets=[{"Id": "listener", "Arn": target}])
    events.put_events(Entries=[{"Source": "test", "DetailType": "told", "Detail": json.dumps({"number": 1})}])
    Cloud.eventually(lambda: len(noted(notes)) == 2)
    assert [event["detail"] for event in noted(notes)] == [{"number": 1}] * 2


def test_what_a_stream_holds_survives_a_kill(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with empty_cloud() as settings:
        database = followed_table(settings, "followed", function(settings, "follower", "", notes))
        database.put_item(TableName="followed", Item={"pk": {"S": "one"}})
        Cloud.eventually(lambda: len(noted(notes)) == 1)
        supervisor.snapshot(settings)
        supervisor.kill(settings)
        assert supervisor.was_killed(settings)
        supervisor.start(settings)
        database.put_item(TableName="followed", Item={"pk": {"S": "two"}})
        Cloud.eventually(lambda: len(noted(notes)) >= 2)
        assert noted(notes)[-1]["Records"][0]["dynamodb"]["Keys"] == {"pk": {"S": "two"}}


def test_an_event_whose_function_was_killed_comes_again_and_one_that_was_done_does_not(tmp_path: Path) -> None:
    notes, more = tmp_path / "notes", tmp_path / "more"
    with empty_cloud() as settings:
        function(settings, "listener", "", notes)
        function(settings, "sleeper", "if not known: __import__('time').sleep(60)", more)
        functions = client(settings, "lambda", HERE)
        functions.invoke(FunctionName="listener", InvocationType="Event", Payload=b"{}")
        Cloud.eventually(lambda: not list((settings.state / "events").iterdir()))
        functions.invoke(FunctionName="sleeper", InvocationType="Event", Payload=b"{}")
        Cloud.eventually(lambda: len(noted(more)) == 1)
        supervisor.kill(settings)
        damaged = settings.state / "events" / "0.json"
        damaged.write_text("{")
        supervisor.start(settings)
        Cloud.eventually(lambda: len(noted(more)) == 2)
        Cloud.eventually(lambda: list((settings.state / "events").iterdir()) == [damaged])
        assert f"{damaged} is damaged" in (settings.state / "cloud.log").read_text()
        assert len(noted(notes)) == 1


def test_a_patch_that_no_longer_fits_says_so() -> None:
    with pytest.raises(PatchDoesNotFit, match="the emulator has changed"):
        expect(False, "the emulator has changed")
