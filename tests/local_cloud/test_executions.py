"""Executions wait and end by the cloud's clock, and their names are as on AWS."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import clock
from local.aws import client
from local.settings import ACCOUNT, LocalSettings
from local.testing import Cloud, empty_cloud

HERE = "us-east-1"
DAY = 86_400
MINUTES_30 = 1_800

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


class Machine:
    """A state machine, and what becomes of its executions."""

    def __init__(self, settings: LocalSettings, definition: dict[str, Any], kind: str = "STANDARD") -> None:
        self._settings = settings
        self.aws = client(settings, "stepfunctions", HERE)
        name = f"machine-{uuid.uuid4().hex}"
        trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = client(settings, "iam", HERE).create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )["Role"]["Arn"]
        made = self.aws.create_state_machine(name=name, roleArn=role, definition=json.dumps(definition), type=kind)
        self.arn = made["stateMachineArn"]

    def start(self, name: str = "", **given: Any) -> str:
        more = {"name": name} if name else {}
        started = self.aws.start_execution(stateMachineArn=self.arn, input=json.dumps(given), **more)
        return str(started["executionArn"])

    def described(self, execution: str) -> dict[str, Any]:
        told: dict[str, Any] = self.aws.describe_execution(executionArn=execution)
        return told

    def becomes(self, execution: str, status: str) -> None:
        Cloud.eventually(lambda: self.described(execution)["status"] == status)

    def entered(self, execution: str) -> list[str]:
        """The states that the execution has entered."""
        events = self.aws.get_execution_history(executionArn=execution)["events"]
        return [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]

    def awaits(self, execution: str, state: str) -> None:
        Cloud.eventually(lambda: state in self.entered(execution))


def refusal(call: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(*arguments, **more)
    return str(refused.value.response["Error"]["Code"])


def waiting(seconds: int, **more: Any) -> dict[str, Any]:
    wait = {"Type": "Wait", "Seconds": seconds, "Next": "Done"}
    return {"StartAt": "Wait", "States": {"Wait": wait, "Done": {"Type": "Pass", "End": True}}, **more}


def called_back(settings: LocalSettings, **limits: Any) -> tuple[Machine, str]:
    """A machine whose one task waits for a token that it puts into a queue; the queue's address."""
    sqs = client(settings, "sqs", HERE)
    url = sqs.create_queue(QueueName=f"tokens-{uuid.uuid4().hex}")["QueueUrl"]
    caught = [
        {"ErrorEquals": [error], "Next": error.removeprefix("States.")}
        for error in ("States.HeartbeatTimeout", "States.Timeout")
    ]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"},
        "Catch": caught,
        "End": True,
        **limits,
    }
    ends = {name: {"Type": "Pass", "Result": name, "End": True} for name in ("HeartbeatTimeout", "Timeout")}
    return Machine(settings, {"StartAt": "Ask", "States": {"Ask": task, **ends}}), str(url)


def token_in(settings: LocalSettings, url: str) -> str:
    found: list[str] = []

    def has_come() -> bool:
        told = client(settings, "sqs", HERE).receive_message(QueueUrl=url, WaitTimeSeconds=1)
        found.extend(each["Body"] for each in told.get("Messages", ()))
        return bool(found)

    Cloud.eventually(has_come)
    return found[0]


def test_a_wait_of_days_goes_on_when_they_have_passed(cloud: LocalSettings) -> None:
    machine = Machine(cloud, waiting(3 * DAY))
    execution = machine.start()
    machine.awaits(execution, "Wait")
    clock.forward(cloud, 2 * DAY)
    other = Machine(cloud, waiting(1)).start()
    machine.becomes(other, "SUCCEEDED")
    assert machine.entered(execution) == ["Wait"]
    clock.forward(cloud, DAY)
    machine.becomes(execution, "SUCCEEDED")


def test_a_running_execution_answers_to_its_name_again(cloud: LocalSettings) -> None:
    machine = Machine(cloud, waiting(DAY))
    first = machine.start("one", number=1)
    assert machine.start("one", number=1) == first
    assert refusal(machine.start, "one", number=2) == "ExecutionAlreadyExists"
    assert len(machine.aws.list_executions(stateMachineArn=machine.arn)["executions"]) == 1
    machine.awaits(first, "Wait")
    clock.forward(cloud, DAY)
    machine.becomes(first, "SUCCEEDED")
    assert refusal(machine.start, "one", number=1) == "ExecutionAlreadyExists"
    clock.forward(cloud, 89 * DAY)
    assert refusal(machine.start, "one", number=1) == "ExecutionAlreadyExists"
    clock.forward(cloud, 2 * DAY)
    assert machine.start("one", number=2) == first
    assert machine.described(first)["status"] == "RUNNING"


def test_each_start_of_an_express_workflow_is_one_of_its_own(cloud: LocalSettings) -> None:
    machine = Machine(cloud, waiting(DAY), kind="EXPRESS")
    both = {machine.start("one", number=1), machine.start("one", number=1)}
    assert len(both) == 2
    assert {machine.described(each)["name"] for each in both} == {"one"}
    assert refusal(machine.start, "a b") == "InvalidName"


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "x" * 81, "a\u0007", "what?"])
def test_a_name_that_aws_does_not_take_is_refused(cloud: LocalSettings, name: str) -> None:
    machine = Machine(cloud, waiting(1))
    assert refusal(machine.start, name) in ("InvalidName", "ValidationException")


