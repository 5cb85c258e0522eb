"""Operations: a workflow whose execution dies is started again, at most five times, and then it has failed."""

from __future__ import annotations

import json
import re
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk import specs
from docplatform.processing.model import MalformedUpload
from docplatform.runtime import settings
from docplatform.runtime.operations import sweep as sweeping
from docplatform.runtime.operations.model import (
    CHECK_INTERVAL,
    MOST_GIVE_UPS,
    MOST_RESTARTS,
    PATIENCE,
    Operation,
    OperationKey,
    OperationState,
    new_operation,
)
from docplatform.runtime.operations.service import OperationService
from docplatform.runtime.operations.store import OperationStore, StaleOperation
from tests.support.databases import on_every_database
from tests.support.mocked_aws import ROOT, Cloud, function, make_table
from tests.support.mocked_region import sample
from tests.support.tenants import a_tenant

pytestmark = on_every_database

TENANT, OTHER = a_tenant(1).id, a_tenant(2).id
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:docplatform-processing-standard"
UPLOAD = OperationKey(TENANT, "processing", "ver_01m83gqsf9af5vhyvhmg4ddfcy")
GIVEN = {"document_id": "doc_01m83gqsf9bafswwtw7dk31ryr", "version_id": UPLOAD.id}


@dataclass
class Execution:
    input: dict[str, Any]
    started_at: datetime
    status: str = "RUNNING"
    stopped_at: datetime | None = None
    outcome: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)


class StepFunctions:
    """A stand-in for Step Functions, with the clock of the test."""

    def __init__(self, now: Any) -> None:
        self.executions: dict[str, Execution] = {}
        self.now, self.is_down = now, False

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, str]:
        if self.is_down:
            raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "StartExecution")
        assert re.fullmatch(r"[\w-]{1,80}", name)
        if name in self.executions:
            raise ClientError({"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution")
        self.executions[name] = Execution(json.loads(input), self.now())
        return {"executionArn": f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        found = self._of(executionArn, "DescribeExecution")
        output = {"output": json.dumps({"outcome": found.outcome})} if found.status == "SUCCEEDED" else {}
        return {"status": found.status, "startDate": found.started_at, "stopDate": found.stopped_at, **output}

    def get_execution_history(self, *, executionArn: str, reverseOrder: bool, maxResults: int, **_: Any) -> Any:
        assert reverseOrder
        return {"events": self._of(executionArn, "GetExecutionHistory").events[::-1][:maxResults]}

    def stop_execution(self, *, executionArn: str, error: str) -> None:
        self._of(executionArn, "StopExecution").status = "ABORTED"

    def _of(self, arn: str, operation: str) -> Execution:
        machine, _, name = arn.rpartition(":")
        assert machine == MACHINE.replace(":stateMachine:", ":execution:")
        if name not in self.executions:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, operation)
        return self.executions[name]


class World:
    def __init__(self, cloud: Cloud) -> None:
        self.at = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
        self.database, self.table = cloud.database, f"operations-{secrets.token_hex(4)}"
        make_table(cloud.database, self.table, "gsi1")
        self.store = OperationStore(cloud.database, self.table)
        self.step_functions = StepFunctions(self.now)
        self.service = OperationService(self.store, self.step_functions, {"processing": MACHINE}, self.now)

    def now(self) -> datetime:
        return self.at

    def starts(self, key: OperationKey = UPLOAD) -> Operation:
        return self.service.start(key, GIVEN)

    def sweeps(self, after: timedelta = CHECK_INTERVAL + timedelta(seconds=1)) -> sweeping.Swept:
        self.at += after
        return sweeping.sweep(self.store, self.service, self.now)

    def stored(self, key: OperationKey = UPLOAD) -> Operation:
        found = self.store.get(key)
        assert found
        return found

    def newest(self) -> Execution:
        return list(self.step_functions.executions.values())[-1]

    def enters(self, state: str) -> None:
        event = {"timestamp": self.at, "stateEnteredEventDetails": {"name": state}}
        self.newest().events += [event, {"timestamp": self.at + timedelta(seconds=1)}]

    def ends(self, status: str, outcome: str = "") -> None:
        execution = self.newest()
        execution.status, execution.stopped_at, execution.outcome = status, self.at, outcome


@pytest.fixture
def world(region: Cloud) -> World:
    return World(region)


def test_an_operation_is_started_once_however_often_it_is_asked_for(world: World) -> None:
    first, second = world.starts(), world.starts()
    assert first == second
    (execution,) = world.step_functions.executions.values()
    assert execution.input == {**GIVEN, "tenant_id": TENANT, "give_up": False}


def test_two_that_start_the_same_operation_at_one_moment_start_one_execution(world: World) -> None:
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        world.starts()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.step_functions.executions) == 1


