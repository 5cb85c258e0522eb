"""The watch over all jobs: counts the runs that are late. An alarm stands on the count, and on its absence."""

from typing import Any

from docplatform.runtime.batches import process_queue
from docplatform.runtime.metrics import Metric, measure
from docplatform.runtime.schedules.model import Counts
from docplatform.runtime.schedules.wiring import consumer, watch
from docplatform.runtime.triggers import event_handler


@event_handler("job-watch")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return process_queue(event, consumer({"watch": _watch}).consume)


def _watch(_part: str, _run: str) -> Counts:
    late = watch().late()
    measure(Metric.JOBS_LATE, sum(late.values()))
    return late
