"""Jobs and runs as operators see them."""

from typing import Annotated

from pydantic import Field

from docplatform.http.schemas import Schema, Timestamp, View
from docplatform.runtime.schedules.model import RunState
from docplatform.runtime.schedules.operator import JobStatus


class NewestRuns(Schema):
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class RunView(View):
    """``queued`` counts the parts of the run: one for each tenant, or one for a job of the region."""

    job: str
    due: Timestamp
    state: RunState
    begun_at: Timestamp
    late_at: Timestamp
    ended_at: Timestamp | None
    queued: int
    succeeded: int
    failed: int


class JobView(Schema):
    """``period`` and ``deadline`` in seconds."""

    name: str
    per_tenant: bool
    period: int
    deadline: int
    newest_run: RunView | None

    @staticmethod
    def of(status: JobStatus) -> "JobView":
        job = status.job
        return JobView(
            name=job.name,
            per_tenant=job.per_tenant,
            period=job.period,
            deadline=job.deadline,
            newest_run=RunView.model_validate(status.newest) if status.newest else None,
        )
