"""HTTP routes for the jobs of a region, for platform operators (SigV4): parse, delegate, present."""

from docplatform.http.router import Router
from docplatform.http.schemas import Page, Response
from docplatform.runtime.schedules.operator import JobService
from docplatform.runtime.schedules.wiring import job_service

from .schemas import JobView, NewestRuns, RunView

api = Router()


@api.get("/operator/v1/jobs", response=Page[JobView])
def list_jobs() -> Page[JobView]:
    """The region's jobs, each with its newest run."""
    return Page[JobView](items=[JobView.of(each) for each in job_service().jobs()], next_cursor=None)


@api.get("/operator/v1/jobs/{name}/runs", response=Page[RunView], use_case=JobService.runs)
def list_job_runs(name: str, query: NewestRuns) -> Page[RunView]:
    """The newest runs of a job, the latest first. Runs are kept for 90 days."""
    found = job_service().runs(name, query.limit)
    return Page[RunView](items=[RunView.model_validate(each) for each in found], next_cursor=None)


@api.post("/operator/v1/jobs/{name}/runs", response=RunView, status=202, use_case=JobService.start)
def run_job(name: str) -> Response:
    """Run a job at once. The answer shows the run as it begins; the list of runs tells how it ends."""
    run = job_service().start(name)
    return Response(RunView.model_validate(run), {"Location": f"/operator/v1/jobs/{name}/runs"})


handler = api.handler