def test_an_execution_ends_at_its_machines_time_out(cloud: LocalSettings) -> None:
    machine = Machine(cloud, waiting(3 * DAY, TimeoutSeconds=DAY))
    execution = machine.start()
    machine.awaits(execution, "Wait")
    clock.forward(cloud, DAY)
    machine.becomes(execution, "TIMED_OUT")
    clock.forward(cloud, 3 * DAY)
    other = Machine(cloud, waiting(1)).start()
    machine.becomes(other, "SUCCEEDED")
    assert machine.described(execution)["status"] == "TIMED_OUT"
    assert machine.entered(execution) == ["Wait"]
    history = machine.aws.get_execution_history(executionArn=execution, reverseOrder=True)["events"]
    assert history[0]["type"] == "ExecutionTimedOut"


def test_an_execution_that_was_stopped_stays_so(cloud: LocalSettings) -> None:
    machine = Machine(cloud, waiting(3 * DAY, TimeoutSeconds=DAY))
    execution = machine.start()
    machine.awaits(execution, "Wait")
    machine.aws.stop_execution(executionArn=execution)
    clock.forward(cloud, 4 * DAY)
    other = Machine(cloud, waiting(1)).start()
    machine.becomes(other, "SUCCEEDED")
    assert machine.described(execution)["status"] == "ABORTED"


def test_a_task_without_heartbeats_ends(cloud: LocalSettings) -> None:
    machine, url = called_back(cloud, HeartbeatSeconds=3_600, TimeoutSeconds=30 * DAY)
    execution = machine.start()
    token = token_in(cloud, url)
    for _ in range(3):  # each moves the deadline
        clock.forward(cloud, MINUTES_30)
        machine.aws.send_task_heartbeat(taskToken=token)
    clock.forward(cloud, MINUTES_30)
    other = Machine(cloud, waiting(1)).start()
    machine.becomes(other, "SUCCEEDED")
    assert machine.described(execution)["status"] == "RUNNING"
    clock.forward(cloud, MINUTES_30)
    machine.becomes(execution, "SUCCEEDED")
    assert machine.described(execution)["output"] == '"HeartbeatTimeout"'
    assert refusal(machine.aws.send_task_heartbeat, taskToken=token) in ("TaskDoesNotExist", "TaskTimedOut")


def test_a_task_with_heartbeats_ends_at_its_time_out(cloud: LocalSettings) -> None:
    machine, url = called_back(cloud, HeartbeatSecondsPath="$.beat", TimeoutSecondsPath="$.limit")
    execution = machine.start(beat=3_600, limit=2 * 3_600)
    token = token_in(cloud, url)
    clock.forward(cloud, MINUTES_30)
    machine.aws.send_task_heartbeat(taskToken=token)
    clock.forward(cloud, 2 * MINUTES_30 - 60)
    machine.aws.send_task_heartbeat(taskToken=token)
    clock.forward(cloud, MINUTES_30 + 60)
    machine.becomes(execution, "SUCCEEDED")
    assert machine.described(execution)["output"] == '"Timeout"'


def test_a_task_that_answers_in_time_succeeds(cloud: LocalSettings) -> None:
    machine, url = called_back(cloud, HeartbeatSeconds=3_600, TimeoutSeconds=DAY)
    execution = machine.start()
    machine.aws.send_task_success(taskToken=token_in(cloud, url), output='"done"')
    machine.becomes(execution, "SUCCEEDED")
    clock.forward(cloud, 2 * DAY)
    assert machine.described(execution)["output"] == '"done"'


def test_a_time_out_catches_a_missing_heartbeat(cloud: LocalSettings) -> None:
    machine, url = called_back(
        cloud, HeartbeatSeconds=3_600, Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Timeout"}]
    )
    execution = machine.start()
    token_in(cloud, url)
    clock.forward(cloud, 3_600)
    machine.becomes(execution, "SUCCEEDED")
    assert machine.described(execution)["output"] == '"Timeout"'


def test_a_call_that_takes_too_long_ends_by_the_clock(cloud: LocalSettings) -> None:
    inner = Machine(cloud, waiting(30 * DAY))
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": inner.arn},
        "TimeoutSeconds": DAY,
        "End": True,
    }
    machine = Machine(cloud, {"StartAt": "Call", "States": {"Call": task}})
    execution = machine.start()
    machine.awaits(execution, "Call")
    Cloud.eventually(lambda: bool(inner.aws.list_executions(stateMachineArn=inner.arn)["executions"]))
    clock.forward(cloud, DAY)
    machine.becomes(execution, "FAILED")
    assert machine.described(execution)["error"] == "States.Timeout"


def test_a_call_that_ends_in_time_gives_its_result(cloud: LocalSettings) -> None:
    sqs = client(cloud, "sqs", HERE)
    url = sqs.create_queue(QueueName="called")["QueueUrl"]
    arguments = {"QueueUrl": url, "MessageBody": "told"}
    resource = "arn:aws:states:::sqs:sendMessage"
    task = {"Type": "Task", "Resource": resource, "Parameters": arguments, "TimeoutSeconds": 60, "End": True}
    machine = Machine(cloud, {"StartAt": "Call", "States": {"Call": task}})
    execution = machine.start()
    machine.becomes(execution, "SUCCEEDED")
    assert "MessageId" in json.loads(machine.described(execution)["output"])
    missing = {**task, "Parameters": {**arguments, "QueueUrl": f"{cloud.endpoint}/{ACCOUNT}/missing"}}
    failing = Machine(cloud, {"StartAt": "Call", "States": {"Call": missing}})
    execution = failing.start()
    failing.becomes(execution, "FAILED")
    assert failing.described(execution)["error"] != "States.Timeout"
