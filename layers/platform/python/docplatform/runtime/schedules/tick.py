"""The tick of a job: a message for each tenant on the queue of the job's function. It does none of the job's work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Protocol

from docplatform.runtime.schedules.model import REGION, Job, JobNotFound, Run, RunState, new_run
from docplatform.runtime.schedules.store import RunStore

_BATCH = (
    10  # messages of one call (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html)
)


class TenantList(Protocol):
    def ids_in_region(self, cursor: str) -> tuple[list[str], str]:
        """A page of the ids of the region's tenants, and the cursor of the next one: '' after the last."""


class Queue(Protocol):
    def send(self, queue_url: str, bodies: Mapping[str, str]) -> None:
        """Put messages on a queue, each in the group of its name. Raises OSError-like errors of the SDK when some were not taken."""


class Tick:
    def __init__(
        self, jobs: Mapping[str, Job], runs: RunStore, tenants: TenantList, queue: Queue, now: Callable[[], datetime]
    ) -> None:
        self._jobs, self._runs, self._tenants, self._queue, self._now = jobs, runs, tenants, queue, now

    def tick(self, name: str, due: datetime) -> Run:
        """Begin the run, or go on with one that broke off. Raises JobNotFound, InvalidDueTime."""
        job = self._jobs.get(name)
        if job is None:
            raise JobNotFound("Look at the list of jobs.")
        run = self._runs.begin(new_run(job, due, self._now()))
        while run.state is RunState.QUEUEING:
            ids, cursor = self._tenants.ids_in_region(run.cursor) if job.per_tenant else ([REGION], "")
            self._send(job, run, ids)
            run = self._runs.advance(run, queued=len(ids), cursor=cursor)
        if run.is_complete:
            self._runs.end(run, self._now())  # there is no tenant, or all were faster than this tick
        return run

    def _send(self, job: Job, run: Run, parts: list[str]) -> None:
        for batch in _batches(parts):
            bodies = {part: json.dumps({"job": job.name, "due": run.due.isoformat(), "part": part}) for part in batch}
            self._queue.send(job.queue_url, bodies)


def _batches(parts: list[str]) -> Iterator[list[str]]:
    rest = iter(parts)
    while batch := list(islice(rest, _BATCH)):
        yield batch