def test_the_same_id_of_two_tenants_is_two_operations_with_executions_of_their_own(world: World) -> None:
    world.starts()
    theirs = world.starts(OperationKey(OTHER, UPLOAD.kind, UPLOAD.id))
    assert len(world.step_functions.executions) == 2
    assert world.step_functions.executions[theirs.execution].input["tenant_id"] == OTHER


def test_the_tenant_of_an_execution_is_the_records_own_whatever_its_input_says(world: World) -> None:
    operation = world.service.start(UPLOAD, {**GIVEN, "tenant_id": OTHER})
    assert world.step_functions.executions[operation.execution].input["tenant_id"] == TENANT


def test_the_sweep_stores_step_and_heartbeat_of_an_execution_that_runs_and_leaves_it_alone(world: World) -> None:
    world.starts()
    world.at += timedelta(minutes=2)
    world.enters("Extract")
    swept = world.sweeps()
    assert (swept.checked, swept.restarted, swept.ended) == (1, [], 0)
    assert world.stored().step == "Extract"
    assert world.stored().heartbeat_at == datetime(2026, 11, 29, 3, 2, 1, tzinfo=UTC)
    assert len(world.step_functions.executions) == 1


def test_an_operation_is_not_checked_again_at_once(world: World) -> None:
    world.starts()
    assert world.sweeps(CHECK_INTERVAL - timedelta(seconds=1)).checked == 0
    assert world.sweeps(timedelta(seconds=2)).checked == 1
    assert world.sweeps(timedelta(seconds=2)).checked == 0


def test_every_sweep_checks_what_the_one_before_it_has_checked_although_a_sweep_takes_time(world: World) -> None:
    (cadence,) = {
        job.cadence.period for each in specs.discover() for job in each.spec.schedules if job.name == "operations"
    }
    world.starts()
    for late in (60, 0, 30, 2):  # seconds from the time that the sweep was due to its check
        due = world.at
        assert world.sweeps(timedelta(seconds=cadence + late)).checked == 1
        world.at = due + timedelta(seconds=cadence)


def test_an_operation_whose_execution_has_succeeded_is_done_and_not_checked_again(world: World) -> None:
    world.starts()
    world.ends("SUCCEEDED", "ready")
    assert world.sweeps().ended == 1
    assert (world.stored().state, world.stored().result) == (OperationState.DONE, "ready")
    assert world.sweeps().checked == 0
    assert world.starts().state is OperationState.DONE  # a message that comes late
    assert len(world.step_functions.executions) == 1


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_that_died_is_followed_by_one_with_a_new_name_and_the_same_input(
    world: World, status: str
) -> None:
    first = world.starts()
    world.ends(status)
    assert world.sweeps().restarted == [UPLOAD]
    assert (world.stored().restarts, world.stored().state) == (1, OperationState.RUNNING)
    assert world.stored().execution != first.execution
    executions = world.step_functions.executions
    assert executions[world.stored().execution].input == executions[first.execution].input


def test_an_execution_that_was_never_started_is_started_by_the_sweep(world: World) -> None:
    world.step_functions.is_down = True
    with pytest.raises(ClientError):
        world.starts()
    world.step_functions.is_down = False
    assert world.sweeps().restarted == [UPLOAD]
    assert world.newest().status == "RUNNING"


def test_an_execution_that_does_not_advance_is_stopped_and_followed_by_another(world: World) -> None:
    first = world.starts()
    world.enters("Verify")
    assert world.sweeps(PATIENCE - timedelta(seconds=1)).restarted == []
    assert world.sweeps().restarted == [UPLOAD]
    assert world.step_functions.executions[first.execution].status == "ABORTED"
    assert world.newest().status == "RUNNING"


def test_an_operation_fails_after_five_restarts_and_its_workflow_is_told_to_give_up(world: World) -> None:
    _given_up(world)
    world.ends("SUCCEEDED", "failed")
    swept = world.sweeps()
    assert (swept.ended, swept.failed, swept.restarted) == (1, [], [])  # it was counted when it was given up
    assert (world.stored().state, world.stored().result) == (OperationState.FAILED, "failed")
    assert [each.input["give_up"] for each in world.step_functions.executions.values()] == [False] * 6 + [True]
    assert world.sweeps().checked == 0


