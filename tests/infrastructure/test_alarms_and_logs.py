"""Every lasting failure raises an alarm, and logs are kept as long as they are needed."""

from __future__ import annotations

import json
import re

import pytest

from cdk import names, specs
from docplatform.core.tenant import Plan
from docplatform.runtime.metrics import REGION, Metric
from tests.infrastructure.synthesized import REGIONS, Assembly, Json, Stack
from tests.support.mocked_aws import ROOT

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
FUNCTIONS = [each.spec.name for each in specs.discover()]


@pytest.fixture(params=REGIONS)
def region(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def watch(production: Assembly, region: str) -> Stack:
    return production.stack("observability", region)


def _alarms(watch: Stack, namespace: str, metric: str) -> dict[str, Json]:
    """The values of the metric's dimensions → alarm."""
    return {
        " ".join(sorted(str(each["Value"]) for each in alarm["Dimensions"])): alarm
        for alarm in watch.of("AWS::CloudWatch::Alarm").values()
        if (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
    }


def test_a_single_message_in_any_dead_letter_queue_wakes_somebody(
    watch: Stack, production: Assembly, region: str
) -> None:
    queues = production.stack("workflows", region).of("AWS::SQS::Queue").values()
    dead = {queue["QueueName"] for queue in queues if "RedrivePolicy" not in queue}
    assert len(dead) == 18
    alarms = _alarms(watch, "AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert set(alarms) == dead
    for alarm in alarms.values():
        assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Period"]) == (1, 1, 60)
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_one_operation_that_has_failed_wakes_somebody(watch: Stack) -> None:
    (alarm,) = _alarms(watch, "docplatform", "OperationsFailed").values()
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Statistic"]) == (1, 1, "Sum")


def _alarms_of_the_page() -> list[str]:
    """The names in the table of alarms. A name that begins with a hyphen is another end of the one before it."""
    section = PAGE.partition("## When an alarm goes off")[2].partition("\n## ")[0]
    listed: list[str] = []
    for cell in re.findall(r"^\| (`[^|]+`) \|", section, re.M):
        first, *ends = re.findall(r"`([^`]+)`", cell)
        listed += [first, *(f"{first.rpartition('-')[0]}{end}" for end in ends)]
    return listed


def test_the_operators_page_has_a_row_for_every_alarm_and_no_other(watch: Stack) -> None:
    alarms = {alarm["AlarmName"].removeprefix("docplatform-") for alarm in watch.of("AWS::CloudWatch::Alarm").values()}
    one_of = {"function": FUNCTIONS, "plan": [each.value for each in Plan], "kind": names.KINDS}
    rows = set()
    for listed in _alarms_of_the_page():
        of = re.search(r"<(\w+)>", listed)
        known = {listed.replace(of[0], each) for each in one_of[of[1]]} if of else {listed}
        assert known & alarms, listed
        rows |= known
    assert alarms <= rows


def test_the_operators_page_counts_what_costs_money_without_use(
    watch: Stack, production: Assembly, region: str
) -> None:
    workflows = production.stack("workflows", region)
    polled = [
        each
        for each in workflows.of("AWS::Lambda::EventSourceMapping").values()
        if "Queue" in json.dumps(each["EventSourceArn"])
    ]
    waited_for = [each.spec for each in specs.discover() if specs.is_interactive(each.spec)]
    memory = sum(each.memory for each in waited_for) / 1024
    assert f"| {len(watch.of('AWS::CloudWatch::Alarm'))} alarms |" in PAGE
    assert f"polling of {len(polled)} queues" in PAGE
    assert f"{len(waited_for)} with {memory:g} GB together" in PAGE


def test_every_reader_of_a_stream_is_watched_for_how_far_it_is_behind(
    watch: Stack, production: Assembly, region: str
) -> None:
    mappings = production.stack("workflows", region).of("AWS::Lambda::EventSourceMapping").values()
    readers = {each["FunctionName"].rpartition(":")[2] for each in mappings if "StartingPosition" in each}
    alarms = _alarms(watch, "AWS/Lambda", "IteratorAge")
    assert set(alarms) == readers and len(readers) == 3
    for alarm in alarms.values():
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 300_000)


@pytest.mark.parametrize("verdict", ["access_denied", "failed"])
def test_scans_that_do_not_take_place_wake_somebody(watch: Stack, verdict: str) -> None:
    alarm = watch.one("AWS::CloudWatch::Alarm", AlarmName=f"docplatform-scans-{verdict.removeprefix('access_')}")
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("docplatform", "MalwareScans", "Sum")
    assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
        "service": "ingestion-dispatch",
        "verdict": verdict,
    }


def test_half_of_what_sts_issues_wakes_somebody(watch: Stack) -> None:
    ((emitter, alarm),) = _alarms(watch, "docplatform", "CredentialsIssued").items()
    most = 600 * alarm["Period"]  # calls a second in an account and region
    assert (emitter, alarm["Statistic"], alarm["Threshold"]) == (REGION, "Sum", most / 2)


@pytest.mark.parametrize(("metric", "service"), [("CrossTenantDetected", REGION), ("AuditTampered", "audit-watch")])
def test_one_fault_of_isolation_and_one_tampered_record_wake_somebody(watch: Stack, metric: str, service: str) -> None:
    ((emitter, alarm),) = _alarms(watch, "docplatform", metric).items()
    assert (emitter, alarm["Threshold"], alarm["EvaluationPeriods"]) == (service, 1, 1)


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_is_watched(watch: Stack, metric: str) -> None:
    assert set(_alarms(watch, "AWS/Lambda", metric)) == {f"docplatform-{name}" for name in FUNCTIONS}


@pytest.mark.parametrize("metric", ["ExecutionsFailed", "ExecutionsTimedOut"])
def test_both_workflows_are_watched(watch: Stack, production: Assembly, region: str, metric: str) -> None:
    machines = production.stack("workflows", region).of("AWS::StepFunctions::StateMachine").values()
    watched = {arn.rpartition(":")[2] for arn in _alarms(watch, "AWS/States", metric)}
    assert watched == {machine["StateMachineName"] for machine in machines}


def test_the_api_is_watched_for_errors_and_slowness(watch: Stack) -> None:
    (errors,) = _alarms(watch, "AWS/ApiGateway", "5XXError").values()
    assert errors["Threshold"] == 0.01 and errors["Statistic"] == "Average"
    assert _alarms(watch, "AWS/ApiGateway", "Latency")


def test_an_alarm_tells_the_topic_when_it_starts_and_when_it_is_over(
    watch: Stack, production: Assembly, region: str
) -> None:
    (topic,) = watch.of("AWS::SNS::Topic")
    for alarm in watch.of("AWS::CloudWatch::Alarm").values():
        jobs = alarm["AlarmName"] == "docplatform-jobs-late"  # without data nobody watches over the jobs
        assert alarm["AlarmActions"] == alarm["OKActions"] == [f"<{topic}>"]
        assert alarm["AlarmDescription"]
        assert alarm["TreatMissingData"] == ("breaching" if jobs else "notBreaching")
    key = production.stack("data", region).key("alias/docplatform-data")
    assert watch.of("AWS::SNS::Topic")[topic]["KmsMasterKeyId"] == f"<{key}.Arn>"
    assert watch.one("AWS::SNS::Subscription")["Endpoint"] == "on-call@docplatform.example"


def test_there_is_a_dashboard_that_cloudwatch_can_read(watch: Stack, region: str) -> None:
    dashboard = watch.one("AWS::CloudWatch::Dashboard", DashboardName=f"docplatform-region-{region}")
    widgets = json.loads(dashboard["DashboardBody"])["widgets"]
    assert len(widgets) > 8


def test_the_dashboard_shows_every_business_metric_where_it_is_emitted(watch: Stack, region: str) -> None:
    dashboard = watch.one("AWS::CloudWatch::Dashboard", DashboardName=f"docplatform-region-{region}")
    widgets = json.loads(dashboard["DashboardBody"])["widgets"]
    shown = [line for widget in widgets for line in widget["properties"].get("metrics", [])]
    by_function = {line[1]: line[3] for line in shown if line[0] == "docplatform"}
    assert set(by_function.values()) <= {*FUNCTIONS, REGION}
    by_dimension = {
        found.groups()
        for line in shown
        if isinstance(line[0], dict) and (found := re.search(r"\{(.+)\} MetricName=\"(\w+)\"", line[0]["expression"]))
    }
    assert by_dimension == {
        (f"docplatform,service,{metric.dimension}", metric.title)
        for metric in Metric
        if metric.dimension and not metric.title.startswith("Uploads")
    }
    assert {each.title for each in Metric} == by_function.keys() | {name for _, name in by_dimension}


YEAR, SEVEN_YEARS = 365, 2557


def test_logs_are_encrypted_with_the_data_key_and_kept(production: Assembly, region: str) -> None:
    key = production.stack("data", region).key("alias/docplatform-data")
    kept: dict[str, int] = {}
    for stack in production.region(region):
        for group in stack.of("AWS::Logs::LogGroup").values():
            assert group["KmsKeyId"] == f"<{key}.Arn>"
            kept[group["LogGroupName"]] = group["RetentionInDays"]
    tell_who_did_what = {"/docplatform/api-access", "/docplatform/live-access", "aws-waf-logs-docplatform"}
    assert {name for name, days in kept.items() if days == SEVEN_YEARS} == tell_who_did_what
    assert {name for name, days in kept.items() if days == YEAR} == kept.keys() - tell_who_did_what


def test_what_api_gateway_would_make_and_keep_for_ever_is_ours(production: Assembly, region: str) -> None:
    api = production.stack("api", region)
    groups = {each["LogGroupName"]: each["RetentionInDays"] for each in api.of("AWS::Logs::LogGroup").values()}
    (rest,), (live,) = (list(api.of(f"AWS::ApiGateway{kind}")) for kind in ("::RestApi", "V2::Api"))
    assert groups[f"API-Gateway-Execution-Logs_<{rest}>/live"] == 365
    assert groups[f"/aws/apigateway/<{live}>/live"] == 365


def test_every_function_writes_to_a_log_group_of_ours(production: Assembly, region: str) -> None:
    api = production.stack("api", region)
    groups = api.of("AWS::Logs::LogGroup")
    for function in api.of("AWS::Lambda::Function").values():
        group = groups[function["LoggingConfig"]["LogGroup"].strip("<>")]
        assert group["LogGroupName"] == f"/aws/lambda/{function['FunctionName']}"
        assert function["TracingConfig"] == {"Mode": "Active"}
