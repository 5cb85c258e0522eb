"""The cloud's clock moves forward, and what hangs on time follows it."""

import io
import json
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local import clock, supervisor
from local.aws import client
from local.settings import ACCOUNT, LocalSettings
from local.testing import Cloud, empty_cloud

HERE = "us-east-1"
DAY = 86_400
SEES_THE_TIME = """
import datetime, time
def handler(event, context):
    left = context.get_remaining_time_in_millis()
    return [time.time(), datetime.datetime.now(datetime.timezone.utc).timestamp(), left]
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


def role(settings: LocalSettings, name: str, service: str, *actions: str) -> str:
    """The ARN of a new role that a service may assume."""
    principal = {"Service": service} if service else {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    iam = client(settings, "iam", HERE)
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    iam.put_role_policy(
        RoleName=name, PolicyName="all", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    )
    return str(made["Role"]["Arn"])


def refusal(call: Any, **arguments: Any) -> str:
    """The code with which the call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def queue(settings: LocalSettings, name: str) -> tuple[str, str]:
    """The address and ARN of a new queue."""
    made = client(settings, "sqs", HERE).create_queue(QueueName=name)["QueueUrl"]
    return str(made), f"arn:aws:sqs:{HERE}:{ACCOUNT}:{name}"


def received(settings: LocalSettings, address: str) -> list[str]:
    """Messages that are taken from the queue."""
    sqs = client(settings, "sqs", HERE)
    told = sqs.receive_message(QueueUrl=address, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", ())
    for each in told:
        sqs.delete_message(QueueUrl=address, ReceiptHandle=each["ReceiptHandle"])
    return [each["Body"] for each in told]


def signed_by_this_clock(settings: LocalSettings) -> requests.Response:
    """A user's request with this process's time. (boto3 corrects its clock when it is refused; curl does not.)"""
    iam, name = client(settings, "iam", HERE), f"caller-{uuid.uuid4().hex}"
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    request = AWSRequest("GET", f"{settings.endpoint}/?Action=GetCallerIdentity&Version=2011-06-15")
    SigV4Auth(Credentials(made["AccessKeyId"], made["SecretAccessKey"]), "sts", HERE).add_auth(request)
    return requests.get(request.url, headers=dict(request.headers), timeout=60)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"forward": -1}', "does not go back"),
        (b'{"forward": 0}', "more than 0"),
        (b'{"forward": "8h"}', "number of seconds"),
        (b'{"forward": true}', "number of seconds"),
        (b'{"forward": NaN}', "number of seconds"),
        (b'{"forward": 1' + b"0" * 400 + b"}", "100 years"),
        (b'{"forward": Infinity}', "100 years"),
        (b'{"to": 5}', "the body must be"),
        (b"[]", "the body must be"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
    ],
)
def test_a_move_that_is_none_is_refused(cloud: LocalSettings, body: bytes, why: str) -> None:
    before = clock.read(cloud)[1]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{cloud.endpoint}/_local/clock", body, timeout=60)
    assert refused.value.code == 400
    assert why in json.load(refused.value)["message"]
    assert clock.read(cloud)[1] == before


def test_the_clock_is_not_the_apis(cloud: LocalSettings) -> None:
    answer = requests.post(f"http://127.0.0.1:{cloud.region_ports[HERE]}/_local/clock", json={"forward": 5}, timeout=60)
    assert answer.status_code == 403


def test_a_presigned_link_ends(cloud: LocalSettings) -> None:
    s3 = client(cloud, "s3", HERE)
    s3.create_bucket(Bucket="links")
    s3.put_object(Bucket="links", Key="one", Body=b"content")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "links", "Key": "one"}, ExpiresIn=7 * DAY)
    assert requests.get(link, timeout=60).content == b"content"
    clock.forward(cloud, 7 * DAY)
    ended = requests.get(link, timeout=60)
    assert (ended.status_code, "Request has expired" in ended.text) == (403, True)