def test_the_workflow_that_gives_up_is_started_again_when_it_dies_and_not_for_ever(world: World) -> None:
    _given_up(world)
    for _ in range(MOST_GIVE_UPS - 1):
        world.ends("ABORTED")
        assert world.sweeps().restarted == [UPLOAD]
        assert world.stored().state is OperationState.RUNNING
    world.ends("ABORTED")
    assert world.sweeps().ended == 1
    assert world.stored().state is OperationState.FAILED
    assert [each.input["give_up"] for each in world.step_functions.executions.values()] == [False] * 6 + [True] * 3
    assert world.sweeps().checked == 0


def _given_up(world: World) -> None:
    """An operation that has just been started for the last time."""
    world.starts()
    for _ in range(MOST_RESTARTS):
        world.ends("FAILED")
        assert world.sweeps().restarted == [UPLOAD]
    world.ends("FAILED")
    assert world.sweeps().failed == [UPLOAD]


def test_of_two_sweeps_at_one_moment_one_starts_the_operation_again(world: World) -> None:
    before = world.starts()
    world.ends("FAILED")
    world.service.check(before)
    with pytest.raises(StaleOperation):
        world.service.check(before)
    assert len(world.step_functions.executions) == 2
    assert world.stored().restarts == 1


def test_an_operation_that_raises_does_not_keep_the_others_from_their_check(world: World) -> None:
    _stored_by_another_version(world, "x")
    world.starts()
    world.ends("FAILED")
    swept = world.sweeps()
    assert [type(error) for error in swept.errors] == [KeyError]
    assert swept.restarted == [UPLOAD]


def test_operations_that_always_raise_do_not_stand_before_the_others_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "_MOST", 3)
    for number in range(7):
        _stored_by_another_version(world, str(number))
    world.at += timedelta(seconds=1)
    world.starts()
    world.ends("FAILED")
    swept = [world.sweeps(), world.sweeps(timedelta(seconds=1)), world.sweeps(timedelta(seconds=1))]
    assert [len(each.errors) for each in swept] == [3, 3, 1]
    assert swept[-1].restarted == [UPLOAD]


def _stored_by_another_version(world: World, identity: str) -> None:
    """An operation of a kind that this version does not know."""
    world.store.begin(new_operation(OperationKey(TENANT, "unheard-of", identity), GIVEN, world.at))


@pytest.mark.parametrize(
    "key",
    [
        OperationKey(TENANT, "processing", "ver*"),
        OperationKey(TENANT, "processing", "../ver_1"),
        OperationKey(TENANT, "processing", "a#b"),
        OperationKey(TENANT, "processing", ""),
        OperationKey(TENANT, "processing", "v" * 59),
        OperationKey(f"{TENANT}#", "processing", "1"),
        OperationKey("", "processing", "1"),
        OperationKey(TENANT, "unheard-of", "1"),
    ],
)
def test_what_can_name_no_execution_leaves_no_record(world: World, key: OperationKey) -> None:
    with pytest.raises(ValueError):
        world.service.start(key, GIVEN)
    assert world.database.scan(TableName=world.table)["Items"] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"version_id": "ver *"},
        {"version_id": "v" * 90},
        {"document_id": "../../t000000000002/documents/doc"},
        {"tenant_id": "t*"},
        {"tenant_id": None},
        {"size": None},
        {"size": "large"},
        {"size": [60_000_000]},
        None,
    ],
)
def test_a_message_that_no_upload_has_caused_starts_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any] | None
) -> None:
    starter, event = _starter(world, monkeypatch), _large()
    body = json.loads(event["Records"][0]["body"])
    event["Records"][0]["body"] = json.dumps(body | changed if changed else [body])
    with pytest.raises(MalformedUpload):
        starter.handler(event, None)
    assert world.step_functions.executions == {}
    assert world.database.scan(TableName=world.table)["Items"] == []


def test_a_refresh_ends_the_record_and_starts_nothing_again(world: World) -> None:
    operation = world.starts()
    assert world.service.refresh(operation) == operation
    world.ends("FAILED")
    assert world.service.refresh(operation).state is OperationState.RUNNING
    assert len(world.step_functions.executions) == 1
    world.sweeps()
    world.ends("SUCCEEDED", "failed")
    current = world.service.refresh(operation)  # which knows the first execution only
    assert (current.restarts, world.service.refresh(current).state) == (1, OperationState.DONE)


