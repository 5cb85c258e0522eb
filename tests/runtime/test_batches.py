"""Streams and queues: only failed records are delivered again."""

from __future__ import annotations

import json
import threading
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.stub import Stubber
from opensearchpy.exceptions import AuthorizationException, RequestError

from docplatform.core.errors import ChangedMeanwhile, NotFound, Unavailable
from docplatform.core.isolation import IsolationFault, Place
from docplatform.core.tenant import TenantContextError, enter_tenant, get_current_tenant
from docplatform.infra.dynamodb.mapper import ItemMismatch
from docplatform.infra.guarded_client import guarded
from docplatform.runtime.batches import NotDone, process_queue, process_stream
from docplatform.runtime.settings import load
from docplatform.runtime.triggers import event_handler
from tests.support.tenants import a_tenant

TENANT = "t000000000001"


def stream(*things: str) -> dict[str, Any]:
    """One record for each item, in order: the first has the sequence number 1 and the id e1."""
    records = [
        {
            "eventID": f"e{number}",
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "Keys": {"pk": {"S": f"{TENANT}#doc#{thing}"}, "sk": {"S": "doc"}},
                "SequenceNumber": str(number),
            },
        }
        for number, thing in enumerate(things, start=1)
    ]
    return {"Records": records}


def target_of(keys: dict[str, dict[str, str]]) -> tuple[str, str] | None:
    tenant_id, _, rest = keys["pk"]["S"].partition("#")
    thing = rest.removeprefix("doc#")
    return None if thing == "other" else (tenant_id, thing)


class Follower:
    def __init__(self, *fails: str) -> None:
        self.fails, self.seen = fails, []

    def handle(self, tenant_id: str, thing: str, event_id: str) -> None:
        assert tenant_id == TENANT
        self.seen.append((thing, event_id))
        if thing in self.fails:
            raise OSError(f"Ann's {thing}")


def failures(response: dict[str, Any]) -> list[str]:
    assert response.keys() == {"batchItemFailures"}
    return [each["itemIdentifier"] for each in response["batchItemFailures"]]


def test_each_thing_is_handled_once_in_the_order_of_its_first_record() -> None:
    follower = Follower()
    response = process_stream(stream("a", "b", "other", "a", "c", "b"), target_of, follower.handle)
    assert failures(response) == []
    assert follower.seen == [("a", "e1"), ("b", "e2"), ("c", "e5")]


def test_a_stream_resumes_at_the_first_failure_and_nothing_after_it_is_tried_before() -> None:
    """Lambda delivers again from that record on, so later records would be processed twice and out of order."""
    follower = Follower("b", "d")
    response = process_stream(stream("a", "b", "c", "d"), target_of, follower.handle)
    assert failures(response) == ["2"]
    assert [thing for thing, _ in follower.seen] == ["a", "b"]


def test_a_thing_that_failed_is_tried_again_when_its_record_is_back() -> None:
    follower = Follower("a")
    assert failures(process_stream(stream("a"), target_of, follower.handle)) == ["1"]
    follower.fails = ()
    assert failures(process_stream(stream("a", "a"), target_of, follower.handle)) == []
    assert follower.seen == [("a", "e1"), ("a", "e1")]


def test_a_batch_that_fails_as_a_whole_is_a_response_not_an_error_and_the_line_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    follower = Follower("a")

    @event_handler("index-sync")
    def handler(event: dict[str, Any]) -> dict[str, Any]:
        return process_stream(event, target_of, follower.handle)

    assert failures(handler(stream("a"), None)) == ["1"]
    (line,) = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["level"], json.loads(line)["error"]) == ("ERROR", "OSError")
    assert "Ann" not in line


# -- a record that can never be processed
def of_aws(code: str, status: int = 400, operation: str = "GetObject", **more: Any) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(answer, operation)  # type: ignore[arg-type]


