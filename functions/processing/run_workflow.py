"""Runs the workflow for each queued upload and waits until it ends.

A message leaves the queue only when its document is ready or has failed. If a worker, this function or the workflow
dies, the message comes back.

The Express workflow answers synchronously, within 5 minutes. Large files run as Standard executions of the same
definition; a message that comes back finds its execution by name.
"""

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from docplatform.infra.credentials import own_client
from docplatform.runtime.batches import NotDone, process_queue
from docplatform.runtime.metrics import Metric, measure
from docplatform.runtime.settings import WorkflowSettings, load
from docplatform.runtime.triggers import event_handler

LARGE = 50 * 10**6  # bytes
LAST_TRY = 5  # receives of a message; the queue's redrive policy has a higher limit
_WAIT = 300  # seconds: the longest Express execution
_STANDARD_RUNS = 3

Execution = dict[str, Any]  # as Step Functions describes it


@event_handler("processing-queue")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_queue(event, _run)


def _run(message: dict[str, Any]) -> None:
    """Run the workflow for one message. Raises NotDone if the message must come back."""
    upload = json.loads(message["body"])
    last_try = int(message["attributes"]["ApproximateReceiveCount"]) >= LAST_TRY
    given = {
        **{name: upload[name] for name in ("tenant_id", "document_id", "version_id")},
        "give_up": last_try,
    }
    execution = _run_standard(given) if upload["size"] > LARGE and not last_try else _run_express(given)
    if json.loads(execution.get("output") or "{}").get("outcome") == "ready":
        queued_at = int(message["attributes"]["SentTimestamp"]) / 1000
        measure(Metric.PROCESSING_SECONDS, execution["stopDate"].timestamp() - queued_at)


def _run_express(given: dict[str, Any]) -> Execution:
    """Raises NotDone if the execution failed or took too long."""
    execution: Execution = own_client("stepfunctions", read_timeout=_WAIT + 10).start_sync_execution(
        stateMachineArn=load(WorkflowSettings).express_workflow_arn, input=json.dumps(given)
    )
    if execution["status"] != "SUCCEEDED":
        raise NotDone
    return execution


def _run_standard(given: dict[str, Any]) -> Execution:
    """Start an execution, or find the one that runs, and wait for it. A failed execution is started again under
    the next name. Raises NotDone if none has succeeded, or if one still runs: the message finds it again."""
    client = own_client("stepfunctions")
    machine = load(WorkflowSettings).standard_workflow_arn
    deadline = time.monotonic() + _WAIT
    for run in range(_STANDARD_RUNS):
        name = f"{given['version_id']}-{run}"
        try:
            arn = client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))["executionArn"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        while (execution := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() > deadline:
                raise NotDone
            time.sleep(2)
        if execution["status"] == "SUCCEEDED":
            return dict(execution)
    raise NotDone
