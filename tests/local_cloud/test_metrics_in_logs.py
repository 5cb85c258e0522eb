"""Log lines in the embedded metric format become metrics, which alarms see."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.aws import client
from local.cloud.patches.metrics_in_logs import Malformed, metrics_of
from local.settings import LocalSettings
from local.testing import Cloud, empty_cloud
from tests.local_cloud.lambdas import HERE, deployed, invoked, packed

NOW = 1_800_000_000.0
LINE: dict[str, Any] = {
    "_aws": {
        "Timestamp": int(NOW * 1000),
        "CloudWatchMetrics": [
            {
                "Namespace": "shop",
                "Dimensions": [["service"], ["service", "plan"]],
                "Metrics": [{"Name": "Orders", "Unit": "Count"}, {"Name": "Wait", "Unit": "Milliseconds"}],
            }
        ],
    },
    "service": "till",
    "plan": "free",
    "Orders": 2,
    "Wait": [10, 20.5],
    "tenant": "t1",
}


def line(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(LINE), **changes}


def directive(**changes: Any) -> dict[str, Any]:
    made = line()
    made["_aws"]["CloudWatchMetrics"][0].update(changes)
    return made


def test_each_set_of_dimensions_is_a_metric_of_its_own() -> None:
    found = list(metrics_of(json.dumps(LINE), NOW))
    assert [(each.name, each.unit, each.values, each.dimensions) for each in found] == [
        ("Orders", "Count", [2.0], {"service": "till"}),
        ("Orders", "Count", [2.0], {"service": "till", "plan": "free"}),
        ("Wait", "Milliseconds", [10.0, 20.5], {"service": "till"}),
        ("Wait", "Milliseconds", [10.0, 20.5], {"service": "till", "plan": "free"}),
    ]
    assert {(each.namespace, each.at) for each in found} == {("shop", NOW)}


def test_what_a_logger_puts_before_the_document_is_skipped() -> None:
    assert len(list(metrics_of("[INFO]\t2027-01-15T08:00:00Z\tid\t" + json.dumps(LINE), NOW))) == 4


@pytest.mark.parametrize("document", [{"_aws": 1}, {"_aws": {}}, ["_aws"], {"text": '"_aws"'}, directive(Metrics=[])])
def test_a_line_without_metrics_has_none(document: Any) -> None:
    assert list(metrics_of(json.dumps(document), NOW)) == []


def test_a_metric_without_a_value_is_left_out() -> None:
    document = line()
    del document["Orders"]
    assert {each.name for each in metrics_of(json.dumps(document), NOW)} == {"Wait"}


@pytest.mark.parametrize(
    "document",
    [
        line(Orders="2"),
        line(Orders=True),
        line(Orders=None),
        line(Wait=[]),
        line(Wait=[1] * 101),
        line(Wait=[1, "2"]),
        line(service=1),
        line(service=""),
        line(service="x" * 1025),
        line(_aws={**LINE["_aws"], "Timestamp": None}),
        line(_aws={**LINE["_aws"], "Timestamp": "2027-01-15"}),
        line(_aws={**LINE["_aws"], "Timestamp": int((NOW - 15 * 86_400) * 1000)}),
        line(_aws={**LINE["_aws"], "Timestamp": int((NOW + 3 * 3_600) * 1000)}),
        line(_aws={**LINE["_aws"], "CloudWatchMetrics": {}}),
        line(_aws={**LINE["_aws"], "CloudWatchMetrics": ["shop"]}),
        directive(Namespace=""),
        directive(Namespace=None),
        directive(Dimensions=None),
        directive(Dimensions=["service"]),
        directive(Dimensions=[["absent"]]),
        directive(Dimensions=[[1]]),
        directive(Dimensions=[["service"] * 31]),
        directive(Metrics=None),
        directive(Metrics=["Orders"]),
        directive(Metrics=[{"Name": "Orders"}] * 101),
        directive(Metrics=[{"Unit": "Count"}]),
        directive(Metrics=[{"Name": "Orders", "Unit": "Parsecs"}]),
        directive(Metrics=[{"Name": "Orders", "Unit": ["Count"]}]),
        directive(Metrics=[{"Name": "Orders", "StorageResolution": 5}]),
    ],
    ids=str,
)
def test_a_line_that_breaks_the_format_gives_no_metric(document: Any) -> None:
    with pytest.raises(Malformed):
        list(metrics_of(json.dumps(document), NOW))


PRINTS = "def handler(event, context):\n    print(event['line'])\n"


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


def now_line(**changes: Any) -> str:
    made = line(**changes)
    made["_aws"]["Timestamp"] = int(time.time() * 1000)
    return json.dumps(made)


def sum_of(settings: LocalSettings, name: str, namespace: str = "shop", stat: str = "Sum", **dimensions: str) -> float:
    given = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    answer = client(settings, "cloudwatch", HERE).get_metric_data(
        StartTime=time.time() - 600,
        EndTime=time.time() + 600,
        MetricDataQueries=[
            {
                "Id": "it",
                "MetricStat": {
                    "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": given},
                    "Period": 3600,
                    "Stat": stat,
                },
            }
        ],
    )
    return sum(answer["MetricDataResults"][0]["Values"])


@pytest.mark.slow
def test_what_a_function_logs_becomes_metrics(cloud: LocalSettings) -> None:
    deployed(cloud, "prints", "handler.handler", packed("handler.py", PRINTS))
    for _ in range(3):
        invoked(cloud, "prints", {"line": now_line(service="function")})
    assert sum_of(cloud, "Orders", service="function", plan="free") == 6
    assert sum_of(cloud, "Wait", service="function") == 91.5
    assert sum_of(cloud, "Wait", stat="SampleCount", service="function") == 6
    assert sum_of(cloud, "Wait", stat="Maximum", service="function") == 20.5
    assert sum_of(cloud, "Orders", service="another") == 0


@pytest.mark.slow
def test_log_events_become_metrics_and_malformed_ones_are_counted(cloud: LocalSettings) -> None:
    logs = client(cloud, "logs", HERE)
    logs.create_log_group(logGroupName="a group")
    logs.create_log_stream(logGroupName="a group", logStreamName="a stream")
    messages = [now_line(service="logs"), now_line(service="logs", Orders="many"), "plain text"]
    messages += ['{"_aws": ', '{"_aws":' + "[" * 100_000]
    at = int(time.time() * 1000)
    events = [{"timestamp": at, "message": message} for message in messages]
    logs.put_log_events(logGroupName="a group", logStreamName="a stream", logEvents=events)
    assert sum_of(cloud, "Orders", service="logs") == 2
    assert sum_of(cloud, "EMFValidationErrors", namespace="AWS/Logs", LogGroupName="a group") == 1
    assert sum_of(cloud, "EMFParsingErrors", namespace="AWS/Logs", LogGroupName="a group") == 2


@pytest.mark.slow
def test_an_alarm_sees_the_metric_of_its_dimensions_only(cloud: LocalSettings) -> None:
    watch = client(cloud, "cloudwatch", HERE)
    for name, service in (("busy", "alarmed"), ("quiet", "unheard-of")):
        watch.put_metric_alarm(
            AlarmName=name,
            Namespace="shop",
            MetricName="Orders",
            Dimensions=[{"Name": "service", "Value": service}],
            Statistic="Sum",
            Period=3600,
            EvaluationPeriods=1,
            Threshold=5,
            ComparisonOperator="GreaterThanThreshold",
        )

    def states() -> dict[str, str]:
        return {each["AlarmName"]: each["StateValue"] for each in watch.describe_alarms()["MetricAlarms"]}

    deployed(cloud, "alarming", "handler.handler", packed("handler.py", PRINTS))
    invoked(cloud, "alarming", {"line": now_line(service="alarmed", Orders=6)})
    Cloud.eventually(lambda: states()["busy"] == "ALARM")
    assert states()["quiet"] == "INSUFFICIENT_DATA"