def denied_to_tenant() -> ClientError:
    """As raised by a client that has a tenant's credentials."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    plain = botocore.session.get_session().create_client("s3", region_name="eu-central-1", **keys)
    client = guarded(plain, "s3")
    with Stubber(client) as stub, pytest.raises(ClientError) as raised:
        stub.add_client_error("list_buckets", "AccessDenied", http_status_code=403)
        client.list_buckets()
    return raised.value


def named(error: Exception) -> str:
    answer = getattr(error, "response", None) or {}
    return f"{type(error).__name__}-{answer.get('Error', {}).get('Code', '')}{getattr(error, 'status_code', '')}"


BAD = [
    *(ItemMismatch("Document without name"), KeyError("pk"), NotFound("gone"), IsolationFault(Place.ITEM), TypeError()),
    *(RuntimeError(), RecursionError(), ChangedMeanwhile(), ParamValidationError(report="x")),
    *(of_aws("ValidationException"), of_aws("InvalidRequest"), of_aws("InvalidObjectState", 403), of_aws("412", 412)),
    *(of_aws("BadRequestException", 400, "PostToConnection"), of_aws("AnythingNew"), denied_to_tenant()),
    of_aws("TransactionCanceledException", CancellationReasons=[{"Code": "None"}, {"Code": "ValidationError"}]),
    *(RequestError(400, "mapper_parsing_exception", {}), AuthorizationException(403, "x", {})),
]
"""What a tenant's items, files and entries can bring about."""

PASSING = [
    *(Unavailable(), OSError(), TimeoutError()),
    *(ReadTimeoutError(endpoint_url="x"), EndpointConnectionError(endpoint_url="x"), ResponseStreamingError(error="x")),
    *(of_aws("SlowDown", 503), of_aws("InternalError", 500), of_aws("AnythingNew", 502), of_aws("AnythingNew", 429)),
    *(of_aws("ThrottlingException"), of_aws("ExpiredTokenException"), of_aws("RequestTimeout")),
    *(of_aws("AccessDenied", 403, "AssumeRole"), of_aws("AccessDeniedException", 400, "PutItem")),
    of_aws("TransactionCanceledException", CancellationReasons=[{"Code": "ThrottlingError"}]),
]


