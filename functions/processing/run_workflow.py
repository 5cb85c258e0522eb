"""Runs the workflow for each queued upload and waits for its end, so that a message leaves the queue only when its document is
ready or failed. Whatever dies on the way (a worker, this function, the workflow), the message comes back.

The Express workflow answers synchronously, up to 5 minutes. Larger files run as Standard executions of the same definition, which
a returning message finds again by name.
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
LAST_TRY = 5  # receives; the queue's redrive policy comes after it
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
    upload = json.loads(record["body"])
    last = int(record["attributes"]["ApproximateReceiveCount"]) >= LAST_TRY
    work = {**{name: upload[name] for name in ("tenant_id", "document_id", "version_id")}, "give_up": last}
    if upload["size"] > LARGE and not last:
        return _run_standard(work)
    answer = own_client("stepfunctions", read_timeout=_WAIT + 10).start_sync_execution(
        stateMachineArn=load(WorkflowSettings).express_workflow_arn, input=json.dumps(work)
    )
    return bool(answer["status"] == "SUCCEEDED")


def _run_standard(work: dict[str, Any]) -> bool:
    """Start, or find again, an execution and watch it; a failed one is run anew under the next name."""
    client = own_client("stepfunctions")
    machine = load(WorkflowSettings).standard_workflow_arn
    deadline = time.monotonic() + _WAIT
    for run in range(_STANDARD_RUNS):
        name = f"{work['version_id']}-{run}"
        try:
            arn = client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(work))["executionArn"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        while (status := client.describe_execution(executionArn=arn)["status"]) == "RUNNING":
            if time.monotonic() > deadline:
                return False  # look again when the message is back
            time.sleep(2)
        if status == "SUCCEEDED":
            return True
    return False
