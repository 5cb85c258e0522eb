"""Batches of records from streams and queues, with Powertools' Batch. Each record is processed by itself, and AWS
delivers a failed record again.

Only functions that streams and queues call import this module, because importing Batch takes a tenth of a cold start
(docs/adr/0010).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    BatchProcessor,
    EventType,
    async_process_partial_response,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from docplatform.core.errors import ChangedMeanwhile, DomainError, Unavailable
from docplatform.core.isolation import IsolationFault
from docplatform.core.tenant import tenant_scope
from docplatform.infra.credentials import own_client
from docplatform.runtime.settings import StreamSettings, load
from docplatform.runtime.telemetry import add_error

Response = dict[str, Any]
StreamKeys = dict[str, dict[str, str]]


_NEVER = (DomainError, IsolationFault, ValueError, TypeError, LookupError, AttributeError)
_LATER = (Unavailable, ChangedMeanwhile)
"""Errors that the record itself causes: it fails as often as it is delivered. The exceptions among them pass by themselves, as
all other errors may: of AWS, of the network, of a service that does not answer."""


class NotDone(Exception):
    """The record must be delivered again, although no error has occurred."""


class _StopAtFirstFailure(BatchProcessor):
    """Processes records in order and stops at the first failure. Lambda resumes the stream at that record, so the
    later records are delivered again. Not processing them now keeps the order of the changes of one item."""

    def __init__(self) -> None:
        super().__init__(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)

    def process(self) -> list[tuple[Any, ...]]:
        done: list[tuple[Any, ...]] = []
        for record in self.records:
            done.append(self._process_record(record))
            if self.fail_messages:
                break
        return done


@contextmanager
def _aside(record: dict[str, Any]) -> Iterator[None]:
    """Send the record to the function's dead-letter queue if its own content is why it fails; raise any other error."""
    try:
        yield
    except Exception as error:
        add_error(error)
        if isinstance(error, _LATER) or not isinstance(error, _NEVER):
            raise
        set_aside(record, error)


def set_aside(record: dict[str, Any], error: Exception) -> None:
    """Put a record into the function's dead-letter queue: which it is, its keys, and the error's class. No images."""
    where = record["dynamodb"]
    message = {
        "error": type(error).__name__,
        "eventID": record["eventID"],
        "eventSourceARN": record.get("eventSourceARN", ""),
        "SequenceNumber": where["SequenceNumber"],
        "Keys": where.get("Keys", {}),
    }
    queue = load(StreamSettings).dead_letters_url
    own_client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(message))


def process_stream(
    event: dict[str, Any],
    target_of: Callable[[StreamKeys], tuple[str, str] | None],
    handle: Callable[[str, str, str], None],
) -> Response:
    """Process the records of a table's stream.

    A record that can never be processed goes to the dead-letter queue at once, and the stream goes on: the records of other
    tenants do not wait for its retries. At any other failure the stream resumes (ReportBatchItemFailures).

    ``target_of``: returns the ids of the tenant and of the resource that a record's keys name, or None to skip the
    record. ``handle``: called with both ids and the record's id, once for each resource in the batch.
    """
    done: set[tuple[str, str]] = set()

    def each(record: DynamoDBRecord) -> None:
        raw = record.raw_event
        with tenant_scope(), _aside(raw):  # a batch has records of several tenants
            target = target_of(raw["dynamodb"]["Keys"])
            if target is None or target in done:
                return
            handle(*target, raw["eventID"])
            done.add(target)

    return dict(process_partial_response(event, each, _StopAtFirstFailure()))


def process_images(event: dict[str, Any], handle: Callable[[dict[str, Any]], None]) -> Response:
    """Process each record of a table's stream, with its images, in order. Failures are treated as by ``process_stream``."""

    def each(record: DynamoDBRecord) -> None:
        with _aside(record.raw_event):
            handle(record.raw_event)

    return dict(process_partial_response(event, each, _StopAtFirstFailure()))


def process_queue(event: dict[str, Any], handle: Callable[[dict[str, Any]], None]) -> Response:
    """Process the messages of a queue concurrently, in no order. If ``handle`` raises, the message stays in the queue.

    If every message has failed, the first error other than NotDone is raised, so that the function's error metric and
    its alarm count it. If all have raised NotDone, nothing is raised.
    """
    errors: list[Exception] = []
    pool = ThreadPoolExecutor(max_workers=max(1, len(event["Records"])))

    async def each(record: SQSRecord) -> None:
        own = copy_context()  # so that each message has its own current tenant
        try:
            await asyncio.get_running_loop().run_in_executor(pool, own.run, handle, record.raw_event)
        except NotDone:
            raise
        except Exception as error:
            own.run(add_error, error)  # with the tenant that the message has entered
            errors.append(error)
            raise

    with pool:
        response = async_process_partial_response(
            event, each, AsyncBatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        )
    if errors and len(response["batchItemFailures"]) == len(event["Records"]):
        raise errors[0]
    return dict(response)
