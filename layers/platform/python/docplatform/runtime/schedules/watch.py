"""Which runs are late: not ended at their deadline, or not begun when they were due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from docplatform.runtime.schedules.model import Job
from docplatform.runtime.schedules.store import RunStore


class Watch:
    def __init__(self, jobs: Mapping[str, Job], runs: RunStore, now: Callable[[], datetime]) -> None:
        self._jobs, self._runs, self._now = jobs, runs, now

    def late(self) -> dict[str, int]:
        """The number of late runs by job. Jobs without one are left out."""
        at = self._now()
        found: dict[str, int] = {}
        for name, due in self._runs.late(at):
            run = self._runs.run(name, datetime.fromisoformat(due))
            if run and run.is_complete:
                self._runs.end(run, at)  # the consumer of its last part died before it ended the run
            else:
                found[name] = found.get(name, 0) + 1
        for job in self._jobs.values():
            if self._last_due(job, at) + timedelta(seconds=job.period + job.deadline) < at:
                found[job.name] = found.get(job.name, 0) + 1
        return found

    def _last_due(self, job: Job, at: datetime) -> datetime:
        """When the newest run was due, or since when the watch has waited for the first one."""
        newest = self._runs.newest(job.name, 1)
        return newest[0].due if newest else self._runs.first_seen(job.name, at)
