"""The processing of uploads: no message is lost, no plan displaces another one, and the workflow's definition is
sound."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk import specs
from docplatform.control_plane import break_glass
from docplatform.core import errors
from docplatform.core.tenant import LIMITS, Plan
from docplatform.extraction import model
from docplatform.library import errors as library_errors
from docplatform.processing import pipeline
from docplatform.runtime.spec import Trigger
from tests.infrastructure.conftest import PRODUCTION
from tests.infrastructure.synthesized import ACCOUNT, HOME, REGIONS, Assembly, Json, Stack

ROOT = Path(__file__).resolve().parents[2]
SPECS = {each.spec.name: each.spec for each in specs.discover()}


@pytest.fixture(params=REGIONS)
def flows(request: pytest.FixtureRequest, production: Assembly) -> Stack:
    return production.stack("workflows", request.param)


def _queue_called(flows: Stack, name: str) -> str:
    (logical_id,) = [key for key, queue in flows.of("AWS::SQS::Queue").items() if queue["QueueName"] == name]
    return logical_id


def test_every_queue_is_encrypted_takes_tls_only_and_keeps_for_two_weeks(flows: Stack, production: Assembly) -> None:
    data = production.stack("data", flows.name.removeprefix("docplatform-workflows-"))
    queues, policies = flows.of("AWS::SQS::Queue"), flows.of("AWS::SQS::QueuePolicy")
    assert queues
    for logical_id, queue in queues.items():
        assert queue["KmsMasterKeyId"] == f"<{data.key('alias/docplatform-data')}.Arn>"
        assert queue["MessageRetentionPeriod"] == 14 * 86_400
        said = [
            statement
            for policy in policies.values()
            if f"<{logical_id}>" in policy["Queues"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        assert any(s["Effect"] == "Deny" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for s in said)


def test_the_queue_of_jobs_shows_a_message_again_after_the_lease_of_a_consumer_that_died(
    flows: Stack, production: Assembly
) -> None:
    """The lease is as long as the function can run. It may begin at the end of that time, so it ends before twice that time has passed."""
    api = production.stack("api", flows.name.removeprefix("docplatform-workflows-"))
    workers = [each for each in SPECS.values() if each.trigger is Trigger.JOBS]
    assert workers
    for spec in workers:
        function = api.one("AWS::Lambda::Function", FunctionName=f"docplatform-{spec.name}")
        queue = flows.one("AWS::SQS::Queue", QueueName=f"docplatform-jobs-{spec.name}")
        assert function["Environment"]["Variables"]["FUNCTION_TIMEOUT"] == str(function["Timeout"])
        assert queue["VisibilityTimeout"] >= 2 * function["Timeout"]


@pytest.mark.parametrize("plan", list(Plan))
def test_a_plan_works_as_wide_as_its_weight(flows: Stack, plan: Plan) -> None:
    queue = _queue_called(flows, f"docplatform-processing-{plan.value}")
    mapping = flows.one("AWS::Lambda::EventSourceMapping", EventSourceArn=f"<{queue}.Arn>")
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == PRODUCTION["processing_concurrency"] * LIMITS[plan].weight
    assert mapping["BatchSize"] <= 5, "one slow document would hold up more than four others"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["FunctionName"].endswith(":function:docplatform-processing-start")


@pytest.mark.parametrize(("which", "of_weight_one"), [("production", 8), ("trial", 3)])
def test_the_caps_of_the_plans_are_one_to_three_to_ten(
    which: str, of_weight_one: int, request: pytest.FixtureRequest
) -> None:
    flows = request.getfixturevalue(which).stack("workflows", HOME)
    caps = [
        each["ScalingConfig"]["MaximumConcurrency"]
        for each in flows.of("AWS::Lambda::EventSourceMapping").values()
        if "ScalingConfig" in each and each["FunctionName"].endswith(":docplatform-processing-start")
    ]
    assert sorted(caps) == [of_weight_one * weight for weight in (1, 3, 10)]


@pytest.mark.parametrize("plan", list(Plan))
def test_a_message_has_tries_left_after_the_one_that_gives_up(flows: Stack, plan: Plan) -> None:
    changes = flows.of("AWS::SQS::Queue")[_queue_called(flows, f"docplatform-processing-{plan.value}")]
    dead = _queue_called(flows, f"docplatform-processing-{plan.value}-dead")
    assert changes["RedrivePolicy"]["deadLetterTargetArn"] == f"<{dead}.Arn>"
    found = re.search(r"^LAST_TRY = (\d+)", (ROOT / "functions/processing/run_workflow.py").read_text(), re.MULTILINE)
    assert found and changes["RedrivePolicy"]["maxReceiveCount"] > int(found[1])


@pytest.mark.parametrize("which", ["production", "trial"])
def test_no_message_is_shown_again_while_its_consumer_may_still_work_on_it(
    which: str, request: pytest.FixtureRequest
) -> None:
    assembly: Assembly = request.getfixturevalue(which)
    functions = assembly.stack("api", HOME).of("AWS::Lambda::Function").values()
    (consumer,) = [each for each in functions if each["FunctionName"] == "docplatform-processing-start"]
    flows = assembly.stack("workflows", HOME)
    for plan in Plan:
        queue = flows.of("AWS::SQS::Queue")[_queue_called(flows, f"docplatform-processing-{plan.value}")]
        assert consumer["Timeout"] <= queue["VisibilityTimeout"]


RULES = {
    "docplatform-uploads": ("aws.s3", "Object Created", ("bucket", "name"), ("object", "key")),
    "docplatform-scan-results": (
        "aws.guardduty",
        "GuardDuty Malware Protection Object Scan Result",
        ("s3ObjectDetails", "bucketName"),
        ("s3ObjectDetails", "objectKey"),
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_an_upload_and_its_scan_call_the_dispatcher_and_what_fails_is_kept(flows: Stack, name: str) -> None:
    region = flows.name.removeprefix("docplatform-workflows-")
    rule = flows.one("AWS::Events::Rule", Name=name)
    source, detail_type, *members = RULES[name]
    assert (rule["EventPattern"]["source"], rule["EventPattern"]["detail-type"]) == ([source], [detail_type])
    bucket, key = (rule["EventPattern"]["detail"][outer][inner] for outer, inner in members)
    assert key == [{"wildcard": "tenants/*/documents/*/original"}]
    assert len(bucket) == 1 and "Documents" in str(bucket)
    (target,) = rule["Targets"]
    assert target["Arn"] == f"arn:aws:lambda:{region}:{ACCOUNT}:function:docplatform-ingestion-dispatch"
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    assert target["DeadLetterConfig"]["Arn"] == f"<{_queue_called(flows, f'{name}-dead')}.Arn>"
    retries = flows.one("AWS::Lambda::EventInvokeConfig", FunctionName="docplatform-ingestion-dispatch")
    undone = _queue_called(flows, "docplatform-ingestion-dispatch-dead")
    assert retries["DestinationConfig"]["OnFailure"]["Destination"] == f"<{undone}.Arn>"
    permissions = [
        each for each in flows.of("AWS::Lambda::Permission").values() if each["FunctionName"] == target["Arn"]
    ]
    assert {each["Principal"] for each in permissions} == {"events.amazonaws.com"}


def test_no_step_waits_for_the_scan(flows: Stack) -> None:
    """A step that waits holds a place of its plan's queue."""
    states = json.dumps(_definition(flows, "express"))
    assert '"Wait"' not in states and "ScanPending" not in states


