"""The functions of jobs, as EventBridge Scheduler, SQS and operators call them: one sample of each in ``events/``, replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from docplatform.core.tenant import Tenant
from docplatform.runtime import settings
from docplatform.runtime.schedules import wiring
from docplatform.runtime.schedules.model import RunState
from docplatform.tenancy.registry import Registry
from tests.support.mocked_aws import BUCKET, Cloud, TenantWorld, function
from tests.support.mocked_region import operator_asks, sample


@pytest.fixture
def queues(region: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The URLs of queues, by the name of a job and of a plan."""
    client = boto3.client("sqs")
    urls = {name: client.create_queue(QueueName=name)["QueueUrl"] for name in ("missed-uploads", "watch", "standard")}
    jobs = {
        "missed-uploads": {"per_tenant": True, "period": 900, "deadline": 900, "queue_url": urls["missed-uploads"]},
        "watch": {"per_tenant": False, "period": 300, "deadline": 300, "queue_url": urls["watch"]},
    }
    monkeypatch.setenv("JOBS", json.dumps(jobs))
    monkeypatch.setenv("QUEUE_URLS", json.dumps({"standard": urls["standard"]}))
    settings.load.cache_clear()
    wiring.jobs.cache_clear()
    yield urls
    for url in urls.values():
        client.delete_queue(QueueUrl=url)
    settings.load.cache_clear()
    wiring.jobs.cache_clear()


def received(url: str) -> list[dict[str, Any]]:
    found = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return list(found.get("Messages", []))


def at(minutes: int = 0) -> str:
    """A due time of its own for each test."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def registered(region: Cloud, home: TenantWorld) -> Tenant:
    Registry(region.database, "registry").add(home.tenant)
    return home.tenant


def test_a_schedule_is_a_message_for_each_tenant_and_the_message_is_work_for_it(
    region: Cloud, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = region.tenant("initech")
    tenant, due = registered(region, home), at()
    queued = function("schedules", "tick").handler(sample("schedule", JOB="missed-uploads", DUE=due), None)["queued"]
    messages = received(queues["missed-uploads"])
    assert queued == len(messages) >= 1
    (mine,) = [each for each in messages if json.loads(each["Body"])["part"] == tenant.id]
    assert mine["Attributes"]["MessageGroupId"] == tenant.id

    document = home.member().announces("lost.txt", size=4)["document"]
    key = f"tenants/{tenant.id}/documents/{document['id']}/{document['version']['id']}/original"
    home.cloud.storage.put_object(
        Bucket=BUCKET, Key=key, Body=b"lost", Tagging="GuardDutyMalwareScanStatus=NO_THREATS_FOUND"
    )
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr("docplatform.processing.wiring.now", lambda: later)
    event = sample("job-queue", JOB="missed-uploads", DUE=due, PART=tenant.id)
    assert function("ingestion", "recover").handler(event, None) == {"batchItemFailures": []}
    (upload,) = received(queues["standard"])
    assert json.loads(upload["Body"])["document_id"] == document["id"]
    assert upload["Attributes"]["MessageGroupId"] == tenant.id
    assert function("ingestion", "recover").handler(event, None) == {"batchItemFailures": []}  # it comes twice
    assert received(queues["standard"]) == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"job": "watch"},
        {"job": "watch", "due": "soon"},
        {"job": "watch", "due": "2026-01-01T00:00:00"},
        {"job": 1, "due": 2},
    ],
)
def test_an_event_that_no_schedule_sends_is_refused(
    region: Cloud, queues: dict[str, str], event: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        function("schedules", "tick").handler(event, None)
    assert received(queues["watch"]) == []


def test_a_message_of_a_tenant_that_the_registry_does_not_know_stays_in_the_queue(
    region: Cloud, queues: dict[str, str]
) -> None:
    due = at()
    function("schedules", "tick").handler(sample("schedule", JOB="missed-uploads", DUE=due), None)
    event = sample("job-queue", JOB="missed-uploads", DUE=due, PART="t999999999999")
    with pytest.raises(Exception, match="registry does not know"):
        function("ingestion", "recover").handler(event, None)


def test_the_watch_counts_late_runs_in_one_metric(
    region: Cloud, queues: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    due = at()
    function("schedules", "tick").handler(sample("schedule", JOB="watch", DUE=due), None)
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr("docplatform.runtime.schedules.wiring.now", lambda: later)
    capsys.readouterr()
    event = sample("job-queue", JOB="watch", DUE=due, PART="region")
    assert function("schedules", "watch").handler(event, None) == {"batchItemFailures": []}
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert line["JobsLate"][0] >= 1
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]


def test_operators_see_the_jobs_and_run_one_at_once(
    region: Cloud, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[dict[str, Any]] = []
    functions = type("Functions", (), {"invoke": lambda _, **given: called.append(given)})()
    monkeypatch.setattr("docplatform.runtime.schedules.wiring.own_client", _client_of(functions))
    started = operator_asks(region, "POST", "/operator/v1/jobs/missed-uploads/runs", package="schedules")
    assert (started.status, started["state"], started["queued"]) == (202, "queueing", 0)
    (call,) = called
    assert (call["FunctionName"], call["InvocationType"]) == ("docplatform-job-tick", "Event")
    function("schedules", "tick").handler(json.loads(call["Payload"]), None)
    runs = operator_asks(region, "GET", started.headers["Location"], package="schedules")["items"]
    states = {each["due"]: each["state"] for each in runs}
    assert states[started["due"]] == RunState.RUNNING.value
    assert list(states) == sorted(states, reverse=True)
    jobs = {
        each["name"]: each for each in operator_asks(region, "GET", "/operator/v1/jobs", package="schedules")["items"]
    }
    assert jobs.keys() == {"missed-uploads", "watch"}
    assert jobs["missed-uploads"]["newest_run"] == runs[0]
    assert (jobs["watch"]["period"], jobs["watch"]["per_tenant"]) == (300, False)


def test_a_job_that_there_is_not_cannot_be_run(region: Cloud, queues: dict[str, str]) -> None:
    refused = operator_asks(region, "POST", "/operator/v1/jobs/nothing/runs", package="schedules")
    assert (refused.status, refused["code"]) == (404, "job_not_found")


def _client_of(functions: Any) -> Any:
    from docplatform.infra.credentials import own_client

    return lambda service, *given, **more: functions if service == "lambda" else own_client(service, *given, **more)
