"""Jobs and workflows in the course of time, in a cloud of their own whose clock is moved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.testing import Cloud, own_cloud
from tests.e2e.client import Member, TenantSite, create_tenant, operator, problem
from tests.e2e.conftest import US

MINUTE = 60
JOBS = "/operator/v1/jobs"
RECOVERY = 300.0  # seconds until a workflow that was started again has ended, on a slow machine
STATES = ("verify", "extract", "index", "finish")
"""The functions of the workflow's states, in order. Four kills: an operation is started again five times at most."""
LARGE = b"A line of a long report.\n" * 2_100_000


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with own_cloud() as running:
        yield running


OFTEN = ("watch", "operations", "tenants")
"""Jobs whose next run is due when the one before it must have ended."""


@pytest.fixture(scope="module")
def home(cloud: Cloud) -> TenantSite:
    return create_tenant(cloud, US, "enterprise")


@pytest.fixture(scope="module")
def ann(home: TenantSite) -> Member:
    return home.invites("editor")


def runs(cloud: Cloud, job: str) -> list[dict[str, Any]]:
    answer = operator(cloud, US, "GET", f"{JOBS}/{job}/runs")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def ended(cloud: Cloud, job: str, due: str) -> bool:
    return any(each["due"] == due and each["ended_at"] for each in runs(cloud, job))


@contextmanager
def without_events(cloud: Cloud, *rules: str) -> Iterator[None]:
    """Nobody is told of files that arrive, or of the results of their scans."""
    events = cloud.root("events", US)
    for rule in rules:
        events.disable_rule(Name=f"docplatform-{rule}")
    try:
        yield
    finally:
        for rule in rules:
            events.enable_rule(Name=f"docplatform-{rule}")


