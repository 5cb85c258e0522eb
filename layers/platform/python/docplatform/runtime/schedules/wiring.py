"""Jobs of this function, from the settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from functools import cache

from docplatform.core.time import now
from docplatform.infra.credentials import own_client
from docplatform.infra.queues import SqsQueues
from docplatform.runtime.schedules.consumer import Consumer, JobTask
from docplatform.runtime.schedules.model import Job
from docplatform.runtime.schedules.operator import JobService
from docplatform.runtime.schedules.store import RunStore
from docplatform.runtime.schedules.tick import Tick
from docplatform.runtime.schedules.watch import Watch
from docplatform.runtime.settings import JobRecordSettings, JobSettings, JobStartSettings, JobWorkSettings, load
from docplatform.runtime.tenant_access import registry


@cache
def runs() -> RunStore:
    return RunStore(own_client("dynamodb"), load(JobRecordSettings).operations_table)


@cache
def jobs() -> Mapping[str, Job]:
    """All jobs of the region by name."""
    return {name: Job(name=name, **facts) for name, facts in load(JobSettings).jobs.items()}


class _RegionTenants:
    def ids_in_region(self, cursor: str) -> tuple[list[str], str]:
        return registry().ids_in_region(os.environ["AWS_REGION"], cursor)


def tick() -> Tick:
    return Tick(jobs(), runs(), _RegionTenants(), SqsQueues(own_client("sqs")), now)


def watch() -> Watch:
    return Watch(jobs(), runs(), now)


def consumer(work: Mapping[str, JobTask]) -> Consumer:
    """``work``: what each job of this function does."""
    return Consumer(work, runs(), now, lease=timedelta(seconds=load(JobWorkSettings).function_timeout))


def job_service() -> JobService:
    return JobService(jobs(), runs(), own_client("lambda"), load(JobStartSettings).tick_function, now)
