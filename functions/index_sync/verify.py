"""The job that completes erasures of deleted documents, for one tenant a message."""

from typing import Any

from docplatform.processing.wiring import erasures
from docplatform.runtime.batches import process_queue
from docplatform.runtime.schedules.model import Counts
from docplatform.runtime.schedules.wiring import consumer
from docplatform.runtime.triggers import event_handler, system_actor
from docplatform.search.wiring import index


@event_handler("erasures")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_queue(event, consumer({"erasures": _sweep}).consume)


def _sweep(tenant_id: str, run: str) -> Counts:
    actor = system_actor(tenant_id, "erasures", run)
    return dict(erasures(actor, lambda: index(actor.tenant)).sweep())