def test_uses_of_break_glass_and_changed_policies_call_the_watch_and_what_fails_is_kept(flows: Stack) -> None:
    region = flows.name.removeprefix("docplatform-workflows-")
    rule = flows.one("AWS::Events::Rule", Name="docplatform-incidents")
    assert rule["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", "AssumeRole counts as reading"
    assert rule["EventPattern"]["detail-type"] == ["AWS API Call via CloudTrail"]
    assumed, changed = rule["EventPattern"]["detail"]["$or"]
    role = f"arn:aws:iam::{ACCOUNT}:role/docplatform-break-glass-{region}"
    assert assumed == {"eventName": ["AssumeRole"], "requestParameters": {"roleArn": [role]}}
    assert set(changed["eventName"]) == set(break_glass._CHANGES)
    (target,) = rule["Targets"]
    assert target["Arn"] == f"arn:aws:lambda:{region}:{ACCOUNT}:function:docplatform-break-glass-watch"
    assert target["DeadLetterConfig"]["Arn"] == f"<{_queue_called(flows, 'docplatform-incidents-dead')}.Arn>"
    retries = flows.one("AWS::Lambda::EventInvokeConfig", FunctionName="docplatform-break-glass-watch")
    undone = _queue_called(flows, "docplatform-break-glass-watch-dead")
    assert retries["DestinationConfig"]["OnFailure"]["Destination"] == f"<{undone}.Arn>"


FOLLOWERS = {"index-sync": ["doc", "reindex"], "live-ends": ["session", "profile"]}


@pytest.mark.parametrize("follower", FOLLOWERS)
def test_changes_are_followed_and_no_name_leaves_the_stream(flows: Stack, follower: str) -> None:
    mappings = [each for each in flows.of("AWS::Lambda::EventSourceMapping").values() if "StartingPosition" in each]
    by_stream = [each["EventSourceArn"] for each in mappings]
    assert sorted(by_stream.count(stream) for stream in set(by_stream)) == [1, 2], "a stream takes two readers"
    (mapping,) = [each for each in mappings if each["FunctionName"].endswith(f":docplatform-{follower}")]
    assert mapping["EventSourceArn"].endswith(".StreamArn>")
    (only,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(only["Pattern"]) == {"dynamodb": {"Keys": {"sk": {"S": FOLLOWERS[follower]}}}}
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == 20
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    undone = _queue_called(flows, f"docplatform-{follower}-dead")
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == f"<{undone}.Arn>"


def test_what_is_not_added_to_the_audit_trail_reaches_its_watch(flows: Stack) -> None:
    mappings = [each for each in flows.of("AWS::Lambda::EventSourceMapping").values() if "StartingPosition" in each]
    (mapping,) = [each for each in mappings if each["FunctionName"].endswith(":docplatform-audit-watch")]
    (only,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(only["Pattern"]) == {"eventName": ["MODIFY", "REMOVE"]}
    undone = _queue_called(flows, "docplatform-audit-watch-dead")
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == f"<{undone}.Arn>"


def _definition(flows: Stack, kind: str) -> Json:
    machine = flows.one("AWS::StepFunctions::StateMachine", StateMachineName=f"docplatform-processing-{kind}")
    text: str = machine["DefinitionString"]
    for name, value in machine["DefinitionSubstitutions"].items():
        text = text.replace(f"${{{name}}}", value)
    return dict(json.loads(text))


def test_both_machines_run_the_same_definition_with_every_placeholder_filled(flows: Stack) -> None:
    express, standard = _definition(flows, "express"), _definition(flows, "standard")
    assert express == standard
    assert not re.findall(r"\$\{\w+\}", json.dumps(express))
    called = set(re.findall(r"function:docplatform-([a-z-]+)", json.dumps(express)))
    assert called == {name for name, spec in SPECS.items() if spec.trigger is Trigger.WORKFLOW}


def test_the_machines_are_traced_and_log_without_what_they_are_given(flows: Stack) -> None:
    machines = flows.of("AWS::StepFunctions::StateMachine").values()
    assert {machine["StateMachineType"] for machine in machines} == {"EXPRESS", "STANDARD"}
    for machine in machines:
        assert machine["TracingConfiguration"] == {"Enabled": True}
        assert machine["LoggingConfiguration"]["Level"] == "ALL"
        assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


DEFINITIONS = sorted((ROOT / "statemachines").glob("*.asl.json"))


def _scopes(machine: Json) -> Iterator[Json]:
    """The state machine and every machine inside it: branches and item processors."""
    yield machine
    for state in machine["States"].values():
        for inner in (*state.get("Branches", ()), *filter(None, (state.get("ItemProcessor"),))):
            yield from _scopes(inner)


def _next_of(state: Json) -> set[str]:
    ways = [state.get("Next"), state.get("Default")]
    ways += [each["Next"] for each in (*state.get("Choices", ()), *state.get("Catch", ()))]
    return {way for way in ways if way}


@pytest.mark.parametrize("file", DEFINITIONS, ids=lambda file: file.name)
def test_every_way_through_a_definition_leads_somewhere_and_every_state_is_on_one(file: Path) -> None:
    for machine in _scopes(json.loads(file.read_text())):
        states = machine["States"]
        reached, ahead = set[str](), {machine["StartAt"]}
        while ahead:
            name = ahead.pop()
            assert name in states, f"{name} is not a state"
            reached.add(name)
            ahead |= _next_of(states[name]) - reached
        assert reached == set(states), "a state that nothing leads to"
        for name, state in states.items():
            ends = state.get("End") or state["Type"] in ("Succeed", "Fail")
            goes_on = "Next" in state or state["Type"] == "Choice"
            assert bool(ends) != goes_on, name
            if state["Type"] == "Choice":
                assert "Default" in state, f"{name} fails when nothing fits"


AWS_ERRORS = {
    *(
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
    ),
    *("Lambda.TooManyRequestsException", "Lambda.Unknown"),
    *("States.ALL", "States.Timeout", "States.TaskFailed", "States.HeartbeatTimeout", "States.Permissions"),
}


@pytest.mark.parametrize("file", DEFINITIONS, ids=lambda file: file.name)
def test_what_a_definition_retries_and_catches_can_be_raised(file: Path) -> None:
    ours = {
        name
        for module in (errors, library_errors, model, pipeline)
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, Exception)
    }
    named = {
        error
        for machine in _scopes(json.loads(file.read_text()))
        for state in machine["States"].values()
        for rule in (*state.get("Retry", ()), *state.get("Catch", ()))
        for error in rule["ErrorEquals"]
    }
    assert named and named <= AWS_ERRORS | ours, named - AWS_ERRORS - ours


@pytest.mark.parametrize("file", DEFINITIONS, ids=lambda file: file.name)
def test_every_task_is_retried_when_lambda_itself_stumbles(file: Path) -> None:
    for machine in _scopes(json.loads(file.read_text())):
        for name, state in machine["States"].items():
            if state.get("Resource") == "arn:aws:states:::lambda:invoke":
                retried = {error for rule in state.get("Retry", ()) for error in rule["ErrorEquals"]}
                assert {"Lambda.TooManyRequestsException", "Lambda.ServiceException"} <= retried, name
