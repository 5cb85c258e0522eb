"""The tick of every job, called by EventBridge Scheduler with the job's name and the time that its run is due."""

from datetime import datetime
from typing import Any

from docplatform.runtime.schedules.wiring import tick
from docplatform.runtime.triggers import event_handler


@event_handler("job-tick")
def handler(event: dict[str, Any]) -> dict[str, int]:
    """Raises ValueError for an event that no schedule sends."""
    name, due = event.get("job"), event.get("due")
    if not (isinstance(name, str) and isinstance(due, str)):
        raise ValueError("the event names no job or no due time")
    moment = datetime.fromisoformat(due)
    if moment.tzinfo is None:
        raise ValueError("the due time has no time zone")
    run = tick().tick(name, moment)
    return {"queued": run.queued}
