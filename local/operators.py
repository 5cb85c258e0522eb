"""The platform operator of the local cloud: an IAM user who may call ``/operator/…`` in every region, and nothing else."""

from __future__ import annotations

import json

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.aws import client
from local.settings import ACCOUNT, HOME, LocalSettings
from local.supervisor import snapshot

NAME = "docplatform-operator"


def call(settings: LocalSettings, region: str, method: str, path: str, body: object = None) -> requests.Response:
    """Sends an operator's request to the region's API, signed by SigV4."""
    url = f"http://127.0.0.1:{settings.region_ports[region]}{path}"
    data = None if body is None else json.dumps(body)
    request = AWSRequest(method, url, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(*credentials(settings)), "execute-api", region).add_auth(request)
    return requests.request(method, url, data=data, headers=dict(request.headers), timeout=60)


def credentials(settings: LocalSettings) -> tuple[str, str]:
    """Access key and secret. They are created by the first call, and kept with the state."""
    file = settings.state / "operator.json"
    if file.exists():
        key, secret = json.loads(file.read_text())
        return key, secret
    iam = client(settings, "iam", HOME)
    try:
        iam.create_user(UserName=NAME)
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
    statement = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"arn:aws:execute-api:*:{ACCOUNT}:*/live/*/operator/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName=NAME, PolicyName="operate", PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName=NAME)["AccessKey"]
    snapshot(settings)  # so that the key still exists after a ``kill -9``
    file.touch(mode=0o600)
    file.write_text(json.dumps([made["AccessKeyId"], made["SecretAccessKey"]]))
    return made["AccessKeyId"], made["SecretAccessKey"]
