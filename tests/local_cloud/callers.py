"""Callers with few permissions, for tests of what the emulator refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import client
from local.settings import ACCOUNT, LocalSettings
from tests.local_cloud.lambdas import HERE


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def role(settings: LocalSettings, name: str, *statements: Mapping[str, Any]) -> str:
    """The ARN of a new role, which everybody of the account may assume."""
    trust = policy({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"})
    iam = client(settings, "iam", HERE)
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="its", PolicyDocument=policy(*statements))
    return str(made)


def assumed(settings: LocalSettings, arn: str, **more: Any) -> tuple[str, ...]:
    """The keys of a session of the role."""
    sts = client(settings, "sts", HERE)
    made = sts.assume_role(RoleArn=arn, RoleSessionName="test", **more)["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


@contextmanager
def refused(code: str) -> Iterator[None]:
    """Expects that AWS refuses with the code."""
    with pytest.raises(ClientError) as raised:
        yield
    assert raised.value.response["Error"]["Code"] == code
