"""What a role's session may do less than its role, and in which regions. The emulator does all of this by itself,
except the check of a session tag's characters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.aws import client
from local.settings import ACCOUNT, LocalSettings
from local.testing import empty_cloud
from tests.local_cloud.callers import assumed, policy, refused, role
from tests.local_cloud.lambdas import HERE

pytestmark = pytest.mark.slow

ELSEWHERE = "eu-central-1"


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        for region in (HERE, ELSEWHERE):
            queues = client(settings, "sqs", region)
            for name in ("one", "two"):
                queues.create_queue(QueueName=name)
            client(settings, "dynamodb", region).create_table(
                TableName="items",
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        storage = client(settings, "s3", HERE)
        storage.create_bucket(Bucket="shared")
        storage.put_object(Bucket="shared", Key="it", Body=b"x")
        yield settings


def queue(settings: LocalSettings, name: str, keys: tuple[str, ...], region: str = HERE) -> str:
    """Sends a message."""
    queues = client(settings, "sqs", region, keys)
    url = f"{settings.endpoint}/{ACCOUNT}/{name}"
    return str(queues.send_message(QueueUrl=url, MessageBody="it")["MessageId"])


SENDS = {"Action": ["sqs:SendMessage", "sts:AssumeRole"], "Resource": "*"}
ONE = {"Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:*:{ACCOUNT}:one"}


def test_a_session_may_do_what_role_and_session_policy_allow(cloud: LocalSettings) -> None:
    arn = role(cloud, "sender", SENDS)
    limited = assumed(cloud, arn, Policy=policy(ONE, {"Action": "dynamodb:*", "Resource": "*"}))
    queue(cloud, "one", limited)
    with refused("AccessDenied"):
        queue(cloud, "two", limited)
    with refused("AccessDeniedException"):  # allowed by the session's policy, and not by the role's
        client(cloud, "dynamodb", HERE, limited).get_item(TableName="items", Key={"pk": {"S": "a"}})
    queue(cloud, "two", assumed(cloud, arn))


def test_a_deny_of_a_session_policy_counts(cloud: LocalSettings) -> None:
    arn = role(cloud, "denied", SENDS)
    keys = assumed(cloud, arn, Policy=policy({"Action": "sqs:*", "Resource": "*"}, {**ONE, "Effect": "Deny"}))
    queue(cloud, "two", keys)
    with refused("AccessDenied"):
        queue(cloud, "one", keys)


def test_session_policies_by_arn_add_up(cloud: LocalSettings) -> None:
    iam = client(cloud, "iam", HERE)
    made = iam.create_policy(PolicyName="one", PolicyDocument=policy(ONE))["Policy"]["Arn"]
    arn = role(cloud, "by-arn", SENDS)
    only = assumed(cloud, arn, PolicyArns=[{"arn": made}])
    queue(cloud, "one", only)
    with refused("AccessDenied"):
        queue(cloud, "two", only)
    two = policy({**ONE, "Resource": f"arn:aws:sqs:*:{ACCOUNT}:two"})
    both = assumed(cloud, arn, PolicyArns=[{"arn": made}], Policy=two)
    queue(cloud, "one", both)
    queue(cloud, "two", both)


def test_a_session_of_a_session_has_its_own_policy(cloud: LocalSettings) -> None:
    """By role chaining; the second session has not the limits of the first."""
    first = assumed(cloud, role(cloud, "chained", SENDS), Policy=policy({"Action": "sts:AssumeRole", "Resource": "*"}))
    sts = client(cloud, "sts", HERE, first)
    second = role(cloud, "chained-to", SENDS)
    made = sts.assume_role(RoleArn=second, RoleSessionName="test", Policy=policy(ONE))["Credentials"]
    keys = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    queue(cloud, "one", keys)
    for refused_keys, name in ((keys, "two"), (first, "one")):
        with refused("AccessDenied"):
            queue(cloud, name, refused_keys)


def may_be_tagged(cloud: LocalSettings, name: str) -> None:
    trust = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    client(cloud, "iam", HERE).update_assume_role_policy(RoleName=name, PolicyDocument=policy(trust))


def test_a_session_policy_with_a_variable(cloud: LocalSettings) -> None:
    arn = role(cloud, "tagged", SENDS, {"Action": "dynamodb:GetItem", "Resource": "*"})
    may_be_tagged(cloud, "tagged")
    condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": "${aws:PrincipalTag/tenant}"}}
    keys = assumed(
        cloud,
        arn,
        Tags=[{"Key": "tenant", "Value": "t1"}],
        Policy=policy({"Action": "dynamodb:*", "Resource": "*", "Condition": condition}),
    )
    table = client(cloud, "dynamodb", HERE, keys)
    table.get_item(TableName="items", Key={"pk": {"S": "t1"}})
    with refused("AccessDeniedException"):
        table.get_item(TableName="items", Key={"pk": {"S": "t2"}})


@pytest.mark.parametrize("value", ["*", "t?", "t*", "${aws:userid}", "a,b", "x" * 257])
def test_a_session_tag_that_could_match_more_than_itself_is_refused(cloud: LocalSettings, value: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/tags"
    if value == "*":
        role(cloud, "tags", SENDS)
        may_be_tagged(cloud, "tags")
        assumed(cloud, arn, Tags=[{"Key": "tenant", "Value": "Österreich t1_.:/=+-@"}])
    for tag in ({"Key": "tenant", "Value": value}, {"Key": value, "Value": "t1"}):
        with refused("ValidationError"):
            assumed(cloud, arn, Tags=[tag])


def test_a_bucket_policy_for_the_role_is_limited_by_the_session(cloud: LocalSettings) -> None:
    arn = role(cloud, "of-a-bucket", SENDS)
    allowed = {"Principal": {"AWS": arn}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shared/*"}
    client(cloud, "s3", HERE).put_bucket_policy(Bucket="shared", Policy=policy(allowed))

    def read(keys: tuple[str, ...]) -> Any:
        return client(cloud, "s3", HERE, keys).get_object(Bucket="shared", Key="it")

    read(assumed(cloud, arn))
    with refused("AccessDenied"):
        read(assumed(cloud, arn, Policy=policy(ONE)))


@pytest.mark.parametrize(
    ("document", "code"),
    [("{", "MalformedPolicyDocument"), ("{}", "MalformedPolicyDocument"), ("x" * 2049, "ValidationError")],
)
def test_a_session_policy_that_is_none_is_refused(cloud: LocalSettings, document: str, code: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/asked"
    if document == "{":
        role(cloud, "asked", SENDS)
    with refused(code):
        assumed(cloud, arn, Policy=document)


def test_an_unknown_session_policy_is_refused(cloud: LocalSettings) -> None:
    arn = role(cloud, "unknown-policy", SENDS)
    with refused("ValidationError"):
        assumed(cloud, arn, PolicyArns=[{"arn": f"arn:aws:iam::{ACCOUNT}:policy/none"}])


def test_a_role_of_one_region(cloud: LocalSettings) -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": HERE}}
    keys = assumed(cloud, role(cloud, "here", {"Action": "*", "Resource": "*", "Condition": condition}))
    queue(cloud, "one", keys)
    client(cloud, "dynamodb", HERE, keys).get_item(TableName="items", Key={"pk": {"S": "a"}})
    client(cloud, "s3", HERE, keys).get_object(Bucket="shared", Key="it")
    with refused("AccessDenied"):
        queue(cloud, "one", keys, region=ELSEWHERE)
    with refused("AccessDeniedException"):
        client(cloud, "dynamodb", ELSEWHERE, keys).get_item(TableName="items", Key={"pk": {"S": "a"}})
    with refused("AccessDenied"):
        client(cloud, "s3", ELSEWHERE, keys).create_bucket(
            Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": ELSEWHERE}
        )


def test_other_regions_are_denied(cloud: LocalSettings) -> None:
    """The usual statement: everything but the global services, outside the regions that are named."""
    outside = {"StringNotEquals": {"aws:RequestedRegion": [HERE]}}
    deny = {"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*", "Condition": outside}
    keys = assumed(cloud, role(cloud, "not-elsewhere", {"Action": "*", "Resource": "*"}, deny))
    queue(cloud, "one", keys)
    client(cloud, "iam", ELSEWHERE, keys).list_roles()
    with refused("AccessDenied"):
        queue(cloud, "one", keys, region=ELSEWHERE)
    function = json.dumps({"region": ELSEWHERE})
    with refused("AccessDeniedException"):
        client(cloud, "lambda", ELSEWHERE, keys).invoke(FunctionName="none", Payload=function.encode())
