"""What is asked of the scheduler is checked, by the API and by templates alike."""

from __future__ import annotations

import json
import time
from typing import Any

from local.cloud.patches import expect, require, schedule_times

_MEMBERS = (
    *("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target", "State", "Description"),
    *("GroupName", "StartDate", "EndDate", "ActionAfterCompletion", "KmsKeyArn"),
)


def check(scheduler: Any) -> None:
    create, update = require(scheduler, "_create_schedule"), require(scheduler, "_update_schedule")
    get = require(scheduler, "_get_schedule")
    for name in ("_error", "_schedules", "_schedule_arn"):
        require(scheduler, name)

    def checked_create(name: str, body: dict[str, Any]) -> Any:
        refused = _refusal(body, time.time())
        return scheduler._error(400, "ValidationException", refused) if refused else create(name, body)

    def checked_update(name: str, body: dict[str, Any]) -> Any:
        key = f"{body.get('GroupName', 'default')}/{name}"
        known = scheduler._schedules.get(key)
        same = known is not None and _when(known) == _when(body)
        refused = _refusal(body, float("-inf") if same else time.time())
        if refused:
            return scheduler._error(400, "ValidationException", refused)
        answer = update(name, body)
        if same and "Fired" in known and answer[0] < 400:
            scheduler._schedules[key]["Fired"] = known["Fired"]
        return answer

    def shown(name: str, query: dict[str, str]) -> Any:
        status, headers, body = get(name, query)
        return status, headers, json.dumps({k: v for k, v in json.loads(body).items() if k != "Fired"}).encode()

    scheduler._create_schedule, scheduler._update_schedule = checked_create, checked_update
    scheduler._get_schedule = shown


def _when(schedule: dict[str, Any]) -> tuple[Any, Any]:
    return schedule.get("ScheduleExpression"), schedule.get("ScheduleExpressionTimezone") or "UTC"


def _refusal(body: dict[str, Any], now: float) -> str:
    """Why AWS refuses such a schedule; empty where it does not, or where the emulator says it itself."""
    if body.get("ScheduleExpression"):
        try:
            schedule_times.check(str(body["ScheduleExpression"]), _when(body)[1], now)
        except schedule_times.Invalid as error:
            return str(error)
    window = body.get("FlexibleTimeWindow") or {"Mode": "OFF"}
    if window.get("Mode") not in ("OFF", "FLEXIBLE"):
        return "Value at 'flexibleTimeWindow.mode' failed to satisfy constraint: [OFF, FLEXIBLE]"
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        return "MaximumWindowInMinutes must be given for a flexible time window, and for no other."
    policy = (body.get("Target") or {}).get("RetryPolicy") or {}
    for name, least, greatest in (("MaximumEventAgeInSeconds", 60, 86_400), ("MaximumRetryAttempts", 0, 185)):
        if not least <= int(policy.get(name, greatest)) <= greatest:
            return f"Value at 'target.retryPolicy.{name}' failed to satisfy constraint: {least} to {greatest}"
    return ""


def deploy(scheduler: Any, provisioners: Any) -> None:
    """Has CloudFormation pass on every property, and fail where the schedule is refused."""
    handlers, name_of = require(provisioners, "_RESOURCE_HANDLERS"), require(provisioners, "_physical_name")
    handler = handlers.get("AWS::Scheduler::Schedule")
    expect(handler and {"create", "update"} <= set(handler), "AWS::Scheduler::Schedule")

    def put(name: str, properties: dict[str, Any]) -> tuple[str, dict[str, str]]:
        body = {member: properties[member] for member in _MEMBERS if member in properties}
        group = body.setdefault("GroupName", "default")
        known = f"{group}/{name}" in scheduler._schedules
        answer = (scheduler._update_schedule if known else scheduler._create_schedule)(name, body)
        if answer[0] >= 400:
            raise ValueError(json.loads(answer[2])["Message"])
        return name, {"Arn": scheduler._schedule_arn(group, name)}

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        return put(properties.get("Name") or name_of(stack, logical_id, max_len=64), properties)

    def update(physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str) -> Any:
        return put(new.get("Name") or physical_id, new)

    handlers["AWS::Scheduler::Schedule"] = {**(handler or {}), "create": create, "update": update}
