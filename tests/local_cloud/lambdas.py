"""Functions for tests of the emulator."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from local.aws import client
from local.settings import LocalSettings

HERE = "us-east-1"


def packed(member: str, content: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr(member, content)
    return archive.getvalue()


def deployed(settings: LocalSettings, name: str, handler: str, code: bytes, **variables: str) -> str:
    """The ARN of a new function."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": [trust]}
    role = client(settings, "iam", HERE).create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy))
    allowed = {"Effect": "Allow", "Action": ["dynamodb:*", "lambda:*", "logs:*", "sqs:*"], "Resource": "*"}
    client(settings, "iam", HERE).put_role_policy(
        RoleName=name,
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    made = client(settings, "lambda", HERE).create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler=handler,
        Role=role["Role"]["Arn"],
        Code={"ZipFile": code},
        Environment={"Variables": variables},
        Timeout=60,  # seconds: the default of 3 is short for a first call on a busy machine
    )
    return str(made["FunctionArn"])


def invoked(settings: LocalSettings, name: str, event: Any) -> Any:
    """What the function returns."""
    answer = client(settings, "lambda", HERE).invoke(FunctionName=name, Payload=json.dumps(event).encode())
    assert "FunctionError" not in answer
    return json.load(answer["Payload"])