@contextmanager
def without_consumer(cloud: Cloud, function: str) -> Iterator[None]:
    """The queue of a function's jobs is not read."""
    functions = cloud.root("lambda", US)
    (mapping,) = functions.list_event_source_mappings(FunctionName=f"docplatform-{function}")["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def test_a_schedule_finds_an_upload_whose_event_never_came(cloud: Cloud, ann: Member) -> None:
    with without_events(cloud, "uploads", "scan-results"):
        document_id = ann.uploads("lost.txt", b"nobody was told", "text/plain")
    assert ann.document(document_id)["processing"]["state"] == "awaiting_upload"
    before = {each["due"] for each in runs(cloud, "missed-uploads")}
    cloud.forward(46 * MINUTE)  # the file is left alone for half an hour, and the job runs every quarter
    assert ann.waits_for(document_id)["processing"]["state"] == "ready"
    new = [each for each in runs(cloud, "missed-uploads") if each["due"] not in before]
    assert len({each["due"] for each in new}) == len(new) >= 1
    assert {each["failed"] for each in new} == {0}


def test_a_schedule_takes_the_result_of_a_scan_whose_event_never_came(cloud: Cloud, ann: Member) -> None:
    with without_events(cloud, "scan-results"):
        document_id = ann.uploads("unheard.txt", b"its result was lost", "text/plain")
        cloud.eventually(lambda: ann.document(document_id)["processing"]["step"] == "scanning")
    document = ann.document(document_id)
    assert (document["processing"]["state"], document["version"]["scan"]) == ("processing", "not_scanned")
    assert problem(ann.asks("GET", f"/v1/documents/{document_id}/content")) == (409, "not_ready")
    cloud.forward(46 * MINUTE)
    document = ann.waits_for(document_id)
    assert (document["processing"]["state"], document["version"]["scan"]) == ("ready", "clean")


def test_an_erasure_is_on_record_when_no_search_finds_the_document(cloud: Cloud, home: TenantSite, ann: Member) -> None:
    document_id = ann.uploads("gone.txt", b"a numbat was here", "text/plain")
    ann.waits_for(document_id)
    ann.finds("numbat", document_id)
    assert ann.asks("DELETE", f"/v1/documents/{document_id}").status_code == 204
    cloud.forward(16 * MINUTE)  # the index shows a deletion late, and a job checks it every quarter
    cloud.eventually(lambda: "document.erased" in cloud.audit_actions(US, home.id, document_id))
    assert ann.searches("numbat")["items"] == []


def test_an_operator_runs_a_job_at_once(cloud: Cloud, ann: Member) -> None:
    started = operator(cloud, US, "POST", f"{JOBS}/operations/runs")
    assert started.status_code == 202, started.text
    cloud.eventually(lambda: ended(cloud, "operations", started.json()["due"]))
    assert operator(cloud, US, "POST", f"{JOBS}/nothing/runs").status_code == 404
    job = f"{JOBS}/operations/runs"
    before = len(runs(cloud, "operations"))
    assert problem(ann.site.ask("POST", job)) == (404, "unknown_route")  # as API Gateway answers without a signature
    assert problem(ann.asks("POST", job)) == (400, "malformed_request")  # a token is none
    assert len(runs(cloud, "operations")) == before


def test_a_workflow_that_is_killed_with_the_cloud_at_each_of_its_states_goes_on(cloud: Cloud, ann: Member) -> None:
    document_id = ann.uploads("report.txt", LARGE, "text/plain")
    for step in STATES:
        kills_in(cloud, step)
        cloud.forward(6 * MINUTE)  # the sweep comes every five minutes
    document = ann.waits_for(document_id, timeout=RECOVERY)
    assert document["processing"]["state"] == "ready", document["processing"]
    assert ann.finds("long report", document_id)  # it is longer than what the engine highlights
    cloud.forward(6 * MINUTE)
    version = document["version"]["id"]
    cloud.eventually(lambda: operation(cloud, version)["state"] == {"S": "done"})
    assert operation(cloud, version)["restarts"] == {"N": str(len(STATES))}


def kills_in(cloud: Cloud, step: str) -> None:
    """Kills the step's worker while it works, and the whole cloud at once."""
    deadline = time.monotonic() + RECOVERY
    while not cloud.kill_worker(US, f"processing-{step}"):
        assert time.monotonic() < deadline, f"no worker of {step} was seen at work"
        time.sleep(0.01)
    cloud.kill_and_start()


def operation(cloud: Cloud, version: str) -> dict[str, Any]:
    items = cloud.root("dynamodb", US).scan(TableName="docplatform-operations")["Items"]
    (found,) = [each for each in items if each["sk"]["S"] == f"processing#{version}"]
    return dict(found)


def test_a_run_that_is_late_starts_the_alarm_and_its_end_ends_it(cloud: Cloud) -> None:
    def state() -> str:
        found = cloud.root("cloudwatch", US).describe_alarms(AlarmNames=["docplatform-jobs-late"])["MetricAlarms"]
        return str(found[0]["StateValue"])

    def watched() -> str:
        """When the newest look of the watch was due that has ended."""
        return max((str(each["due"]) for each in runs(cloud, "watch") if each["ended_at"]), default="")

    def passes(minutes: int) -> None:
        """Time passes, and the watch looks every five minutes. What else runs as often has time to end before its deadline."""
        for _ in range(minutes // 5):
            before = watched()
            cloud.forward(5 * MINUTE)
            cloud.eventually(lambda last=before: watched() > last)  # type: ignore[misc]
            cloud.eventually(lambda: all(each["ended_at"] for job in OFTEN for each in runs(cloud, job)))

    passes(15)
    cloud.eventually(lambda: state() == "OK")
    with without_consumer(cloud, "ingestion-recover"):
        passes(60)  # due within a quarter, late after another, then three periods of the alarm
        cloud.eventually(lambda: state() == "ALARM")
    cloud.eventually(lambda: all(each["ended_at"] for each in runs(cloud, "missed-uploads")))
    passes(15)
    cloud.eventually(lambda: state() == "OK")