@pytest.fixture
def aside(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The messages in the dead-letter queue."""
    sent: list[dict[str, Any]] = []

    class Sqs:
        def send_message(self, QueueUrl: str, MessageBody: str) -> None:
            assert QueueUrl == "https://queue/dead"
            sent.append(json.loads(MessageBody))

    monkeypatch.setenv("DEAD_LETTERS_URL", "https://queue/dead")
    monkeypatch.setenv("REGION_ADDRESSES", "{}")
    load.cache_clear()
    monkeypatch.setattr("docplatform.runtime.batches.own_client", lambda service: Sqs())
    return sent


class Picky(Follower):
    def __init__(self, bad: str, error: Exception) -> None:
        super().__init__()
        self.bad, self.error = bad, error

    def handle(self, tenant_id: str, thing: str, event_id: str) -> None:
        super().handle(tenant_id, thing, event_id)
        if thing == self.bad:
            raise self.error


@pytest.mark.parametrize("error", BAD, ids=named)
def test_a_record_that_can_never_be_processed_holds_up_nothing(aside: list[dict[str, Any]], error: Exception) -> None:
    follower = Picky("b", error)
    assert failures(process_stream(stream("a", "b", "c", "d"), target_of, follower.handle)) == []
    assert list(dict.fromkeys(thing for thing, _ in follower.seen)) == ["a", "b", "c", "d"]
    (message,) = aside
    assert (message["eventID"], message["SequenceNumber"], message["error"]) == ("e2", "2", type(error).__name__)
    assert message["Keys"]["pk"]["S"] == f"{TENANT}#doc#b"
    assert message.keys() == {"error", "eventID", "eventSourceARN", "SequenceNumber", "Keys"}


def test_keys_of_no_known_form_are_set_aside_too(aside: list[dict[str, Any]]) -> None:
    follower, event = Follower(), stream("a", "b")
    event["Records"][0]["dynamodb"]["Keys"] = {"pk": {"N": "1"}}
    assert failures(process_stream(event, target_of, follower.handle)) == []
    assert [thing for thing, _ in follower.seen] == ["b"]
    assert [message["eventID"] for message in aside] == ["e1"]


@pytest.mark.parametrize("error", PASSING, ids=named)
def test_what_may_pass_by_itself_is_delivered_again(aside: list[dict[str, Any]], error: Exception) -> None:
    follower = Picky("b", error)
    assert failures(process_stream(stream("a", "b", "c"), target_of, follower.handle)) == ["2"]
    assert aside == []


def test_a_record_whose_items_change_meanwhile_is_tried_again_at_once(aside: list[dict[str, Any]]) -> None:
    seen: list[str] = []

    def handle(tenant_id: str, thing: str, event_id: str) -> None:
        seen.append(thing)
        if seen.count("b") < 3 and thing == "b":
            raise ChangedMeanwhile

    assert failures(process_stream(stream("a", "b", "c"), target_of, handle)) == []
    assert seen == ["a", "b", "b", "b", "c"] and aside == []


def test_a_record_that_waits_holds_up_no_other_of_its_batch(aside: list[dict[str, Any]]) -> None:
    follower = Picky("b", NotDone())
    assert failures(process_stream(stream("a", "b", "c", "d"), target_of, follower.handle)) == ["2"]
    assert [thing for thing, _ in follower.seen] == ["a", "b", "c", "d"] and aside == []


def test_a_record_that_cannot_be_set_aside_is_delivered_again(
    aside: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> None:
        raise OSError

    monkeypatch.setattr("docplatform.runtime.batches.own_client", refuse)
    follower = Picky("b", KeyError())
    assert failures(process_stream(stream("a", "b", "c"), target_of, follower.handle)) == ["2"]


def queue(*bodies: str) -> dict[str, Any]:
    records = [{"messageId": body, "body": body, "attributes": {}, "eventSource": "aws:sqs"} for body in bodies]
    return {"Records": records}


def test_messages_that_are_not_done_stay_in_the_queue() -> None:
    done: list[str] = []

    def handle(message: dict[str, Any]) -> None:
        if message["body"] in ("b", "c"):
            raise NotDone
        done.append(message["body"])

    assert failures(process_queue(queue("a", "b", "c"), handle)) == ["b", "c"]
    assert done == ["a"]
    assert failures(process_queue(queue("b", "c"), handle)) == ["b", "c"]  # not an error


def test_an_error_of_one_message_leaves_the_others_done_and_stands_in_the_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def handle(message: dict[str, Any]) -> None:
        if message["body"] == "a":
            raise OSError("Ann's file")

    @event_handler("processing-queue")
    def handler(event: dict[str, Any]) -> dict[str, Any]:
        return process_queue(event, handle)

    assert failures(handler(queue("a", "b"), None)) == ["a"]
    (line,) = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["level"], json.loads(line)["error"]) == ("ERROR", "OSError")
    assert "Ann" not in line


def test_the_line_of_a_message_that_fails_names_the_tenant_that_it_was_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def handle(message: dict[str, Any]) -> None:
        enter_tenant(a_tenant(int(message["body"])))
        if message["body"] == "2":
            raise OSError

    @event_handler("processing-queue")
    def handler(event: dict[str, Any]) -> dict[str, Any]:
        return process_queue(event, handle)

    assert failures(handler(queue("1", "2"), None)) == ["2"]
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["tenant_id"] == a_tenant(2).id


def test_an_error_of_every_message_is_raised_for_the_functions_alarm() -> None:
    def handle(message: dict[str, Any]) -> None:
        if message["body"] == "b":
            raise OSError("b")
        raise NotDone

    with pytest.raises(OSError, match="b"):
        process_queue(queue("a", "b"), handle)


def test_the_messages_of_a_queue_have_tenants_of_their_own() -> None:
    """They are processed concurrently, and none may act for another message's tenant."""
    together = threading.Barrier(2, timeout=10)
    seen: dict[str, str] = {}

    def handle(message: dict[str, Any]) -> None:
        enter_tenant(a_tenant(int(message["body"])))
        together.wait()
        seen[message["body"]] = get_current_tenant().id

    @event_handler("processing-queue")
    def handler(event: dict[str, Any]) -> dict[str, Any]:
        response = process_queue(event, handle)
        with pytest.raises(TenantContextError):
            get_current_tenant()
        return response

    assert failures(handler(queue("1", "2"), None)) == []
    assert seen == {"1": a_tenant(1).id, "2": a_tenant(2).id}


def test_messages_are_handled_at_the_same_time_however_many_come() -> None:
    """Each waits for a workflow, of up to five minutes. The event loop's own pool has only a few threads."""
    many = [str(number) for number in range(40)]
    together = threading.Barrier(len(many), timeout=10)
    assert failures(process_queue(queue(*many), lambda _: together.wait() and None)) == []
