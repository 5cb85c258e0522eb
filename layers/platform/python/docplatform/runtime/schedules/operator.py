"""Jobs as operators see them: when they ran, what became of it, and to run one at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docplatform.core.errors import raises
from docplatform.runtime.schedules.model import Job, JobNotFound, Run, new_run
from docplatform.runtime.schedules.store import RunStore


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job with its newest run; None before the first one."""

    job: Job
    newest: Run | None


class JobService:
    def __init__(
        self, jobs: Mapping[str, Job], runs: RunStore, functions: Any, tick: str, now: Callable[[], datetime]
    ) -> None:
        """``functions`` is a client of Lambda, ``tick`` the name of the function that ticks."""
        self._jobs, self._runs, self._functions, self._tick, self._now = jobs, runs, functions, tick, now

    def jobs(self) -> list[JobStatus]:
        """All jobs of the region, in order of name. One query each."""
        return [
            JobStatus(job, next(iter(self._runs.newest(name, 1)), None)) for name, job in sorted(self._jobs.items())
        ]

    @raises(JobNotFound)
    def runs(self, name: str, limit: int) -> list[Run]:
        """The newest runs, the latest first."""
        return self._runs.newest(self._job(name).name, limit)

    @raises(JobNotFound)
    def start(self, name: str) -> Run:
        """Run a job at once, as if it were due now. The tick is called asynchronously: a region may have many tenants."""
        at = self._now().replace(microsecond=0)
        run = new_run(self._job(name), at, at)
        event = {"job": name, "due": run.due.isoformat()}
        self._functions.invoke(FunctionName=self._tick, InvocationType="Event", Payload=json.dumps(event).encode())
        return run

    def _job(self, name: str) -> Job:
        job = self._jobs.get(name)
        if job is None:
            raise JobNotFound("Look at the list of jobs.")
        return job
