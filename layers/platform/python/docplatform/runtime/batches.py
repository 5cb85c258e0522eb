"""Batches of records from streams and queues, with Powertools' Batch. Each record is processed by itself, and AWS
delivers a failed record again.

Only functions that streams and queues call import this module, because importing Batch takes a tenth of a cold start
(docs/adr/0010).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
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

from docplatform.core.errors import ChangedMeanwhile
from docplatform.core.jitter import jitter
from docplatform.core.tenant import tenant_scope
from docplatform.infra.credentials import own_client
from docplatform.runtime.settings import StreamSettings, load
from docplatform.runtime.telemetry import add_error
from docplatform.runtime.transient_errors import is_transient

Response = dict[str, Any]
StreamKeys = dict[str, dict[str, str]]


_ATTEMPTS = 3  # at a record while others change the same items


class NotDone(Exception):
    """The record must be delivered again, although no error has occurred."""


class _StopAtFirstFailure(BatchProcessor):
    """Processes records in order and stops at the first error. Lambda resumes the stream at that record, so the
    later records are delivered again. Not processing them now keeps the order of the changes of one item. At a record that is
    NotDone it goes on: what only waits holds up nobody in its batch."""

    def __init__(self) -> None:
        super().__init__(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)

    def process(self) -> list[tuple[Any, ...]]:
        done: list[tuple[Any, ...]] = []
        for record in self.records:
            done.append(self._process_record(record))
            if self.exceptions and not isinstance(self.exceptions[-1][1], NotDone):
                break
        return done


@contextmanager
def _aside(record: dict[str, Any]) -> Iterator[None]:
    """Send the record to the function's dead-letter queue if it fails; raise errors that pass by themselves, and NotDone."""
    try:
        yield
    except NotDone:
        raise
    except Exception as error:
        add_error(error)
        if is_transient(error):
            raise
        set_aside(record, error)


def _attempted(handle: Callable[[], None]) -> None:
    """Call ``handle`` until nobody has changed its items meanwhile, three times at most: a tenant can make items that look as if
    they were always changing."""
    for left in reversed(range(_ATTEMPTS)):
        try:
            handle()
            return
        except ChangedMeanwhile:
            if not left:
                raise
            time.sleep(jitter(0.1))  # full jitter: others write the same items


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

    A record that fails by its own content goes to the dead-letter queue at once, and the stream goes on: the records of other
    tenants do not wait for its retries. At an error that passes by itself (``transient_errors.py``) the stream resumes at the
    record (ReportBatchItemFailures).

    ``target_of``: returns the ids of the tenant and of the resource that a record's keys name, or None to skip the
    record. ``handle``: called with both ids and the record's id, once for each resource in the batch. It may raise NotDone.
    """
    done: set[tuple[str, str]] = set()

    def each(record: DynamoDBRecord) -> None:
        raw = record.raw_event
        with tenant_scope(), _aside(raw):  # a batch has records of several tenants
            target = target_of(raw["dynamodb"]["Keys"])
            if target is None or target in done:
                return
            _attempted(partial(handle, *target, raw["eventID"]))
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
