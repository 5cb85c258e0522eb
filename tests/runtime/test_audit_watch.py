"""A change or a removal of an audit record is a finding: a log line, a metric, and a record that an operator reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from docplatform.runtime.findings import PARTITION, findings
from tests.support.mocked_aws import Cloud, function
from tests.support.mocked_region import sample

TENANT = "t000000000001"
RECORD = f"{TENANT}#2026-01-01/01jm0000000000000000000000"


@pytest.fixture
def stored(region: Cloud) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The findings in the operations table."""
    findings.cache_clear()
    for item in region.items("operations"):
        key = {name: {"S": item[name]} for name in ("pk", "sk")}
        region.database.delete_item(TableName="operations", Key=key)
    yield lambda: [item for item in region.items("operations") if item["pk"] == PARTITION]
    findings.cache_clear()


def change(name: str, **images: Any) -> dict[str, Any]:
    event = sample("audit-stream", TENANT=TENANT)
    event["Records"][0]["eventName"] = name
    event["Records"][0]["dynamodb"] |= images
    return event


def watch(event: dict[str, Any]) -> list[dict[str, str]]:
    failures: list[dict[str, str]] = function("audit").handler(event, None)["batchItemFailures"]
    return failures


def test_a_changed_record_is_a_finding_without_what_it_says(
    stored: Callable[[], list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(change("MODIFY")) == []
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["tampered"], line["change"]) == ("ERROR", RECORD, "changed")
    assert line["AuditTampered"] == [1.0]
    (finding,) = stored()
    assert (finding["record"], finding["change"], finding["changed"]) == (RECORD, "changed", ["actor"])
    assert len(finding["before"]) == len(finding["after"]) == 64 and finding["before"] != finding["after"]
    assert "usr_" not in json.dumps([finding, line])


@pytest.mark.parametrize(("names", "length"), [(1, 300_000), (5_000, 75), (6, 65_000), (30, 3)])
def test_a_finding_is_stored_whatever_the_attributes_are_called(
    stored: Callable[[], list[dict[str, Any]]], names: int, length: int
) -> None:
    """Their names count in the size of an item, and whoever changes a record chooses them."""
    image = {f"{number:05d}".ljust(length, "x")[-length:]: {"S": "y"} for number in range(names)}
    assert watch(change("MODIFY", OldImage={}, NewImage=image)) == []
    (finding,) = stored()
    assert finding["change"] == "changed" and len(json.dumps(finding)) < 5_000
    assert len(finding["changed"]) == min(names, 21)
    assert names <= 20 or finding["changed"][-1] == f"… and {names - 20} more"


def test_a_removed_record_is_a_finding(stored: Callable[[], list[dict[str, Any]]]) -> None:
    assert watch(change("REMOVE", NewImage=None)) == []
    (finding,) = stored()
    assert (finding["change"], finding["after"], finding["by"]) == ("removed", "", "")


def test_an_added_record_is_none(
    stored: Callable[[], list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(change("INSERT", OldImage=None)) == []
    assert stored() == []
    assert "AuditTampered" not in json.loads(capsys.readouterr().out)


def test_a_finding_that_is_delivered_twice_is_stored_once(stored: Callable[[], list[dict[str, Any]]]) -> None:
    for _ in range(2):
        assert watch(change("MODIFY")) == []
    assert len(stored()) == 1


def test_a_finding_that_cannot_be_stored_is_delivered_again(
    stored: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("docplatform.runtime.findings.FindingStore.add", refuse)
    (failure,) = watch(change("MODIFY"))
    assert failure["itemIdentifier"] == "4421584500000000017450439092"
