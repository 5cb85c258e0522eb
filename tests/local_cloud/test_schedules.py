"""Schedules are checked when they are made, fire by the cloud's clock, and are delivered as on AWS."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import clock, supervisor
from local.aws import client
from local.settings import ACCOUNT, LocalSettings
from local.testing import Cloud, empty_cloud

HERE = "us-east-1"
DAY = 86_400
PLACEHOLDERS = json.dumps(
    {name: f"<aws.scheduler.{name}>" for name in ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")}
)

NOWHERE = {"Arn": f"arn:aws:sqs:{HERE}:{ACCOUNT}:any", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


def role(settings: LocalSettings, name: str, *actions: str, service: str = "scheduler.amazonaws.com") -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    documents = [json.dumps({"Version": "2012-10-17", "Statement": [each]}) for each in (trust, allowed)]
    iam = client(settings, "iam", HERE)
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=documents[0])["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=documents[1])
    return str(made)


class Queue:
    def __init__(self, settings: LocalSettings, name: str) -> None:
        self._sqs = client(settings, "sqs", HERE)
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{HERE}:{ACCOUNT}:{name}"
        self.messages: list[dict[str, Any]] = []

    def has(self, count: int) -> bool:
        """Whether so many messages, and no more, have come so far."""
        told = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=2, MessageAttributeNames=["All"]
        )
        for each in told.get("Messages", ()):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=each["ReceiptHandle"])
            self.messages.append(each)
        assert len(self.messages) <= count, self.messages
        return len(self.messages) == count

    def bodies(self) -> list[Any]:
        return [json.loads(each["Body"]) for each in self.messages]


def schedule(settings: LocalSettings, name: str, expression: str, target: dict[str, Any], **more: Any) -> None:
    client(settings, "scheduler", HERE).create_schedule(
        **{
            "Name": name,
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
            **more,
        }
    )


def at(settings: LocalSettings, **ahead: float) -> str:
    return f"at({clock.read(settings)[0] + timedelta(**ahead):%Y-%m-%dT%H:%M:%S})"


@pytest.mark.parametrize(
    ("expression", "more"),
    [
        ("rate(nonsense)", {}),
        ("rate(0 minutes)", {}),
        ("rate(5 weeks)", {}),
        ("rate(1.5 hours)", {}),
        ("every day", {}),
        ("cron(0 10 * * ? )x", {}),
        ("cron(0 10 * * ?)", {}),  # five fields
        ("cron(0 10 * * * *)", {}),  # neither day is "?"
        ("cron(0 10 ? * ? *)", {}),
        ("cron(? 10 ? * MON *)", {}),
        ("cron(60 10 * * ? *)", {}),
        ("cron(0 24 * * ? *)", {}),
        ("cron(0 10 32 * ? *)", {}),
        ("cron(0 10 * 13 ? *)", {}),
        ("cron(0 10 ? * 8 *)", {}),
        ("cron(0 10 * * ? 1969)", {}),
        ("cron(0/0 10 * * ? *)", {}),
        ("at(2999-02-30T10:00:00)", {}),
        ("at(2999-01-01T10:00:00Z)", {}),
        ("at(2999-01-01)", {}),
        ("at(2020-01-01T10:00:00)", {}),  # in the past
        ("rate(5 minutes)", {"ScheduleExpressionTimezone": "Mars/Olympus"}),
        ("rate(5 minutes)", {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}),
        ("rate(5 minutes)", {"FlexibleTimeWindow": {"Mode": "SOMETIMES"}}),
        ("rate(5 minutes)", {"Target": {**NOWHERE, "RetryPolicy": {"MaximumRetryAttempts": 186}}}),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(cloud: LocalSettings, expression: str, more: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        schedule(cloud, "refused", expression, NOWHERE, **more)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert client(cloud, "scheduler", HERE).list_schedules(NamePrefix="refused")["Schedules"] == []


@pytest.mark.parametrize(
    "expression", ["cron(15 10 ? * 6L 2022-2099)", "cron(0/15 8-17 ? * MON-FRI *)", "cron(0 0 L * ? *)"]
)
def test_what_aws_takes_is_taken(cloud: LocalSettings, expression: str) -> None:
    schedule(cloud, "taken", expression, NOWHERE, State="DISABLED")
    scheduler = client(cloud, "scheduler", HERE)
    assert scheduler.get_schedule(Name="taken")["ScheduleExpression"] == expression
    scheduler.delete_schedule(Name="taken")


def test_placeholders_are_filled_in(cloud: LocalSettings) -> None:
    queue = Queue(cloud, "filled")
    due = at(cloud, hours=1)
    target = {"Arn": queue.arn, "RoleArn": role(cloud, "filled", "sqs:SendMessage"), "Input": PLACEHOLDERS}
    schedule(cloud, "filled", due, target, ActionAfterCompletion="DELETE")
    clock.forward(cloud, 3_600)
    Cloud.eventually(lambda: queue.has(1))
    told = queue.bodies()[0]
    assert told.pop("execution-id").isalnum()
    assert told == {
        "schedule-arn": f"arn:aws:scheduler:{HERE}:{ACCOUNT}:schedule/default/filled",
        "scheduled-time": due.removeprefix("at(").removesuffix(")") + "Z",
        "attempt-number": "1",
    }
    assert client(cloud, "scheduler", HERE).list_schedules(NamePrefix="filled")["Schedules"] == []


def test_a_schedule_that_was_due_often_fires_once_for_its_latest_time(cloud: LocalSettings) -> None:
    queue = Queue(cloud, "often")
    target = {"Arn": queue.arn, "RoleArn": role(cloud, "often", "sqs:SendMessage"), "Input": PLACEHOLDERS}
    schedule(cloud, "often-cron", "cron(0 3 * * ? *)", target, ScheduleExpressionTimezone="Asia/Kolkata")
    schedule(cloud, "often-rate", "rate(6 hours)", target)
    clock.forward(cloud, 30 * DAY)
    now = clock.read(cloud)[0]
    Cloud.eventually(lambda: queue.has(2))
    cron, rate = (
        datetime.fromisoformat(next(e["scheduled-time"] for e in queue.bodies() if e["schedule-arn"].endswith(kind)))
        for kind in ("cron", "rate")
    )
    assert (cron.hour, cron.minute) == (21, 30)  # 03:00 in Kolkata
    assert timedelta(0) <= now - cron < timedelta(days=1)
    assert timedelta(0) <= now - rate < timedelta(hours=6)
    for name in ("often-cron", "often-rate"):
        client(cloud, "scheduler", HERE).delete_schedule(Name=name)


def test_a_target_that_does_not_exist_yet_is_tried_again(cloud: LocalSettings) -> None:
    arn = f"arn:aws:sqs:{HERE}:{ACCOUNT}:late"
    target = {"Arn": arn, "RoleArn": role(cloud, "late", "sqs:SendMessage"), "Input": PLACEHOLDERS}
    schedule(cloud, "late", at(cloud, minutes=1), target)
    clock.forward(cloud, 61)
    marker = Queue(cloud, "marker")
    schedule(cloud, "marker", at(cloud, minutes=1), {**target, "Arn": marker.arn})
    clock.forward(cloud, 61)
    Cloud.eventually(lambda: marker.has(1))  # so the earlier one has been tried
    queue = Queue(cloud, "late")
    Cloud.eventually(lambda: queue.has(1))
    assert int(queue.bodies()[0]["attempt-number"]) > 1


def test_what_a_target_refuses_goes_to_the_dead_letter_queue(cloud: LocalSettings) -> None:
    dead = Queue(cloud, "dead")
    target = {
        "Arn": f"arn:aws:sqs:{HERE}:{ACCOUNT}:missing",
        "RoleArn": role(cloud, "dead", "sqs:SendMessage"),
        "Input": '{"attempt": "<aws.scheduler.attempt-number>"}',
        "RetryPolicy": {"MaximumRetryAttempts": 2},
        "DeadLetterConfig": {"Arn": dead.arn},
    }
    schedule(cloud, "dead", at(cloud, minutes=1), target)
    clock.forward(cloud, 61)
    Cloud.eventually(lambda: dead.has(1))
    told = {name: each["StringValue"] for name, each in dead.messages[0]["MessageAttributes"].items()}
    assert told["ERROR_CODE"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert (told["RETRY_ATTEMPTS"], told["EXHAUSTED_RETRY_CONDITION"]) == ("2", "MaximumRetryAttempts")
    assert (told["TARGET_ARN"], told["SCHEDULE_ARN"].rpartition("/")[2]) == (target["Arn"], "dead")
    assert dead.bodies() == [{"attempt": "3"}]


def test_a_role_that_may_not_call_the_target_is_refused(cloud: LocalSettings) -> None:
    dead, queue = Queue(cloud, "forbidden-dead"), Queue(cloud, "forbidden")
    iam = client(cloud, "iam", HERE)
    arn = role(cloud, "narrow", "sqs:SendMessage")
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": dead.arn}
    iam.put_role_policy(
        RoleName="narrow",
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    target = {"Arn": queue.arn, "RoleArn": arn, "RetryPolicy": {"MaximumRetryAttempts": 0}}
    schedule(cloud, "forbidden", at(cloud, minutes=1), {**target, "DeadLetterConfig": {"Arn": dead.arn}})
    clock.forward(cloud, 61)
    Cloud.eventually(lambda: dead.has(1))
    assert dead.messages[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "AccessDeniedException"
    assert dead.bodies()[0]["detail-type"] == "Scheduled Event"  # what a schedule without Input sends
    assert queue.has(0)


def test_a_universal_target_is_called(cloud: LocalSettings) -> None:
    queue = Queue(cloud, "universal")
    url = client(cloud, "sqs", HERE).get_queue_url(QueueName="universal")["QueueUrl"]
    call = json.dumps({"QueueUrl": url, "MessageBody": '"<aws.scheduler.attempt-number>"'})
    arn = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
    schedule(
        cloud, "universal", at(cloud, minutes=1), {"Arn": arn, "RoleArn": role(cloud, "u", "sqs:*"), "Input": call}
    )
    clock.forward(cloud, 61)
    Cloud.eventually(lambda: queue.has(1))
    assert queue.bodies() == ["1"]


def test_a_template_with_an_impossible_schedule_fails(cloud: LocalSettings) -> None:
    stacks = client(cloud, "cloudformation", HERE)

    def deployed(name: str, **more: Any) -> str:
        properties = {"Name": name, "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": NOWHERE, **more}
        resource = {"Type": "AWS::Scheduler::Schedule", "Properties": properties}
        stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Schedule": resource}}))
        Cloud.eventually(lambda: "IN_PROGRESS" not in status())
        return status()

    def status() -> str:
        return str(stacks.describe_stacks(StackName=names[-1])["Stacks"][0]["StackStatus"])

    names = ["good-times"]
    more = {"ScheduleExpression": "cron(0 3 * * ? *)", "ScheduleExpressionTimezone": "Europe/Berlin"}
    assert deployed("good-times", **more) == "CREATE_COMPLETE"
    assert client(cloud, "scheduler", HERE).get_schedule(Name="good-times").items() >= more.items()
    names.append("bad-times")
    assert deployed("bad-times", ScheduleExpression="cron(0 3 * * *)") in ("ROLLBACK_COMPLETE", "CREATE_FAILED")


def test_what_has_fired_and_what_is_to_be_repeated_survive_a_restart() -> None:
    with empty_cloud() as settings:
        queue = Queue(settings, "kept")
        arn = role(settings, "kept", "sqs:SendMessage")
        schedule(settings, "kept", at(settings, minutes=1), {"Arn": queue.arn, "RoleArn": arn, "Input": "1"})
        late = f"arn:aws:sqs:{HERE}:{ACCOUNT}:late"
        schedule(
            settings, "late", at(settings, minutes=1), {"Arn": late, "RoleArn": arn, "Input": "2"},
            ActionAfterCompletion="DELETE",
        )  # fmt: skip
        schedule(settings, "an-old-one", "rate(70 days)", {"Arn": queue.arn, "RoleArn": arn, "Input": "3"})
        clock.forward(settings, 61)
        Cloud.eventually(lambda: queue.has(1))
        scheduler = client(settings, "scheduler", HERE)
        Cloud.eventually(lambda: len(scheduler.list_schedules()["Schedules"]) == 2)
        assert "Fired" not in scheduler.get_schedule(Name="kept")
        supervisor.stop(settings)
        stored = settings.state / "services" / "scheduler.json"
        stored.write_text(stored.read_text().replace("rate(70 days)", "rate(nonsense)"))
        supervisor.start(settings)
        assert scheduler.get_schedule(Name="an-old-one")["ScheduleExpression"] == "rate(nonsense)"
        repeated = Queue(settings, "late")
        Cloud.eventually(lambda: repeated.has(1))
        assert queue.has(1)
        assert datetime.now(UTC) < clock.read(settings)[0]
