"""Functions without routes, called with the real sample events in ``events/``."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from docplatform.core.errors import TenantNotFound
from docplatform.core.tenant import Plan
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.runtime import settings
from docplatform.runtime.triggers import system_actor
from docplatform.tenancy.items import tenant_item
from tests.support.mocked_aws import BUCKET, ROOT, Cloud, TenantWorld, function
from tests.support.mocked_region import sample


@pytest.fixture
def registered(region: Cloud) -> TenantWorld:
    home = region.tenant("globex", Plan.PROFESSIONAL)
    item = {"pk": f"tenant#{home.tenant.id}", "sk": "tenant", **tenant_item(home.tenant)}
    region.database.put_item(TableName="registry", Item=encode_item(item))
    return home


@pytest.fixture
def queues(region: Cloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    client = boto3.client("sqs")
    urls = {plan.value: client.create_queue(QueueName=f"processing-{plan.value}")["QueueUrl"] for plan in Plan}
    monkeypatch.setenv("QUEUE_URLS", json.dumps(urls))
    settings.load.cache_clear()

    def waiting(plan: str) -> list[dict[str, Any]]:
        found = client.receive_message(QueueUrl=urls[plan], MaxNumberOfMessages=10, AttributeNames=["All"])
        return list(found.get("Messages", []))

    yield waiting
    for url in urls.values():
        client.delete_queue(QueueUrl=url)


def scan_result(tenant_id: str) -> dict[str, Any]:
    text = json.dumps(sample("scan-result", TENANT=tenant_id))
    return dict(json.loads(text.replace("docplatform-documents-111111111111-us-east-1", BUCKET)))


def test_an_upload_is_queued_with_its_tenants_plan_and_as_its_tenants_group(
    registered: TenantWorld, queues: Any
) -> None:
    made = registered.member().announces("walrus.txt", size=1234)["document"]
    event = json.dumps(scan_result(registered.tenant.id))
    event = event.replace("doc_01m83gqsf9bafswwtw7dk31ryr", made["id"])
    event = event.replace("ver_01m83gqsf9af5vhyvhmg4ddfcy", made["version"]["id"])
    assert function("ingestion").handler(json.loads(event), None) == {"queued": True}
    (message,) = queues("professional")
    assert json.loads(message["Body"]) == {
        "tenant_id": registered.tenant.id,
        "document_id": made["id"],
        "version_id": made["version"]["id"],
        "size": 1234,
    }
    assert message["Attributes"]["MessageGroupId"] == registered.tenant.id
    assert queues("standard") == []


@pytest.mark.parametrize("tenant", ["t000000000009", "..", "*", "t00000000000#"])
def test_an_object_of_no_tenant_is_left_alone(region: Cloud, queues: Any, tenant: str) -> None:
    for event in (sample("upload", TENANT=tenant), scan_result(tenant)):
        assert function("ingestion").handler(event, None) == {"queued": False}


def test_a_tenant_of_another_region_is_none_of_this_one(registered: TenantWorld, queues: Any) -> None:
    abroad = replace(registered.tenant, id="t00000000eu01", subdomain="abroad", region="eu-central-1")
    item = {"pk": f"tenant#{abroad.id}", "sk": "tenant", **tenant_item(abroad)}
    registered.cloud.database.put_item(TableName="registry", Item=encode_item(item))
    for event in (sample("upload", TENANT=abroad.id), scan_result(abroad.id)):
        assert function("ingestion").handler(event, None) == {"queued": False}
    for plan in Plan:
        assert queues(plan.value) == []
    with pytest.raises(TenantNotFound, match="another region"):
        system_actor(abroad.id, "processing:verify", "e")


@pytest.mark.parametrize(
    "event",
    [
        {},
        *(
            {"detail-type": kind, **detail}
            for kind in ("Object Created", "GuardDuty Malware Protection Object Scan Result")
            for detail in (
                {},
                {"detail": {}},
                {"detail": {"object": {"key": None}, "s3ObjectDetails": {}}},
                {"detail": []},
            )
        ),
    ],
)
def test_a_malformed_upload_event_fails_and_is_kept_for_an_operator(queues: Any, event: dict[str, Any]) -> None:
    with pytest.raises(
        (KeyError, TypeError, AttributeError)
    ):  # Lambda tries again, then puts it into the dead-letter queue
        function("ingestion").handler(event, None)


def test_a_change_of_a_document_that_cannot_be_followed_is_where_the_stream_resumes(registered: TenantWorld) -> None:
    follow = function("index_sync")
    event = sample("table-stream", TENANT=registered.tenant.id, DOCUMENT="doc_01m83gqsf9bafswwtw7dk31ryr")
    answer = follow.handler(event, None)  # there is no search engine here
    assert answer == {"batchItemFailures": [{"itemIdentifier": "4421584500000000017450439091"}]}


def test_changes_of_anything_else_are_passed_over(registered: TenantWorld) -> None:
    event = sample("table-stream", TENANT=registered.tenant.id, doc="usage", DOCUMENT="x")
    assert function("index_sync").handler(event, None) == {"batchItemFailures": []}


class Workflow:
    """A stand-in for Step Functions."""

    def __init__(self, status: str) -> None:
        self.status, self.inputs = status, []

    def start_sync_execution(self, *, stateMachineArn: str, input: str) -> dict[str, Any]:
        self.inputs.append(json.loads(input))
        return {"status": self.status, "stopDate": datetime.now(UTC)}


@pytest.mark.parametrize(("status", "failures"), [("SUCCEEDED", 0), ("FAILED", 1), ("TIMED_OUT", 1)])
def test_a_message_stays_in_the_queue_until_its_document_is_done(
    region: Cloud, monkeypatch: pytest.MonkeyPatch, status: str, failures: int
) -> None:
    start, workflow = _starter(monkeypatch, Workflow(status))
    answer = start.handler(sample("plan-queue"), None)
    assert len(answer["batchItemFailures"]) == failures
    assert workflow.inputs[0]["give_up"] is False


def test_after_enough_tries_the_workflow_is_told_to_give_up(region: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    start, workflow = _starter(monkeypatch, Workflow("SUCCEEDED"))
    event = sample("plan-queue")
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
    assert start.handler(event, None) == {"batchItemFailures": []}
    assert workflow.inputs[0]["give_up"] is True


def test_the_workflow_is_given_exactly_what_its_first_states_read(
    region: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, workflow = _starter(monkeypatch, Workflow("SUCCEEDED"))
    start.handler(sample("plan-queue"), None)
    definition = json.loads((ROOT / "statemachines/processing.asl.json").read_text(encoding="utf-8"))
    name, read = definition["StartAt"], set[str]()
    while (state := definition["States"][name])["Type"] != "Task":
        read |= set(re.findall(r"\$states\.input\.(\w+)", json.dumps(state)))
        name = state.get("Next") or state["Default"]
    assert read == set(workflow.inputs[0])


def _starter(monkeypatch: pytest.MonkeyPatch, workflow: Workflow) -> tuple[Any, Workflow]:
    monkeypatch.setenv("EXPRESS_WORKFLOW_ARN", "arn:express")
    monkeypatch.setenv("OPERATION_WORKFLOWS", json.dumps({"processing": "arn:standard"}))
    settings.load.cache_clear()
    start = function("processing", "run_workflow")
    monkeypatch.setattr(start, "own_client", lambda *_, **__: workflow)
    return start, workflow
