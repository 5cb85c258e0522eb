"""The job that completes tenants: it makes search collections, and removes those of tenants that have ended."""

from typing import Any

from docplatform.control_plane.wiring import settle_tenants
from docplatform.runtime.batches import process_queue
from docplatform.runtime.schedules.model import Counts
from docplatform.runtime.schedules.wiring import consumer
from docplatform.runtime.triggers import event_handler


@event_handler("tenants-settle")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_queue(event, consumer({"tenants": _settle}).consume)


def _settle(_part: str, run: str) -> Counts:
    """Raises the first error of a single tenant, after all others have taken their step."""
    settled = settle_tenants(run)
    if settled.errors:
        raise settled.errors[0]
    return {"unsettled": settled.unsettled, "activated": settled.activated, "removed": settled.removed}