def test_a_record_goes_ninety_days_after_its_end_and_not_while_it_runs(world: World) -> None:
    key = {"pk": {"S": f"operation#{TENANT}"}, "sk": {"S": f"processing#{UPLOAD.id}"}}
    world.starts()
    assert "expires" not in world.database.get_item(TableName=world.table, Key=key)["Item"]
    world.ends("SUCCEEDED")
    world.sweeps()
    item = world.database.get_item(TableName=world.table, Key=key)["Item"]
    assert int(item["expires"]["N"]) == int((world.newest().stopped_at or world.at).timestamp()) + 90 * 86_400
    assert "gsi1pk" not in item


def test_a_large_upload_is_an_operation_that_its_message_finds_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    starter = _starter(world, monkeypatch)
    assert starter.handler(_large(), None)["batchItemFailures"] != []  # it still runs: the message comes back
    assert world.newest().input.keys() == {"tenant_id", "document_id", "version_id", "give_up"}
    world.ends("SUCCEEDED", "ready")
    assert starter.handler(_large(), None) == {"batchItemFailures": []}
    assert len(world.step_functions.executions) == 1


def test_on_its_last_try_the_message_goes_and_the_operation_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    starter = _starter(world, monkeypatch)
    assert starter.handler(_large(receives=5), None) == {"batchItemFailures": []}
    assert world.stored(OperationKey(_large_tenant(), UPLOAD.kind, UPLOAD.id)).state is OperationState.RUNNING
    world.ends("FAILED")
    assert len(world.sweeps().restarted) == 1


def test_the_message_of_an_operation_that_has_failed_marks_its_document(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    starter = _starter(world, monkeypatch)
    starter.handler(_large(), None)
    for _ in range(MOST_RESTARTS + 1):
        world.ends("FAILED")
        world.sweeps()
    world.ends("SUCCEEDED", "failed")
    given_up: list[dict[str, Any]] = []

    def express(**call: Any) -> dict[str, Any]:
        given_up.append(json.loads(call["input"]))
        return {"status": "SUCCEEDED", "stopDate": world.at, "output": '{"outcome": "failed"}'}

    monkeypatch.setattr(world.step_functions, "start_sync_execution", express, raising=False)
    assert starter.handler(_large(), None) == {"batchItemFailures": []}
    assert [each["give_up"] for each in given_up] == [True]


def test_the_sweeps_function_counts_what_has_failed_and_names_it_in_its_line(
    region: Cloud, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = function("schedules", "sweep")
    failed = sweeping.Swept(checked=3, failed=[UPLOAD])
    monkeypatch.setattr(module, "sweep", lambda: failed)
    due = datetime.now(UTC).isoformat()
    monkeypatch.setattr(module, "consumer", _WithoutRecords)
    event = sample("job-queue", JOB="operations", DUE=due, PART="region")
    assert module.handler(event, None) == {"batchItemFailures": []}
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["OperationsFailed"] == [1]
    assert line["failed_operations"] == [f"{TENANT} processing {UPLOAD.id}"]
    failed.errors.append(KeyError("x"))
    with pytest.raises(KeyError):
        module.handler(event, None)


class _WithoutRecords:
    """A consumer that keeps no record of the run."""

    def __init__(self, work: dict[str, Any]) -> None:
        self._work = work

    def consume(self, message: dict[str, Any]) -> None:
        body = json.loads(message["body"])
        self._work[body["job"]](body["part"], "run")


def _large(receives: int = 1) -> dict[str, Any]:
    event = sample("plan-queue")
    record = event["Records"][0]
    record["body"] = json.dumps({**json.loads(record["body"]), "size": 60_000_000, "version_id": UPLOAD.id})
    record["attributes"]["ApproximateReceiveCount"] = str(receives)
    return event


def _large_tenant() -> str:
    return str(json.loads(_large()["Records"][0]["body"])["tenant_id"])


def _starter(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("EXPRESS_WORKFLOW_ARN", "arn:express")
    monkeypatch.setenv("OPERATION_WORKFLOWS", json.dumps({"processing": MACHINE}))
    settings.load.cache_clear()
    module = function("processing", "run_workflow")
    monkeypatch.setattr(module, "own_client", lambda *_, **__: world.step_functions)
    monkeypatch.setattr(module, "operations", lambda: world.service)
    monkeypatch.setattr(module, "_WAIT", -1)  # the driver does not wait for the end
    return module


def test_the_definition_reads_nothing_that_an_operation_does_not_give(world: World) -> None:
    world.starts()
    definition = (ROOT / "statemachines/processing.asl.json").read_text(encoding="utf-8")
    first = json.loads(definition)["States"]
    read = set(re.findall(r"\$states\.input\.(\w+)", json.dumps([first["Remember"], first["TriedOftenEnough"]])))
    assert read == set(world.newest().input)
