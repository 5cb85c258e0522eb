"""The sweep over operations: starts those again whose executions have died. An alarm stands on those that have failed."""

from typing import Any

from docplatform.runtime.batches import process_queue
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.operations.model import OperationKey
from docplatform.runtime.operations.wiring import sweep
from docplatform.runtime.schedules.model import Counts
from docplatform.runtime.schedules.wiring import consumer
from docplatform.runtime.telemetry import add_facts
from docplatform.runtime.triggers import event_handler


@event_handler("operations-sweep")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_queue(event, consumer({"operations": _sweep}).consume)


def _sweep(_part: str, _run: str) -> Counts:
    """Raises the first error of a single operation, after all others have been checked."""
    swept = sweep()
    for _ in swept.failed:
        count(Metric.OPERATIONS_FAILED)
    add_facts(restarted_operations=_texts(swept.restarted), failed_operations=_texts(swept.failed))
    if swept.errors:
        raise swept.errors[0]
    counts = {"checked": swept.checked, "ended": swept.ended}
    return {**counts, "restarted": len(swept.restarted), "failed": len(swept.failed)}


def _texts(keys: list[OperationKey]) -> list[str]:
    return [f"{key.tenant_id} {key.kind} {key.id}" for key in keys]
