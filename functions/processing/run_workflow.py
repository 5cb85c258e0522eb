"""Runs the workflow for each queued upload and waits until it ends.

A message leaves the queue only when its document is ready or has failed. If a worker, this function or the workflow
dies, the message comes back.

The Express workflow answers synchronously, within 5 minutes. A large file is an operation (docs/adr/0015): a Standard
execution of the same definition, with a record by which the sweeper starts it again when it dies. A message that comes
back finds the operation; the message holds the tenant's turn in the queue meanwhile.
"""

import json
import time
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from docplatform.core.isolation import Source, dropped
from docplatform.infra.credentials import own_client
from docplatform.processing.model import MalformedUpload, parse_message
from docplatform.runtime.batches import NotDone, process_queue
from docplatform.runtime.metrics import Metric, measure
from docplatform.runtime.operations.model import OperationKey, OperationState, outcome_of
from docplatform.runtime.operations.wiring import operations
from docplatform.runtime.settings import WorkflowSettings, load
from docplatform.runtime.triggers import event_handler

LARGE = 50 * 10**6  # bytes
LAST_TRY = 5  # receives of a message; the queue's redrive policy has a higher limit
_WAIT = 300  # seconds: the longest Express execution

Given = dict[str, str]  # the ids of tenant, document and version


class Outcome(NamedTuple):
    """What the workflow's output says, and when it ended."""

    text: str
    at: datetime


@event_handler("processing-queue")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_queue(event, _run)


def _run(message: dict[str, Any]) -> None:
    """Run the workflow for one message. Raises NotDone if the message must come back. A message that names no upload, or one of
    another tenant than its group, starts nothing: it raises MalformedUpload, and ends in the dead-letter queue."""
    try:
        upload, size = parse_message(message["body"], message["attributes"].get("MessageGroupId"))
    except MalformedUpload:
        dropped(Source.MESSAGE)
        raise
    last_try = int(message["attributes"]["ApproximateReceiveCount"]) >= LAST_TRY
    given = asdict(upload)
    outcome = _run_operation(given, last_try) if size > LARGE else _run_express(given, last_try)
    if outcome and outcome.text == "ready":
        queued_at = int(message["attributes"]["SentTimestamp"]) / 1000
        measure(Metric.PROCESSING_SECONDS, outcome.at.timestamp() - queued_at)


def _run_express(given: Given, give_up: bool) -> Outcome:
    """Raises NotDone if the execution failed or took too long."""
    execution = own_client("stepfunctions", read_timeout=_WAIT + 10).start_sync_execution(
        stateMachineArn=load(WorkflowSettings).express_workflow_arn, input=json.dumps({**given, "give_up": give_up})
    )
    if execution["status"] != "SUCCEEDED":
        raise NotDone
    return Outcome(outcome_of(execution), execution["stopDate"])


def _run_operation(given: Given, last_try: bool) -> Outcome | None:
    """Start the operation, or find it, and wait until it ends. Raises NotDone while it runs: the message finds it again. On the last
    try the message goes, and None is returned: the operation ends by itself."""
    key = OperationKey(given["tenant_id"], "processing", given["version_id"])
    operation = operations().refresh(operations().start(key, given))
    deadline = time.monotonic() + _WAIT
    while operation.state is OperationState.RUNNING:
        if last_try:
            return None
        if time.monotonic() > deadline:
            raise NotDone
        time.sleep(2)
        operation = operations().refresh(operation)
    if operation.state is OperationState.FAILED or operation.ended_at is None:
        return _run_express(given, give_up=True)
    return Outcome(operation.result, operation.ended_at)
