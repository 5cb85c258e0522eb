"""Traces of the local cloud: what the listener takes, how a trace goes on, and how ``./dp traces`` shows it."""

from __future__ import annotations

import json
import socket
import sysconfig
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import traces as shown
from local.aws import client
from local.cloud import traces
from local.settings import LocalSettings
from local.testing import Cloud, empty_cloud
from tests.local_cloud.lambdas import HERE, deployed, invoked, packed

HEADER = b'{"format": "json", "version": 1}\n'
ROOT = "1-67891233-abcdef012345678912345678"
SEGMENT = {"name": "it", "id": "70de5b6f19ff9a0a", "trace_id": ROOT, "start_time": 1.0, "end_time": 1.5}


def datagram(**changes: Any) -> bytes:
    return HEADER + json.dumps({**SEGMENT, **changes}).encode()


def test_the_daemons_protocol_is_understood() -> None:
    assert traces.segment_of(datagram()) == SEGMENT
    assert traces.segment_of(datagram(parent_id="70de5b6f19ff9a0b", type="subsegment", in_progress=True)) is not None


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff\xfe\x00",
        HEADER,
        HEADER + b"{",
        HEADER + b"[]",
        HEADER + b"[" * 60_000,
        b'{"format": "json", "version": 2}\n' + datagram().partition(b"\n")[2],
        b"[]\n" + datagram().partition(b"\n")[2],
        datagram(name=None),
        datagram(id=7),
        datagram(id="70DE5B6F19FF9A0A"),
        datagram(id="../../etc/passwd"),
        datagram(trace_id="1-2-3"),
        datagram(parent_id="x"),
        datagram(parent_id=None),
        datagram(start_time="now"),
        datagram(start_time=True),
        datagram(end_time=[]),
    ],
    ids=lambda garbage: garbage[-60:].decode(errors="replace"),
)
def test_garbage_is_no_segment(garbage: bytes) -> None:
    assert traces.segment_of(garbage) is None


@pytest.mark.parametrize("header", ["", "Root=", "Root=1-2-3;Sampled=1", f"Root={ROOT};Parent=x", "=;;=", "Sampled=1"])
def test_a_header_that_names_no_trace_begins_none(header: str) -> None:
    assert traces.read(header) is None


def test_a_header_is_read_as_it_is_written() -> None:
    for trace in (traces.begun(), traces.Trace(ROOT, "70de5b6f19ff9a0a"), traces.Trace(ROOT, sampled=False)):
        assert traces.read(trace.header) == trace
    assert traces.read(f"Self=1-2-3; Root={ROOT}") == traces.Trace(ROOT)


def test_the_first_of_a_second_are_sampled_and_a_share_of_the_others() -> None:
    sampling = traces.Sampling(2)
    assert [sampling.decide(7.0 + n / 10, 0.5) for n in range(4)] == [True, True, False, False]
    assert sampling.decide(7.9, 0.04)
    assert [sampling.decide(8.0, 0.5) for _ in range(3)] == [True, True, False]
    assert not traces.Sampling(0).decide(7.0, 0.0)


def test_only_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPLATFORM_STATE", str(tmp_path))
    monkeypatch.setattr(traces, "_FULL", 1_000)
    for number in range(100):
        traces.keep({**SEGMENT, "start_time": float(number)})
    kept = [json.loads(line)["start_time"] for name in traces.FILES for line in (tmp_path / name).open()]
    assert kept == [float(number) for number in range(100 - len(kept), 100)]
    assert sum((tmp_path / name).stat().st_size for name in traces.FILES) < 2_500


def test_what_is_not_sampled_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPLATFORM_STATE", str(tmp_path))
    with traces.segment("it", "AWS::Lambda::Function", traces.Trace(ROOT, sampled=False)) as (inside, _):
        assert traces.current.get() == inside
    assert traces.current.get() is None and not list(tmp_path.iterdir())


# -- ./dp traces


@pytest.fixture
def stored(tmp_path: Path) -> LocalSettings:
    """A folder with the trace of one request, and twelve others of no parts."""

    def part(number: int, parent: int = 0, **more: Any) -> dict[str, Any]:
        about = {**SEGMENT, "name": f"part{number}", "id": f"{number:016x}", "start_time": 100.0 + number, **more}
        return about | ({"parent_id": f"{parent:016x}"} if parent else {})

    call = part(4, aws={"operation": "GetItem"}, http={"response": {"status": 200}}, end_time=104.002)
    own = part(3, 2, subsegments=[call, 7, {"id": 7}], error=True, annotations={"error": "KeyError"}, end_time=105)
    request = {"request": {"method": "GET", "url": "/v1/folders"}, "response": {"status": 404}}
    first = part(1, aws={"request_id": "r-1"}, http=request, end_time=106.0)
    unfinished = part(2, 1, in_progress=True)
    del unfinished["end_time"]
    others = [part(9, trace_id=f"1-{number:08x}-{'0' * 24}", start_time=200.0 + number) for number in range(12)]
    documents = [*others, own, unfinished, first]
    written = "".join(json.dumps(each) + "\n" for each in documents)
    (tmp_path / traces.FILES[1]).write_text(written + '{"name": "cut o')
    return LocalSettings(str(tmp_path), 0, 0, {}, "", "")


