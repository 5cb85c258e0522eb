"""Runs a job of the platform at once, as an operator would, and waits until the run has ended."""

from __future__ import annotations

import time
from typing import Any

from local import operators
from local.settings import LocalSettings

_JOBS = "/operator/v1/jobs"
_LONGEST_WAIT = 300.0  # seconds


def run(settings: LocalSettings, region: str, name: str) -> int:
    """Prints the run when it has ended. Returns 1 for a job that does not exist, that failed, or that takes too long."""
    started = operators.call(settings, region, "POST", f"{_JOBS}/{name}/runs")
    if started.status_code != 202:
        print(f"{started.json()['title']}; ./dp job shows all jobs")
        return 1
    due, deadline = started.json()["due"], time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < deadline:
        listed = operators.call(settings, region, "GET", f"{_JOBS}/{name}/runs").json()["items"]
        found = [each for each in listed if each["due"] == due]
        if found and found[0]["ended_at"]:
            print(_line(found[0]))
            return 0 if found[0]["state"] == "done" else 1
        time.sleep(0.3)
    print(f"{name} has not ended after {_LONGEST_WAIT:.0f} seconds; ./dp logs shows what it does")
    return 1


def show(settings: LocalSettings, region: str) -> int:
    """Prints the region's jobs, each with its newest run."""
    for job in operators.call(settings, region, "GET", _JOBS).json()["items"]:
        of = "each tenant" if job["per_tenant"] else "the region"
        print(f"{job['name']:16} every {job['period'] // 60:4} minutes, for {of}")
        if job["newest_run"]:
            print(f"{'':16} {_line(job['newest_run'])}")
    return 0


def _line(run: dict[str, Any]) -> str:
    counts = f"{run['succeeded']} of {run['queued']} succeeded" + (f", {run['failed']} failed" if run["failed"] else "")
    return f"due {run['due']}: {run['state']}, {counts}"
