"""EventBridge Scheduler: schedules are checked, fire when they are due by the cloud's clock, and are delivered as on AWS.

The emulator takes any expression, looks every ten seconds, reads every time as UTC, forgets at a stop what has fired, and drops what a
target refuses. Here a schedule that was due several times (the clock has moved, or the cloud stood still) fires once, for its latest
time. A call that a target refuses is repeated as the retry policy says, and goes to the dead-letter queue then.
"""

from __future__ import annotations

import copy
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from local.cloud import clock, lifecycle
from local.cloud.patches import expect, require, schedule_requests, schedule_targets, schedule_times

_TICK = 1.0  # seconds
_LONGEST_PAUSE = 60.0  # seconds between two attempts
_deliveries: list[dict[str, Any]] = []
"""What a target has not accepted yet; stored with the schedules."""


def apply() -> None:
    from ministack.services import scheduler
    from ministack.services.cloudformation import provisioners

    for name in ("_schedules", "_ticker_loop", "logger"):
        require(scheduler, name)
    schedule_targets.check()
    schedule_times.check_emulator()
    schedule_requests.check(scheduler)
    schedule_requests.deploy(scheduler, provisioners)
    _store(scheduler)
    scheduler._ticker_loop = _loop


def _store(scheduler: Any) -> None:
    get_state, load = scheduler.get_state, scheduler.load_persisted_state
    expect("deliveries" not in get_state(), "the emulator stores deliveries of schedules by itself now")

    def get_all() -> dict[str, Any]:
        return {**get_state(), "deliveries": copy.deepcopy(_deliveries)}

    def load_all(data: dict[str, Any]) -> Any:
        _deliveries[:] = data.get("deliveries", [])
        return load(data)

    scheduler.get_state, scheduler.load_persisted_state = get_all, load_all


def _loop() -> None:
    from ministack.services import scheduler

    lifecycle.await_listening(None)
    while not lifecycle.stopping():
        clock.sleep(_TICK)
        try:
            _tick(scheduler)
        except Exception:
            scheduler.logger.exception("a tick of the schedules failed")


def _tick(scheduler: Any) -> None:
    now = time.time()
    for (account, region, key), schedule in list(scheduler._schedules._data.items()):
        if schedule.get("State") != "ENABLED":
            continue
        try:
            moment = schedule_times.due(schedule, now)
        except schedule_times.Invalid:
            continue  # stored by a version that checked nothing
        if moment is not None:
            schedule["Fired"] = moment
            _deliveries.append(
                {
                    "account": account,
                    "region": region,
                    "schedule": copy.deepcopy(schedule),
                    "due": moment,
                    "attempt": 0,
                    "began": now,
                    "next": now,
                }
            )
        if schedule.get("ActionAfterCompletion") == "DELETE" and _is_over(schedule, now):
            scheduler._schedules._data.pop((account, region, key), None)
    for delivery in list(_deliveries):
        if delivery["next"] <= now and _is_done(scheduler, delivery):
            _deliveries.remove(delivery)


def _is_over(schedule: dict[str, Any], now: float) -> bool:
    if schedule_times.is_one_time(schedule["ScheduleExpression"]):
        return "Fired" in schedule
    ends = schedule_times.epoch(schedule.get("EndDate"))
    return ends is not None and now > ends


def _is_done(scheduler: Any, delivery: dict[str, Any]) -> bool:
    """Calls the target; whether that needs no repetition."""
    from ministack.core.responses import request_scope

    execution = uuid.uuid4().hex[:16]
    payload = _payload(delivery, execution)
    with request_scope(delivery["account"], delivery["region"]):
        failure = _refused(scheduler, delivery["schedule"], payload)
        exhausted = _exhausted(delivery)
        if failure is not None and not exhausted:
            if delivery["attempt"] == 0:
                scheduler.logger.warning("%s is tried again: %s", delivery["schedule"]["Arn"], failure)
            delivery["next"] = time.time() + min(2.0 ** delivery["attempt"], _LONGEST_PAUSE)
            delivery["attempt"] += 1
            return False
        if failure is not None:
            _bury(scheduler, delivery, payload, execution, failure, exhausted)
        return True


def _refused(scheduler: Any, schedule: dict[str, Any], payload: str) -> schedule_targets.Failed | None:
    try:
        schedule_targets.call(schedule, payload)
    except schedule_targets.Failed as failure:
        return failure
    except Exception as error:
        scheduler.logger.exception("the call of %s failed", schedule["Arn"])
        return schedule_targets.Failed("InternalFailure", repr(error))
    return None


def _exhausted(delivery: dict[str, Any]) -> str:
    """The part of the retry policy that allows no further attempt; empty where one is allowed."""
    policy = delivery["schedule"]["Target"].get("RetryPolicy") or {}
    if delivery["attempt"] >= int(policy.get("MaximumRetryAttempts", 185)):
        return "MaximumRetryAttempts"
    age = time.time() - delivery["began"]
    return "MaximumEventAgeInSeconds" if age > int(policy.get("MaximumEventAgeInSeconds", 86_400)) else ""


def _payload(delivery: dict[str, Any], execution: str) -> str:
    """docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html"""
    arn, at = delivery["schedule"]["Arn"], _text(delivery["due"])
    given = delivery["schedule"]["Target"].get("Input")
    if given is None:
        event = {"version": "0", "id": str(uuid.uuid4()), "detail-type": "Scheduled Event", "source": "aws.scheduler"}
        place = {"account": delivery["account"], "time": at, "region": delivery["region"]}
        return json.dumps({**event, **place, "resources": [arn], "detail": "{}"})
    payload = str(given)
    known = {"schedule-arn": arn, "scheduled-time": at, "execution-id": execution}
    for name, value in {**known, "attempt-number": str(delivery["attempt"] + 1)}.items():
        payload = payload.replace(f"<aws.scheduler.{name}>", value)
    return payload


def _text(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _bury(scheduler: Any, delivery: dict[str, Any], payload: str, execution: str, failure: Any, exhausted: str) -> None:
    """docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"""
    target, arn = delivery["schedule"]["Target"], delivery["schedule"]["Arn"]
    scheduler.logger.warning("%s was not delivered: %s", arn, failure)
    if not target.get("DeadLetterConfig"):
        return
    told = {
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": failure.message,
        "EXECUTION_ID": execution,
        "EXHAUSTED_RETRY_CONDITION": exhausted,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(delivery["attempt"]),
        "SCHEDULED_TIME": _text(delivery["due"]),
        "SCHEDULE_ARN": arn,
        "TARGET_ARN": target["Arn"],
    }
    attributes = {name: {"DataType": "String", "StringValue": value or "-"} for name, value in told.items()}
    try:
        schedule_targets.bury(delivery["schedule"], payload, attributes)
    except schedule_targets.Failed as error:
        scheduler.logger.warning("the dead-letter queue of %s did not take the event: %s", arn, error)
