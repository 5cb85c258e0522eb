"""Streams and queues: each record by itself, and what failed comes again, by Powertools' Batch.

Only the functions that streams and queues call import this: Batch costs a tenth of a cold start (docs/adr/0010).
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
    """Nothing is wrong; the record is to come again."""


class _StopAtFirstFailure(BatchProcessor):
    """In order. Lambda resumes a stream at the first failure, so the records after it come again: they are not tried now, for a
    record must not overtake an earlier one of the same thing."""

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
    """The records of a table's stream; the first failure is where it resumes (ReportBatchItemFailures).

    ``target_of``: the tenant and the thing that a record's keys name; None to pass the record over. ``handle``: for both, and the record's
    id; once for each thing, however many records name it.
    """
    done: set[tuple[str, str]] = set()

    def each(record: DynamoDBRecord) -> None:
        raw = record.raw_event
        target = target_of(raw["dynamodb"]["Keys"])
        if target is None or target in done:
            return
        with tenant_scope():  # records of several tenants come together
            try:
                handle(*target, raw["eventID"])
            except Exception as error:
                add_error(error)
                raise
        done.add(target)

    return dict(process_partial_response(event, each, _StopAtFirstFailure()))


def process_queue(event: dict[str, Any], handle: Callable[[dict[str, Any]], None]) -> Response:
    """The messages of a queue without order, all at the same time. Those whose ``handle`` raises stay in the queue.

    When every one has failed, and not by NotDone alone, an error is raised on: the function's error metric, and its alarm, see it.
    """
    errors: list[Exception] = []
    pool = ThreadPoolExecutor(max_workers=max(1, len(event["Records"])))

    async def each(record: SQSRecord) -> None:
        own = copy_context()  # a tenant that one message enters is not another one's
        try:
            await asyncio.get_running_loop().run_in_executor(pool, own.run, handle, record.raw_event)
        except NotDone:
            raise
        except Exception as error:
            add_error(error)
            errors.append(error)
            raise

    with pool:
        response = async_process_partial_response(
            event, each, AsyncBatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        )
    if errors and len(response["batchItemFailures"]) == len(event["Records"]):
        raise errors[0]
    return dict(response)
