"""Traces: a sampled request sends them to the X-Ray daemon; any other request does not even import the SDK.

Each test runs in its own process, like a Lambda environment. The daemon is a UDP socket.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.mocked_aws import ROOT

ROOT_ID, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
Sampled = tuple[dict[str, Any], list[dict[str, Any]]]
SAMPLED, UNSAMPLED = (f"Root={ROOT_ID};Parent={PARENT};Sampled={bit};Lineage=1:abcd1234:0" for bit in "10")

PROGRAM = """
import json, os, sys
from pytest import MonkeyPatch
from tests.support.mocked_aws import cloud, BUCKET
from docplatform.core.tenant import enter_tenant
from docplatform.runtime.tenant_access import clients
from docplatform.runtime.triggers import event_handler

with MonkeyPatch.context() as patch, cloud(patch) as region:
    acme = region.tenant("acme")
    ann = acme.member(name="Ann Adams")
    headers = []

    def sees(request, **_):
        header = request.headers["X-Amzn-Trace-Id"]
        headers.append(header.decode() if isinstance(header, bytes) else header)

    @event_handler("step")
    def keeps(event):
        enter_tenant(acme.tenant)
        s3 = clients(acme.tenant).client("s3")
        s3.meta.events.register("before-send", sees, unique_id="sees")
        s3.put_object(Bucket=BUCKET, Key=f"tenants/{acme.tenant.id}/adams.txt", Body=b"secret contract")
        s3.get_object(Bucket=BUCKET, Key=f"tenants/{acme.tenant.id}/adams-is-not-there")

    for trace in json.loads(sys.argv[1]):
        os.environ["_X_AMZN_TRACE_ID"] = trace
        assert ann.announces("Lease of Ann Adams.txt", inside="root").status in (201, 409)
        assert ann.asks("POST", "/v1/search", {"query": "Adams"}).status == 503
        try:
            keeps({}, None)
        except Exception as error:
            assert type(error).__name__ == "NoSuchKey", error
        else:
            raise AssertionError("it found what is not there")
    told = {
        "tenant": acme.tenant.id,
        "user": ann.id,
        "headers": headers,
        "sdk": sorted(name for name in sys.modules if name.startswith("aws_xray_sdk")),
    }
print(json.dumps(told))
"""


ONE_EVENT = """
import json, sys
from docplatform.runtime.telemetry import LogRecord
LogRecord("event", "request-1").write()
print(json.dumps({"sdk": [name for name in sys.modules if name.startswith("aws_xray_sdk")]}))
"""


class Daemon:
    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def received(self) -> list[dict[str, Any]]:
        """What has been sent, flat: a subsegment that was still open when its child was sent comes without it."""
        found = []
        while True:
            try:
                _, _, document = self._socket.recvfrom(65_536)[0].partition(b"\n")
            except BlockingIOError:
                return found
            found.append(json.loads(document))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.close()


def runs(*traces: str, program: str = PROGRAM, **environment: str) -> dict[str, Any]:
    """Two requests and a step for each trace header, in one environment."""
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(traces)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT / "layers/platform/python"), str(ROOT)]),
            "LAMBDA_TASK_ROOT": "/var/task",
            "POWERTOOLS_SERVICE_NAME": "documents",
            "AWS_LAMBDA_FUNCTION_NAME": "docplatform-documents",
            **environment,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_a_request_that_is_not_sampled_imports_no_xray_sdk_and_sends_nothing(daemon: Daemon) -> None:
    told = runs(UNSAMPLED, UNSAMPLED, AWS_XRAY_DAEMON_ADDRESS=daemon.address)
    assert told["sdk"] == []
    assert daemon.received() == []


def test_where_nobody_takes_traces_none_are_made() -> None:
    """The local cloud marks every request as sampled, and has no daemon."""
    assert runs(program=ONE_EVENT, _X_AMZN_TRACE_ID=SAMPLED)["sdk"] == []


@pytest.fixture(scope="module")
def sampled() -> Iterator[Sampled]:
    """The output of the program, and the traces that it has sent."""
    daemon = Daemon()
    told = runs(SAMPLED, AWS_XRAY_DAEMON_ADDRESS=daemon.address)
    yield told, daemon.received()
    daemon.close()


def test_a_sampled_request_is_a_subsegment_with_one_for_each_call(sampled: Sampled) -> None:
    told, sent = sampled
    assert "aws_xray_sdk.core" in told["sdk"]
    assert {each["trace_id"] for each in sent} == {ROOT_ID}
    upload, search, step = (each for each in sent if each["name"] == "## documents")
    assert upload["parent_id"] == PARENT
    assert upload["annotations"] == {"function": "documents", "route": "POST /v1/documents", "status": 201}
    assert search["annotations"] == {
        "function": "documents",
        "route": "POST /v1/search",
        "status": 503,
        "problem": "unavailable",
    }
    assert step["annotations"] == {"function": "documents", "error": "NoSuchKey"}
    assert step["fault"] is True and "fault" not in upload

    def calls(parent: dict[str, Any]) -> list[dict[str, Any]]:
        return [each for each in sent if each.get("parent_id") == parent["id"]]

    operations = [(each["name"], each["aws"]["operation"]) for each in calls(upload)]
    assert operations[0] == ("sts", "AssumeRole") and ("dynamodb", "TransactWriteItems") in operations
    for each in calls(upload):
        assert each["namespace"] == "aws"
        assert each["aws"].keys() == {"operation", "region", "request_id", "retries"}
        assert each["http"]["response"]["status"] == 200
    (engine,) = [each for each in calls(search) if each["name"] == "opensearch"]
    assert engine["namespace"] == "remote" and engine["error"] is True
    assert engine["annotations"].keys() == {"operation", "error"}
    stored, missing = calls(step)
    assert (stored["aws"]["operation"], missing["aws"]["operation"]) == ("PutObject", "GetObject")
    assert missing["annotations"] == {"error": "NoSuchKey"} and missing["error"] is True
    assert [re.search("Parent=([0-9a-f]+)", header)[1] for header in told["headers"]] == [  # type: ignore[index]
        stored["id"],
        missing["id"],
    ]
    assert all(header.startswith(f"Root={ROOT_ID};") and "Lineage=1:abcd1234:0" in header for header in told["headers"])


def test_a_trace_holds_nothing_of_a_tenant_a_person_or_a_document(sampled: Sampled) -> None:
    told, sent = sampled
    text = json.dumps(sent)
    assert len(text) > 2_000
    for word in (told["tenant"], told["user"], "Adams", "adams", "secret", "acme", "doc_", "exception"):
        assert word not in text, word


def test_a_warm_environment_traces_what_is_sampled_and_nothing_else(daemon: Daemon) -> None:
    other = SAMPLED.replace(ROOT_ID, "1-5759e988-000000000000000000000000")
    runs(UNSAMPLED, SAMPLED, UNSAMPLED, other, AWS_XRAY_DAEMON_ADDRESS=daemon.address)
    whole = [each for each in daemon.received() if each["name"] == "## documents"]
    assert [each["trace_id"] for each in whole] == [ROOT_ID] * 3 + ["1-5759e988-000000000000000000000000"] * 3