def test_a_client_with_the_machines_clock_is_served_after_a_move(cloud: LocalSettings) -> None:
    clock.forward(cloud, DAY)
    assert signed_by_this_clock(cloud).status_code == 200


def test_the_emulator_alone_refuses_a_client_with_the_machines_clock() -> None:
    with empty_cloud(without=["clock"]) as bare:
        clock.forward(bare, DAY)
        refused = signed_by_this_clock(bare)
        assert (refused.status_code, "Signature expired" in refused.text) == (403, True)


def test_a_compliance_lock_ends_after_its_years(cloud: LocalSettings) -> None:
    s3 = client(cloud, "s3", HERE)
    s3.create_bucket(Bucket="kept", ObjectLockEnabledForBucket=True)
    until = clock.read(cloud)[0] + timedelta(days=7 * 365)
    put = {"Bucket": "kept", "Key": "one"}
    version = s3.put_object(**put, Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)["VersionId"]
    clock.forward(cloud, 7 * 365 * DAY - 3_600)
    assert refusal(s3.delete_object, **put, VersionId=version) == "AccessDenied"
    clock.forward(cloud, 2 * 3_600)
    s3.delete_object(**put, VersionId=version)
    assert "Versions" not in s3.list_object_versions(Bucket="kept")


def test_a_session_ends(cloud: LocalSettings) -> None:
    made = client(cloud, "sts", HERE).assume_role(
        RoleArn=role(cloud, "visitor", "", "sts:*"), RoleSessionName="test", DurationSeconds=3_600
    )["Credentials"]
    session = client(cloud, "sts", HERE, (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]))
    assert session.get_caller_identity()["Account"] == ACCOUNT
    clock.forward(cloud, 3_601)
    assert refusal(session.get_caller_identity) in ("ExpiredToken", "ExpiredTokenException")


def test_a_function_sees_the_moved_time(cloud: LocalSettings) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("handler.py", SEES_THE_TIME)
    functions = client(cloud, "lambda", HERE)
    functions.create_function(
        FunctionName="watcher",
        Runtime="python3.13",
        Handler="handler.handler",
        Role=role(cloud, "watcher", "lambda.amazonaws.com", "dynamodb:*"),
        Code={"ZipFile": archive.getvalue()},
        Timeout=60,
    )

    def told() -> list[float]:
        seen: list[float] = json.load(functions.invoke(FunctionName="watcher", Payload=b"{}")["Payload"])
        return seen

    for _ in range(2):  # a worker of before the move is not used again
        before = clock.read(cloud)[0].timestamp()
        *times, left = told()
        after = clock.read(cloud)[0].timestamp()
        assert all(before <= each <= after for each in times), (before, times, after)
        assert 0 < left <= 60_000
        clock.forward(cloud, 30 * DAY)


def test_a_schedule_thirty_days_ahead_fires_once(cloud: LocalSettings) -> None:
    address, arn = queue(cloud, "due")
    at = clock.read(cloud)[0] + timedelta(days=30)
    client(cloud, "scheduler", HERE).create_schedule(
        Name="later",
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": role(cloud, "later", "scheduler.amazonaws.com", "sqs:*"), "Input": "due"},
    )
    clock.forward(cloud, 29 * DAY)
    assert received(cloud, address) == []
    clock.forward(cloud, 2 * DAY)
    Cloud.eventually(lambda: received(cloud, address) == ["due"])
    clock.forward(cloud, DAY)
    assert received(cloud, address) == []


def test_the_offset_survives_a_kill() -> None:
    with empty_cloud() as settings:
        clock.forward(settings, 30 * DAY)
        clock.forward(settings, 0.5)
        supervisor.kill(settings)
        supervisor.start(settings)
        now, ahead = clock.read(settings)
        assert ahead == timedelta(days=30, seconds=0.5)
        assert abs(now - datetime.now(UTC) - ahead) < timedelta(minutes=5)
        assert signed_by_this_clock(settings).status_code == 200
