"""The work of a job, message by message. A run is known by job, part and due time, and works once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from docplatform.core.ids import is_tenant
from docplatform.runtime.batches import NotDone
from docplatform.runtime.schedules.model import LAST_RECEIVE, REGION, Counts, PartRun, Run, RunState
from docplatform.runtime.schedules.store import RunStore, StaleRun

JobTask = Callable[[str, str], Counts]
"""The job for one tenant's id, or for REGION, and the id of the run for the audit trail."""


class MalformedMessage(ValueError):
    """A message that no tick has written."""


class Consumer:
    def __init__(
        self, jobs: Mapping[str, JobTask], runs: RunStore, now: Callable[[], datetime], *, lease: timedelta
    ) -> None:
        """``lease``: how long a consumer can work, which is the timeout of its function. The queue shows a message again after twice
        that time, so a message whose consumer has died finds the lease ended."""
        self._jobs, self._runs, self._now, self._lease = jobs, runs, now, lease

    def consume(self, message: dict[str, Any]) -> None:
        """Run the job for one message of SQS. Raises NotDone while another consumer has it, and what the job raises."""
        name, part, due = _parsed(message["body"])
        work, run = self._jobs.get(name), self._runs.run(name, due)
        if work is None or run is None:
            raise MalformedMessage(f"no run of '{name}' was due then")
        begun_at = self._now()
        mine = PartRun(part, begun_at=begun_at, lease_until=begun_at + self._lease)
        stored = self._runs.begin_part(run, mine)
        if stored.state is not RunState.RUNNING:
            self._end_if_complete(run)  # the message came twice, and its first consumer may have died before this
            return
        if stored is not mine:
            raise NotDone
        last = int(message["attributes"]["ApproximateReceiveCount"]) >= LAST_RECEIVE
        try:
            counts = work(part, f"{name}:{run.due:%Y-%m-%dT%H:%M}")
        except Exception as error:
            if not last:
                self._runs.release_part(run, mine, self._now())
                raise
            self._end(run, mine, type(error).__name__, {})
            raise
        self._end(run, mine, "", counts)

    def _end(self, run: Run, part: PartRun, error: str, counts: Counts) -> None:
        try:
            self._runs.end_part(run, part, self._now(), error=error, counts=counts)
        except StaleRun:
            return  # the lease ended before the work did, and another consumer has the part
        if present := self._runs.run(run.job, run.due):
            self._end_if_complete(present)

    def _end_if_complete(self, run: Run) -> None:
        if run.is_complete:
            self._runs.end(run, self._now())


def _parsed(body: str) -> tuple[str, str, datetime]:
    """Job, part and due time. Raises MalformedMessage."""
    try:
        found = json.loads(body)
        name, part, due = str(found["job"]), str(found["part"]), datetime.fromisoformat(found["due"])
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedMessage("not a message of a job") from error
    if part != REGION and not is_tenant(part):
        raise MalformedMessage("not a tenant's id")
    return name, part, due
