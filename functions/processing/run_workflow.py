"""Runs the workflow for each queued upload and waits until it ends.

A message leaves the queue only when its document is ready or has failed. If a worker, this function or the workflow
dies, the message comes back.

The Express workflow answers synchronously, within 5 minutes. Large files run as Standard executions of the same
definition; a message that comes back finds its execution by name.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from docplatform.infra.credentials import own_client
from docplatform.runtime.settings import WorkflowSettings, load
from docplatform.runtime.triggers import event_handler

LARGE = 50 * 10**6  # bytes
LAST_TRY = 5  # receives of a message; the queue's redrive policy has a higher limit
_WAIT = 300  # seconds: the longest Express execution
_STANDARD_RUNS = 3


@event_handler("processing-queue")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    records = event["Records"]
    with ThreadPoolExecutor(max_workers=len(records)) as pool:
        finished = list(pool.map(_run, records))
    failed = [record["messageId"] for record, done in zip(records, finished, strict=True) if not done]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _run(record: dict[str, Any]) -> bool:
    """Run the workflow for one message. Returns whether the message can leave the queue."""
    upload = json.loads(record["body"])
    last_try = int(record["attributes"]["ApproximateReceiveCount"]) >= LAST_TRY
    given = {
        **{name: upload[name] for name in ("tenant_id", "document_id", "version_id")},
        "give_up": last_try,
    }
    if upload["size"] > LARGE and not last_try:
        return _run_standard(given)
    answer = own_client("stepfunctions", read_timeout=_WAIT + 10).start_sync_execution(
        stateMachineArn=load(WorkflowSettings).express_workflow_arn, input=json.dumps(given)
    )
    return bool(answer["status"] == "SUCCEEDED")


def _run_standard(given: dict[str, Any]) -> bool:
    """Start an execution, or find the one that runs, and wait for it. A failed execution is started again under
    the next name."""
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
        while (status := client.describe_execution(executionArn=arn)["status"]) == "RUNNING":
            if time.monotonic() > deadline:
                return False  # the message comes back, and the execution is found again
            time.sleep(2)
        if status == "SUCCEEDED":
            return True
    return False
