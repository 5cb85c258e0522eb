"""Jobs and their runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from docplatform.core.errors import Invalid, NotFound
from docplatform.core.time import rfc3339

Counts = dict[str, int]
"""What a run has done, by words of its own: ``{"found": 3}``."""


class JobNotFound(NotFound):
    code, title = "job_not_found", "No such job"


class InvalidDueTime(Invalid):
    code, title = "invalid_due_time", "The due time of a run cannot be used"


@dataclass(frozen=True, slots=True)
class Job:
    """A schedule of the specs. ``period`` and ``deadline`` in seconds; ``queue_url`` is of its function's queue."""

    name: str
    per_tenant: bool
    period: int
    deadline: int
    queue_url: str


class RunState(StrEnum):
    QUEUEING = "queueing"  # the tick puts its messages on the queue
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # for at least one tenant


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job in the whole region. ``late_at`` is the end of its deadline.

    ``queued``, ``succeeded`` and ``failed`` count messages: one for each tenant, or one for a job of the region. ``cursor`` is where a tick
    that broke off goes on.
    """

    job: str
    due: datetime
    begun_at: datetime
    late_at: datetime
    state: RunState = RunState.QUEUEING
    ended_at: datetime | None = None
    queued: int = 0
    succeeded: int = 0
    failed: int = 0
    cursor: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether all of its parts have ended, and only its end is not stored."""
        return self.state is RunState.RUNNING and self.succeeded + self.failed >= self.queued


@dataclass(frozen=True, slots=True)
class PartRun:
    """A run's part of one message. ``part`` is the tenant's id, or REGION. ``lease_until``: until then nobody else begins it.

    ``result`` is '' or the class of the error that ended it. ``counts`` are of the job's own words.
    """

    part: str
    begun_at: datetime
    lease_until: datetime
    state: RunState = RunState.RUNNING
    ended_at: datetime | None = None
    result: str = ""
    counts: Counts = field(default_factory=dict)


LAST_RECEIVE = 3
"""How often a message is received at most. Then it goes to the dead-letter queue."""

REGION = "region"
"""The part of a job that runs once for the region."""


def new_run(job: Job, due: datetime, now: datetime) -> Run:
    """Raises InvalidDueTime for a time that lies ahead."""
    if due > now + timedelta(minutes=1):
        raise InvalidDueTime("A run is due now or was due before.")
    return Run(job.name, due, now, max(due, now) + timedelta(seconds=job.deadline))


def due_text(due: datetime) -> str:
    """The due time as a sort key."""
    return rfc3339(due)
