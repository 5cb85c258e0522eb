"""Every trigger and every kind of route has a real sample in ``events/``, and a test replays it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cdk import specs
from docplatform.core.errors import DomainError, NotFound, Unavailable
from docplatform.library.errors import DocumentNotFound
from docplatform.runtime.spec import Auth, FunctionSpec, Trigger
from tests.support.mocked_aws import ROOT, Cloud, function
from tests.support.mocked_region import new_house, sample

ROUTES = {Auth.TENANT: "api-request", Auth.PUBLIC: "api-request", Auth.OPERATOR: "operator-request"}
TRIGGERS = {
    Trigger.UPLOAD: "upload",
    Trigger.PLAN_QUEUE: "plan-queue",
    Trigger.DOCUMENT_STREAM: "table-stream",
    Trigger.SESSION_STREAM: "table-stream",
    Trigger.AUDIT_STREAM: "audit-stream",
    Trigger.WORKFLOW: "workflow-step",
    Trigger.AUTHORIZER: "authorizer",
    Trigger.LIVE_AUTHORIZER: "live-authorizer",
    Trigger.LIVE_SOCKETS: "live-event",
    Trigger.FILE_OPENER: "file-opener",
    Trigger.CLOUD_TRAIL: "cloud-trail",
    Trigger.TICK: "schedule",
    Trigger.JOBS: "job-queue",
    Trigger.RESET_QUEUE: "reset-queue",
}
FUNCTIONS = specs.discover()


def without_sample(functions: list[FunctionSpec]) -> list[str]:
    """What calls these functions and has no file."""
    files = {file.stem for file in (ROOT / "events").glob("*.json")}
    callers = [
        *(each.trigger for each in functions if each.trigger),
        *(m.auth for each in functions for m in each.mounts),
    ]
    known: dict[Trigger | Auth, str] = {**ROUTES, **TRIGGERS}
    return sorted({caller.value for caller in callers if known.get(caller) not in files})


def test_everything_that_calls_a_function_has_a_sample() -> None:
    assert without_sample([each.spec for each in FUNCTIONS]) == []


def test_a_caller_without_a_sample_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(TRIGGERS, Trigger.TICK)
    assert without_sample([each.spec for each in FUNCTIONS]) == ["tick"]


def test_every_sample_is_something_that_calls_a_function_and_is_replayed() -> None:
    files = {file.stem for file in (ROOT / "events").glob("*.json")}
    assert files == {*ROUTES.values(), *TRIGGERS.values(), "scan-result"}  # the other event of uploads
    tests = [file.read_text() for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__)]
    replayed = {name for text in tests for name in re.findall(r'sample\(\s*"([a-z-]+)"', text)} | {"workflow-step"}
    assert files <= replayed


STEPS = [each for each in FUNCTIONS if each.spec.trigger is Trigger.WORKFLOW and each.spec.name != "processing-fail"]


@pytest.mark.parametrize("step", STEPS, ids=lambda each: each.spec.name)
def test_a_step_takes_the_sample_and_finds_no_such_document(region: Cloud, step: specs.Deployable) -> None:
    event = sample(
        "workflow-step",
        TENANT=new_house(region).facts["id"],
        DOCUMENT="doc_01m83gqsf9bafswwtw7dk31ryr",
        VERSION="ver_01m83gqsf9af5vhyvhmg4ddfcy",
    )
    with pytest.raises((DocumentNotFound, Unavailable)):  # there is no search engine here
        function(step.folder.name, step.spec.handler.partition(".")[0]).handler(event, None)


def test_a_step_of_an_unknown_tenant_does_nothing(region: Cloud) -> None:
    event = sample(
        "workflow-step",
        TENANT="t999999999999",
        DOCUMENT="doc_01m83gqsf9bafswwtw7dk31ryr",
        VERSION="ver_01m83gqsf9af5vhyvhmg4ddfcy",
    )
    with pytest.raises(NotFound):
        function("processing", "verify").handler(event, None)
    with pytest.raises(DomainError):
        function("processing", "mark_failed").handler(event, None)


def test_the_operators_page_lists_every_job_as_its_spec_declares_it() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    listed = re.findall(
        r"^\| `([a-z-]+)` \| every (\d+) minutes \| (each tenant|the region) \| (\d+) minutes \|", page, re.M
    )
    declared = [
        (
            job.name,
            str(job.cadence.period // 60),
            "each tenant" if job.per_tenant else "the region",
            str(job.deadline // 60),
        )
        for job, _ in specs.schedules(FUNCTIONS)
    ]
    assert listed == declared
