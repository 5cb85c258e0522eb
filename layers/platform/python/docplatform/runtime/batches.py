"""Batches of records from streams and queues, with Powertools' Batch. Each record is processed by itself, and AWS
delivers a failed record again.

Only functions that streams and queues call import this module, because importing Batch takes a tenth of a cold start
(docs/adr/0010).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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

from docplatform.core.tenant import tenant_scope
from docplatform.runtime.telemetry import add_error

Response = dict[str, Any]
StreamKeys = dict[str, dict[str, str]]


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


def process_stream(
    event: dict[str, Any],
    target_of: Callable[[StreamKeys], tuple[str, str] | None],
    handle: Callable[[str, str, str], None],
) -> Response:
    """Process the records of a table's stream. The stream resumes at the first failure (ReportBatchItemFailures).

    ``target_of``: returns the ids of the tenant and of the resource that a record's keys name, or None to skip the
    record. ``handle``: called with both ids and the record's id, once for each resource in the batch.
    """
    done: set[tuple[str, str]] = set()

    def each(record: DynamoDBRecord) -> None:
        raw = record.raw_event
        target = target_of(raw["dynamodb"]["Keys"])
        if target is None or target in done:
            return
        with tenant_scope():  # a batch has records of several tenants
            try:
                handle(*target, raw["eventID"])
            except Exception as error:
                add_error(error)
                raise
        done.add(target)

    return dict(process_partial_response(event, each, _StopAtFirstFailure()))


def process_images(event: dict[str, Any], handle: Callable[[dict[str, Any]], None]) -> Response:
    """Process each record of a table's stream, with its images, in order. The stream resumes at the first failure."""

    def each(record: DynamoDBRecord) -> None:
        try:
            handle(record.raw_event)
        except Exception as error:
            add_error(error)
            raise

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
