"""A use of the break-glass role is on record at the tenant whose data it opens, and is counted; so is a change of the walls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docplatform.control_plane.break_glass import BreakGlassUse, PerimeterChange, incident_of
from tests.support.mocked_aws import Cloud, function
from tests.support.mocked_region import House, new_house, sample


@pytest.fixture
def home(region: Cloud) -> House:
    return new_house(region)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The members of all lines and metrics together."""
    found: dict[str, Any] = {}
    for each in capsys.readouterr().out.splitlines():
        found |= json.loads(each) if each.startswith("{") else {}
    return found


def reported(tenant_id: str, **changes: Any) -> dict[str, Any]:
    event = sample("cloud-trail", TENANT=tenant_id)
    event["detail"] |= changes
    return dict(event)


def uses(home: House) -> list[dict[str, Any]]:
    """The records of all tenants."""
    return [item for item in home.cloud.items("audit") if item["action"] == "break-glass.used"]


def used(home: House) -> list[dict[str, Any]]:
    """The records of this tenant; no other tenant's are written."""
    return [item for item in uses(home) if item["pk"].startswith(f"{home.facts['id']}#")]


def test_a_use_is_on_record_at_its_tenant_and_counted(home: House, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    before = uses(home)
    function("security", "break_glass").handler(reported(home.facts["id"]), None)
    (record,) = used(home)
    assert len(uses(home)) == len(before) + 1
    assert record["target"] == home.facts["id"]
    assert record["facts"] == {
        "caller": "arn:aws:iam::111111111111:user/ann",
        "session": "incident-4711",
        "outcome": "opened",
    }
    assert told(capsys)["BreakGlassUses"] == [1]


def test_an_attempt_that_aws_refused_is_on_record_as_such(home: House, capsys: pytest.CaptureFixture[str]) -> None:
    function("security", "break_glass").handler(reported(home.facts["id"], errorCode="AccessDenied"), None)
    (record,) = used(home)
    assert record["facts"]["outcome"] == "refused"
    assert told(capsys)["BreakGlassUses"] == [1]


@pytest.mark.parametrize("tenant", ["t999999999999", "", "*", "t0#"])
def test_a_use_without_a_tenant_of_ours_is_counted(
    home: House, capsys: pytest.CaptureFixture[str], tenant: str
) -> None:
    before = uses(home)
    function("security", "break_glass").handler(reported(tenant), None)
    assert uses(home) == before
    assert told(capsys)["BreakGlassUses"] == [1]


CHANGES = [
    ("PutKeyPolicy", {"keyId": "1234"}),
    ("PutResourcePolicy", {"resourceArn": "arn:aws:dynamodb:us-east-1:111111111111:table/docplatform-data"}),
    ("DeleteResourcePolicy", {"resourceArn": "arn:aws:dynamodb:us-east-1:111111111111:table/docplatform-audit"}),
    ("PutBucketPolicy", {"bucketName": "docplatform-documents-111111111111-us-east-1"}),
    ("DeleteBucketPolicy", {"bucketName": "docplatform-documents-111111111111-us-east-1"}),
    ("RestoreTableToPointInTime", {"sourceTableName": "docplatform-data", "targetTableName": "copy"}),
    ("RestoreTableFromBackup", {"targetTableName": "docplatform-data-2"}),
    ("ExportTableToPointInTime", {"tableArn": "arn:aws:dynamodb:us-east-1:111111111111:table/docplatform-audit"}),
]


@pytest.mark.parametrize(("call", "parameters"), CHANGES)
def test_a_wall_that_is_changed_by_hand_is_an_incident_and_a_deployment_is_not(
    call: str, parameters: dict[str, str]
) -> None:
    by_hand = reported("", eventName=call, requestParameters=parameters)
    assert incident_of(by_hand) == PerimeterChange(call)
    deployed = {"userIdentity": {"invokedBy": "cloudformation.amazonaws.com"}}
    assert incident_of(reported("", eventName=call, requestParameters=parameters, **deployed)) is None
    assert incident_of(reported("", eventName=call, requestParameters=parameters, errorCode="AccessDenied")) is None


def test_changes_are_counted(home: House, capsys: pytest.CaptureFixture[str]) -> None:
    event = reported("", eventName="PutKeyPolicy", requestParameters={"keyId": "1234"})
    function("security", "break_glass").handler(event, None)
    assert told(capsys)["PerimeterChanges"] == [1]


def test_other_roles_and_resources_of_the_account_are_none_of_ours() -> None:
    elsewhere = {"roleArn": "arn:aws:iam::111111111111:role/Admin"}
    assert incident_of(reported("", requestParameters=elsewhere)) is None
    assert incident_of(reported("", eventName="PutBucketPolicy", requestParameters={"bucketName": "other"})) is None
    assert incident_of(reported("", eventName="PutItem", requestParameters=None)) is None


def test_tags_are_read_in_both_forms() -> None:
    given = {"roleArn": "arn:aws:iam::1:role/docplatform-break-glass-us-east-1", "tags": {"tenant_id": "t000000000001"}}
    use = incident_of(reported("", requestParameters=given))
    assert isinstance(use, BreakGlassUse) and use.tenant_id == "t000000000001"
