"""A schedule calls its target with its role (docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html)."""

from __future__ import annotations

import json
from typing import Any

from local.cloud.patches import require


def check() -> None:
    """Checks that what calls of targets use is still there."""
    from ministack.core import iam_evaluator
    from ministack.services import eventbridge, iam, lambda_svc, sns, sqs, stepfunctions

    for module, names in (
        (iam_evaluator, ("evaluate", "_gather_role_policies", "_service_principal_matches", "_conditions_met")),
        (iam, ("_roles",)),
        (lambda_svc, ("_get_func_record_for_ref",)),
        (sqs, ("_queue_by_arn", "_act_send_message", "_Err")),
        (stepfunctions, ("_start_execution", "_invoke_aws_sdk_integration", "_ExecutionError")),
        (sns, ("publish_internal", "SnsPublishError")),
        (eventbridge, ("_dispatch_to_lambda", "_put_events")),
    ):
        for name in names:
            require(module, name)


class Failed(Exception):
    """A target did not accept a call."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def call(schedule: dict[str, Any], payload: str) -> None:
    """Raises Failed. What a function or an execution does later is not the schedule's concern."""
    target = schedule["Target"]
    arn = str(target["Arn"])
    service, resource = arn.split(":")[2], arn.split(":", 5)[-1]
    if service == "scheduler":
        _call_universal(resource, payload)
        return
    if service not in _TARGETS:
        raise Failed("ValidationException", f"the local cloud has no target {arn}")
    action, deliver = _TARGETS[service]
    _check_role(schedule, action, arn)
    deliver(target, payload)


def bury(schedule: dict[str, Any], payload: str, attributes: dict[str, Any]) -> None:
    """Sends what a target refused to the schedule's dead-letter queue. Raises Failed."""
    queue = schedule["Target"]["DeadLetterConfig"]["Arn"]
    _check_role(schedule, "sqs:SendMessage", queue)
    _send(queue, payload, MessageAttributes=attributes)


def _check_role(schedule: dict[str, Any], action: str, resource: str) -> None:
    """Whether the scheduler may assume the target's role for this schedule, and the role may do this."""
    from ministack.core import iam_evaluator as iam
    from ministack.core.responses import get_account_id, get_region

    role, account = str(schedule["Target"]["RoleArn"]), get_account_id()
    name = role.rsplit("/", 1)[-1]
    caller = f"arn:aws:sts::{account}:assumed-role/{name}/scheduler"
    context = iam.EvalContext(caller, "AssumedRole", account, action, resource, get_region())
    if not _trusts(name, schedule):
        raise Failed("AccessDeniedException", f"scheduler.amazonaws.com may not assume {role}")
    if iam.evaluate(context, iam._gather_role_policies(name, account)).decision != "Allow":
        raise Failed("AccessDeniedException", f"{role} may not {action} on {resource}")


def _trusts(role: str, schedule: dict[str, Any]) -> bool:
    from ministack.core import iam_evaluator as iam
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import iam as roles

    account = get_account_id()
    record = roles._roles.get_scoped(account, None, role) or {}
    document = record.get("AssumeRolePolicyDocument") or {}
    document = json.loads(document) if isinstance(document, str) else document
    group = f"arn:aws:scheduler:{get_region()}:{account}:schedule-group/{schedule.get('GroupName', 'default')}"
    source = {"aws:sourcearn": group, "aws:sourceaccount": account}
    context = iam.EvalContext("", "Service", account, "sts:AssumeRole", "*", get_region(), service_context=source)
    statements = document.get("Statement") or []
    return any(
        each.get("Effect") == "Allow"
        and "sts:AssumeRole" in each.get("Action", ())
        and iam._service_principal_matches(each.get("Principal"), "scheduler.amazonaws.com")
        and iam._conditions_met(each.get("Condition", {}), context)
        for each in ([statements] if isinstance(statements, dict) else statements)
    )


def _call_function(target: dict[str, Any], payload: str) -> None:
    from ministack.services import eventbridge, lambda_svc

    found, config, _name = lambda_svc._get_func_record_for_ref(target["Arn"])
    if not found or not config:
        raise Failed("ResourceNotFoundException", f"Function not found: {target['Arn']}")
    eventbridge._dispatch_to_lambda(target["Arn"], payload)


def _send_message(target: dict[str, Any], payload: str) -> None:
    _send(target["Arn"], payload, MessageGroupId=(target.get("SqsParameters") or {}).get("MessageGroupId"))


def _send(arn: str, body: str, **more: Any) -> None:
    from ministack.services import sqs

    queue = sqs._queue_by_arn(arn)
    if queue is None:
        raise Failed("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
    try:
        sqs._act_send_message({"MessageBody": body, **more}, queue["url"])
    except sqs._Err as error:
        raise Failed(error.code, error.message) from None


def _start_execution(target: dict[str, Any], payload: str) -> None:
    from ministack.services import stepfunctions

    _checked(stepfunctions._start_execution({"stateMachineArn": target["Arn"], "input": payload}))


def _publish(target: dict[str, Any], payload: str) -> None:
    from ministack.services import sns

    try:
        published = sns.publish_internal(target["Arn"], payload)
    except sns.SnsPublishError as error:
        raise Failed("InvalidParameter", str(error)) from None
    if published is None:
        raise Failed("NotFound", "Topic does not exist")


def _put_event(target: dict[str, Any], payload: str) -> None:
    from ministack.services import eventbridge

    given = target.get("EventBridgeParameters") or {}
    entry = {"Source": given.get("Source"), "DetailType": given.get("DetailType"), "Detail": payload}
    told = _checked(eventbridge._put_events({"Entries": [{**entry, "EventBusName": target["Arn"]}]}))
    for each in told.get("Entries", ()):
        if each.get("ErrorCode"):
            raise Failed(each["ErrorCode"], each.get("ErrorMessage", ""))


def _call_universal(resource: str, payload: str) -> None:
    """``aws-sdk:sqs:sendMessage``: with what Step Functions has for it here. The role is not checked."""
    from ministack.services import stepfunctions

    try:
        stepfunctions._invoke_aws_sdk_integration(f"arn:aws:states:::{resource}", json.loads(payload))
    except stepfunctions._ExecutionError as error:
        raise Failed(error.error, error.cause) from None
    except ValueError:
        raise Failed("ValidationException", "Input must be JSON") from None


def _checked(answer: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer[2])
    if answer[0] >= 400:
        raise Failed(str(body.get("__type", "InternalFailure")), str(body.get("message") or body.get("Message") or ""))
    return body


_TARGETS = {
    "lambda": ("lambda:InvokeFunction", _call_function),
    "sqs": ("sqs:SendMessage", _send_message),
    "states": ("states:StartExecution", _start_execution),
    "sns": ("sns:Publish", _publish),
    "events": ("events:PutEvents", _put_event),
}
