"""The job that finds uploads whose event never came, for one tenant a message."""

from typing import Any

from docplatform.processing.wiring import missed_uploads
from docplatform.runtime.batches import process_queue
from docplatform.runtime.schedules.model import Counts
from docplatform.runtime.schedules.wiring import consumer
from docplatform.runtime.triggers import event_handler, system_actor


@event_handler("missed-uploads")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_queue(event, consumer({"missed-uploads": _recover}).consume)


def _recover(tenant_id: str, run: str) -> Counts:
    return missed_uploads(system_actor(tenant_id, "missed-uploads", run)).recover()