@pytest.mark.parametrize("by", ["r-1", ROOT])
def test_a_request_is_shown_as_a_tree(stored: LocalSettings, by: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown.show(stored, by) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert ROOT in first and "r-1" in first
    assert [line.split() for line in rest if line] == [
        ["part1", "GET", "/v1/folders", "5000.0", "ms", "404"],
        ["part2", "…", "not", "finished"],
        ["part3", "2000.0", "ms", "error", "KeyError"],
        ["part4", "GetItem", "2.0", "ms", "200"],
    ]
    assert [len(line) - len(line.lstrip()) for line in rest if line] == [2, 4, 6, 8]


def test_the_newest_ten_are_shown(stored: LocalSettings, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown.show(stored) == 0
    printed = [line.split()[2] for line in capsys.readouterr().out.splitlines() if "  trace " in line]
    assert printed == [f"1-{number:08x}-{'0' * 24}" for number in range(2, 12)]


def test_a_request_that_nobody_knows(stored: LocalSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown.show(stored, "r-2") == 1
    assert "r-2" in capsys.readouterr().out
    (tmp_path / traces.FILES[1]).unlink()
    assert shown.show(stored) == 1


def test_what_a_terminal_would_obey_is_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / traces.FILES[1]).write_text(
        json.dumps({**SEGMENT, "name": "\ud800 \x1b[2J", "http": 7, "aws": []}) + "\n"
    )
    assert shown.show(LocalSettings(str(tmp_path), 0, 0, {}, "", "")) == 0
    assert "? ?[2J" in capsys.readouterr().out


def test_a_circle_of_parents_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = ({**SEGMENT, "id": f"{number:016x}", "parent_id": f"{3 - number:016x}"} for number in (1, 2))
    (tmp_path / traces.FILES[1]).write_text(json.dumps(one) + "\n" + json.dumps(two) + "\n")
    assert shown.show(LocalSettings(str(tmp_path), 0, 0, {}, "", "")) == 0


# -- the emulator

CALLS = """
import os, sys
sys.path.append(os.environ["SITE"])
import boto3
def handler(event, context):
    for queue in event.get("queues", ()):
        boto3.client("sqs").send_message(QueueUrl=queue, MessageBody="it")
    for name in event.get("functions", ()):
        boto3.client("lambda").invoke(FunctionName=name, Payload=b"{}", InvocationType=event["how"])
    return {"trace": os.environ.get("_X_AMZN_TRACE_ID"), "daemon": os.environ.get("AWS_XRAY_DAEMON_ADDRESS"), "statusCode": 200}
"""


@pytest.fixture(scope="module")
def every_request_sampled() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCPLATFORM_TRACES_PER_SECOND", "1000")
        yield


@pytest.fixture(scope="module")
def cloud(every_request_sampled: None) -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        functions = client(settings, "lambda", HERE)
        for name in ("first", "second", "third"):
            code = packed("handler.py", CALLS)
            deployed(settings, name, "handler.handler", code, SITE=sysconfig.get_paths()["purelib"])
            functions.update_function_configuration(FunctionName=name, TracingConfig={"Mode": "Active"})
        yield settings


def names(settings: LocalSettings, request_id: str) -> list[str]:
    """Of all segments of the trace, in the order of time."""
    for roots in shown.kept(settings).values():
        if request_id in shown.ids(roots):
            return [line.split()[0] for line in list(shown.lines(roots))[1:]]
    return []


def root_of(answer: dict[str, Any]) -> str:
    trace = traces.read(answer["trace"])
    assert trace is not None and trace.sampled and trace.parent
    return trace.root


@pytest.mark.slow
def test_a_function_and_what_it_calls_are_one_trace(cloud: LocalSettings) -> None:
    root = root_of(invoked(cloud, "first", {"functions": ["second", "third"], "how": "RequestResponse"}))
    assert names(cloud, root) == ["first", "second", "third"]
    [[only]] = [roots for known, roots in shown.kept(cloud).items() if known == root]
    assert only.get("name") == "first" and [each.get("name") for each in only.parts] == ["second", "third"]


@pytest.mark.slow
def test_a_trace_goes_on_through_a_queue_and_an_asynchronous_call(cloud: LocalSettings) -> None:
    queues = client(cloud, "sqs", HERE)
    queue = queues.create_queue(QueueName="onwards")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client(cloud, "lambda", HERE).create_event_source_mapping(EventSourceArn=arn, FunctionName="second", BatchSize=1)
    root = root_of(invoked(cloud, "first", {"queues": [queue], "functions": ["third"], "how": "Event"}))
    Cloud.eventually(lambda: sorted(names(cloud, root)) == ["first", "second", "third"])


@pytest.mark.slow
def test_a_batch_of_two_traces_begins_its_own(cloud: LocalSettings) -> None:
    queues = client(cloud, "sqs", HERE)
    queue = queues.create_queue(QueueName="mixed")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    roots = [root_of(invoked(cloud, "first", {"queues": [queue]})) for _ in range(2)]
    before = set(shown.kept(cloud))
    client(cloud, "lambda", HERE).create_event_source_mapping(EventSourceArn=arn, FunctionName="third", BatchSize=10)
    Cloud.eventually(lambda: any(names(cloud, new) == ["third"] for new in set(shown.kept(cloud)) - before))
    assert [names(cloud, root) for root in roots] == [["first"], ["first"]]


@pytest.mark.slow
def test_a_function_that_passes_through_is_traced_with_its_caller_only(cloud: LocalSettings) -> None:
    functions = client(cloud, "lambda", HERE)
    functions.update_function_configuration(FunctionName="second", TracingConfig={"Mode": "PassThrough"})
    assert invoked(cloud, "second", {})["trace"] is None
    root = root_of(invoked(cloud, "first", {"functions": ["second"], "how": "RequestResponse"}))
    assert names(cloud, root) == ["first", "second"]
    functions.update_function_configuration(FunctionName="second", TracingConfig={"Mode": "Active"})


@pytest.mark.slow
def test_the_listener_takes_subsegments_and_outlives_garbage(cloud: LocalSettings) -> None:
    answer = invoked(cloud, "first", {})
    host, _, port = answer["daemon"].partition(":")
    trace = traces.read(answer["trace"])
    assert trace is not None and host == "127.0.0.1"
    sub = datagram(name="sub", trace_id=trace.root, parent_id=trace.parent, type="subsegment")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        lone = HEADER + json.dumps({**SEGMENT, "name": "\ud800"}).encode()  # half of a character
        for each in (b"", b"\xff", HEADER + b"[" * 60_000, lone, sub):
            sender.sendto(each, (host, int(port)))
    Cloud.eventually(lambda: names(cloud, trace.root) == ["first", "sub"])


@pytest.fixture(scope="module")
def api(cloud: LocalSettings) -> str:
    """The address of the region's API, all of whose requests go to the function ``first``."""
    gateway, functions = client(cloud, "apigateway", HERE), client(cloud, "lambda", HERE)
    made = gateway.create_rest_api(name="docplatform")
    root = gateway.get_resources(restApiId=made["id"])["items"][0]["id"]
    resource = gateway.create_resource(restApiId=made["id"], parentId=root, pathPart="{proxy+}")["id"]
    where = {"restApiId": made["id"], "resourceId": resource, "httpMethod": "ANY"}
    gateway.put_method(**where, authorizationType="NONE")
    arn = functions.get_function(FunctionName="first")["Configuration"]["FunctionArn"]
    uri = f"arn:aws:apigateway:{HERE}:lambda:path/2015-03-31/functions/{arn}/invocations"
    gateway.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=made["id"], stageName="live")
    functions.add_permission(
        FunctionName="first", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    return f"http://127.0.0.1:{cloud.region_ports[HERE]}"


@pytest.mark.slow
def test_a_request_to_the_api_is_the_root_of_its_trace(cloud: LocalSettings, api: str) -> None:
    with urllib.request.urlopen(f"{api}/v1/it") as answer:
        begun = answer.headers["X-Amzn-Trace-Id"].removeprefix("Root=")
    Cloud.eventually(lambda: names(cloud, begun) == ["docplatform/live", "first"])
    [root] = shown.kept(cloud)[begun]
    assert root.get("http") == {"request": {"method": "GET", "url": "/v1/it"}, "response": {"status": 200}}


@pytest.mark.slow
def test_a_request_goes_on_with_the_trace_that_it_names(cloud: LocalSettings, api: str) -> None:
    sampled, unsampled = (traces.Trace(traces.begun().root, sampled=each) for each in (True, False))
    for trace in (unsampled, sampled):
        request = urllib.request.Request(f"{api}/v1/it", headers={"X-Amzn-Trace-Id": trace.header})
        with urllib.request.urlopen(request):
            pass
    Cloud.eventually(lambda: names(cloud, sampled.root) == ["docplatform/live", "first"])
    assert names(cloud, unsampled.root) == []
