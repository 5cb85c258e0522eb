"""A local cloud for tests: it has ports and a folder of its own, and is removed afterwards.

With ``DOCPLATFORM_CLOUD=FOLDER`` the tests use a cloud that runs already (``.local/state`` is the one of ``./dp up``).
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local import clock, mails, operators, supervisor
from local.aws import client
from local.deploy import deploy
from local.settings import ACCOUNT, REGIONS, LocalSettings, load, load_or_make
from local.synth import synthesize

AUDIT_SHARDS = 16  # infra/dynamodb/keys.py; tests/infra/test_audit_trail.py compares them


class AwsSession:
    """Plain boto3 clients of one region. ``credentials``: access key, secret and, for the session of a role, its token."""

    def __init__(self, settings: LocalSettings, region: str, credentials: tuple[str, ...]) -> None:
        self.credentials = credentials
        self._settings, self._region = settings, region

    def client(self, service: str, endpoint: str = "") -> Any:
        """``endpoint``: a URL, for a service that has one for each API or collection."""
        return client(self._settings, service, self._region, self.credentials, endpoint)


class Cloud:
    """A running local cloud, as its root user sees it."""

    def __init__(self, settings: LocalSettings) -> None:
        self.settings = settings
        self.ports = settings.region_ports
        self.operator = operators.credentials(settings)
        self.moved = 0.0
        """Seconds by which the tests have moved the cloud's clock."""

    def root(self, service: str, region: str) -> Any:
        return client(self.settings, service, region)

    def tenant_access_role(self, region: str, function: str) -> str:
        """The ARN of the role by which a function acts for a tenant."""
        name = f"docplatform-{function}"
        found = self.root("lambda", region).get_function_configuration(FunctionName=name)
        return str(found["Environment"]["Variables"]["TENANT_ACCESS_ROLE_ARN"])

    def documents_bucket(self, region: str) -> str:
        return f"docplatform-documents-{ACCOUNT}-{region}"

    def as_function(self, region: str, function: str) -> AwsSession:
        """A session with a function's own role, which a handler has before it acts for a tenant."""
        role = f"arn:aws:iam::{ACCOUNT}:role/docplatform-{function}-{region}"
        return self._assumed(self.root("sts", region), region, role)

    def as_tenant(
        self, region: str, tenant_id: str, policy: object = None, *, function: str = "index-sync", role_of: str = ""
    ) -> AwsSession:
        """A session with a TenantAccess role and the tenant's tag, as in a handler of ``function``: index-sync reaches items, files
        and search, identity items and secrets. ``role_of``: another function, whose TenantAccess role is asked for.
        ``policy``: a session policy; None for none."""
        sts = self.as_function(region, function).client("sts")
        more = {"Policy": json.dumps(policy)} if policy else {}
        tags = [{"Key": "tenant_id", "Value": tenant_id}]
        role = self.tenant_access_role(region, role_of or function)
        return self._assumed(sts, region, role, Tags=tags, **more)

    def as_operator(self, region: str) -> AwsSession:
        return AwsSession(self.settings, region, self.operator)

    def _assumed(self, sts: Any, region: str, role: str, **more: Any) -> AwsSession:
        made = sts.assume_role(RoleArn=role, RoleSessionName="test", **more)["Credentials"]
        return AwsSession(self.settings, region, (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]))

    def mailbox(self) -> list[dict[str, Any]]:
        """The mails that have been sent, the oldest first."""
        return mails.sent(self.settings)

    def stored_objects(self, region: str, prefix: str) -> list[str]:
        pages = self.root("s3", region).get_paginator("list_object_versions")
        found = pages.paginate(Bucket=self.documents_bucket(region), Prefix=prefix)
        return sorted({each["Key"] for page in found for each in page.get("Versions", ())})

    def audit_actions(self, region: str, tenant_id: str, target: str) -> list[str]:
        """The actions on ``target`` in the audit trail of yesterday and today by the cloud's clock, the oldest first."""
        now, found = clock.read(self.settings)[0].timestamp(), []
        days = [time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (now - 86_400, now)]
        for partition in (f"{tenant_id}#{day}#{shard:02d}" for day in days for shard in range(AUDIT_SHARDS)):
            pages = (
                self.root("dynamodb", region)
                .get_paginator("query")
                .paginate(
                    TableName="docplatform-audit",
                    KeyConditionExpression="pk = :p",
                    ExpressionAttributeValues={":p": {"S": partition}},
                )
            )
            found += [item for page in pages for item in page["Items"]]
        found.sort(key=lambda item: str(item["sk"]["S"]))
        return [item["action"]["S"] for item in found if item["target"]["S"] == target]

    def collection(self, region: str, tenant_id: str) -> dict[str, Any]:
        """A tenant's search collection: its id, ARN, state and so on; empty if there is none."""
        search = self.root("opensearchserverless", region)
        found = search.batch_get_collection(names=[f"docplatform-{tenant_id}"])["collectionDetails"]
        return found[0] if found else {}

    def search_request(
        self,
        region: str,
        caller: AwsSession | None,
        method: str,
        path: str,
        *,
        of: str,
        body: str = "",
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """Sends a request directly to the search collection of the tenant ``of``. It is unsigned if there is no caller."""
        url = f"{self.settings.endpoint}/_aoss/{self.collection(region, of)['id']}{path}"
        sent = {"Content-Type": "application/json", **(headers or {})}
        if caller is not None:
            request = AWSRequest(method=method, url=url, data=body, headers=sent)
            SigV4Auth(Credentials(*caller.credentials), "aoss", region).add_auth(request)
            sent = dict(request.headers)
        return requests.request(method, url, data=body, headers=sent, timeout=120)

    def kill_worker(self, region: str, function: str) -> bool:
        """Ends a function's busy worker by ``kill -9``. Returns False if none was busy."""
        with urllib.request.urlopen(f"{self.settings.endpoint}/_local/workers", timeout=30) as answer:
            workers = json.load(answer)
        for worker in workers:
            if (worker["region"], worker["function"]) == (region, f"docplatform-{function}") and worker["busy"]:
                try:
                    os.kill(worker["pid"], signal.SIGKILL)
                except ProcessLookupError:
                    continue
                return True
        return False

    def forward(self, seconds: float) -> None:
        """Moves the cloud's clock. Tokens, sessions and links end as they would; this process keeps its own time."""
        clock.forward(self.settings, seconds)
        self.moved += seconds

    def restart(self) -> None:
        """Stops the cloud, also while work is in progress, and starts it again."""
        supervisor.stop(self.settings)
        supervisor.start(self.settings)

    def kill_and_start(self) -> None:
        """Ends the whole cloud by ``kill -9`` and starts it."""
        supervisor.kill(self.settings)
        supervisor.start(self.settings)

    @staticmethod
    def eventually(condition: Callable[[], bool], timeout: float = 120.0) -> None:
        """Returns once the condition holds. The last check begins after ``timeout`` seconds, however long a check takes."""
        deadline = time.monotonic() + timeout
        while True:
            is_last = time.monotonic() > deadline
            if condition():
                return
            assert not is_last, f"the condition did not hold within {timeout:.0f} seconds"
            time.sleep(0.3)


@contextmanager
def running_cloud() -> Iterator[Cloud]:
    """A cloud with everything deployed."""
    folder = os.environ.get("DOCPLATFORM_CLOUD")
    if folder:
        settings = load(Path(folder).resolve())
        if settings is None or not supervisor.running(settings):
            raise RuntimeError(f"no local cloud runs in {folder}; start it with ./dp up")
        yield Cloud(settings)
        return
    with own_cloud() as cloud:
        yield cloud


@contextmanager
def own_cloud() -> Iterator[Cloud]:
    """A cloud with everything deployed that nobody else uses: its clock may be moved."""
    with empty_cloud() as settings:
        deploy(settings, synthesize(settings))
        yield Cloud(settings)


@contextmanager
def empty_cloud(*, without: Sequence[str] = ()) -> Iterator[LocalSettings]:
    """A cloud with nothing in it. ``without``: patches that are left out, to see what the emulator does by itself."""
    with tempfile.TemporaryDirectory(prefix="docplatform-") as made:
        gateway, search, *regions = _free_ports(2 + len(REGIONS))
        settings = load_or_make(
            Path(made), port=gateway, search_port=search, region_ports=dict(zip(REGIONS, regions, strict=True))
        )
        supervisor.start(settings, DOCPLATFORM_WITHOUT=" ".join(without))
        try:
            yield settings
        finally:
            supervisor.stop(settings)


def _free_ports(count: int) -> list[int]:
    """Below the ports that the system gives to outgoing connections: one of those could be taken when the cloud starts again."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found
