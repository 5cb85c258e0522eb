"""Executions wait and end by the cloud's clock, and their names are as on AWS.

The emulator refuses every name that was used, lets a state machine run past its TimeoutSeconds, hears no missing heartbeat, and waits in
real seconds. (HeartbeatSeconds of activities is still not looked at: the platform has none.)
"""

from __future__ import annotations

import contextvars
import json
import re
import threading
import time
import uuid
from datetime import datetime
from functools import partial
from typing import Any

from local.cloud import clock
from local.cloud.patches import require

_NAME_IS_FREE_AFTER = 90 * 86_400.0  # seconds after an execution's end
_FOREVER = 99_999_999  # seconds: what AWS takes where a task has no TimeoutSeconds
_BAD_NAME = re.compile(r"""[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]""")
_current: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("execution", default=None)
_waiting: dict[str, float] = {}
"""Task token → when its present attempt began."""
_beats: dict[str, float] = {}
"""Task token → when its last heartbeat came."""


def apply() -> None:
    from ministack.services import stepfunctions

    for name in ("_executions", "_state_machines", "_resolve_state_machine_arn", "_add_event", "_ExecutionError"):
        require(stepfunctions, name)
    for name in ("_SFN_WAIT_SCALE", "_invoke_resource", "_task_tokens", "_resolve_path_or_ctx", "_jsonata_state_field"):
        require(stepfunctions, name)
    require(stepfunctions, "_emit_execution_status_event")
    _reuse_names(stepfunctions)
    _wait_by_the_clock(stepfunctions)
    _end_executions(stepfunctions)
    _end_tasks(stepfunctions)
    _hear_heartbeats(stepfunctions)


def _reuse_names(sfn: Any) -> None:
    """docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""
    start = require(sfn, "_start_execution")

    def named(data: dict[str, Any]) -> Any:
        name = data.get("name")
        machine = sfn._state_machines.get(
            sfn._resolve_state_machine_arn(data.get("stateMachineArn", "").partition("#")[0])
        )
        if name is None or machine is None:
            return start(data)
        if not 1 <= len(name) <= 80 or _BAD_NAME.search(name):
            return sfn.error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
        if machine["type"] == "EXPRESS":
            return _start_again(sfn, start, data, name)
        arn = machine["stateMachineArn"].replace(":stateMachine:", ":execution:") + f":{name}"
        known = sfn._executions.get(arn)
        if known is None:
            return start(data)
        if known["status"] == "RUNNING":
            if known["input"] == data.get("input", "{}"):
                return sfn.json_response({"executionArn": arn, "startDate": known["startDate"]})
        elif time.time() - datetime.fromisoformat(known["stopDate"]).timestamp() > _NAME_IS_FREE_AFTER:
            del sfn._executions[arn]
        return start(data)

    sfn._start_execution = named


def _start_again(sfn: Any, start: Any, data: dict[str, Any], name: str) -> Any:
    """Starts an Express execution. Each start is one of its own, whatever its name
    (docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html)."""
    answer = start({**data, "name": f"{name}:{uuid.uuid4()}"})
    if answer[0] < 400:
        sfn._executions[json.loads(answer[2])["executionArn"]]["name"] = name
    return answer


def _wait_by_the_clock(sfn: Any) -> None:
    """Replaces the sleep of Wait states and of retries. It ends with the execution, too."""
    require(sfn, "_scaled_sleep")

    def sleep(seconds: float) -> None:
        clock.wait_until(time.time() + seconds * sfn._SFN_WAIT_SCALE, _has_ended)
        _go_on(sfn)

    sfn._scaled_sleep = sleep


def _has_ended() -> bool:
    execution = _current.get()
    return execution is not None and execution["status"] != "RUNNING"


def _go_on(sfn: Any) -> None:
    if _has_ended():
        raise sfn._ExecutionError("States.Runtime", "the execution has ended")


def _end_executions(sfn: Any) -> None:
    run, fail, stop = require(sfn, "_run_execution"), require(sfn, "_fail_execution"), require(sfn, "_stop_execution")

    def limited(arn: str) -> None:
        execution = sfn._executions.get(arn)
        machine = sfn._state_machines.get(execution["stateMachineArn"]) if execution else None
        seconds = _limit(machine["definition"]) if machine else None
        if seconds:
            clock.call_at(time.time() + seconds, partial(_time_out, sfn, arn))
        known = _current.set(execution)
        try:
            run(arn)
        finally:
            _current.reset(known)

    def failed(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    def stopped(data: dict[str, Any]) -> Any:
        answer = stop(data)
        clock.wake()
        return answer

    sfn._run_execution, sfn._fail_execution, sfn._stop_execution = limited, failed, stopped


def _limit(definition: str) -> float | None:
    try:
        found = json.loads(definition).get("TimeoutSeconds")
    except (ValueError, AttributeError):
        return None  # the execution fails with what is wrong
    return float(found) if isinstance(found, int | float) else None


def _time_out(sfn: Any, arn: str) -> None:
    execution = sfn._executions.get(arn)
    if execution is None or execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=sfn.now_iso())
    sfn._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
    sfn._emit_execution_status_event(execution)
    clock.wake()


def _end_tasks(sfn: Any) -> None:
    execute, call = require(sfn, "_execute_task"), require(sfn, "_invoke_with_callback")
    require(sfn, "_invoke_resource_with_timeout")

    def task(state: dict[str, Any], given: Any, execution: Any, context: Any) -> Any:
        _go_on(sfn)
        return execute({**state, **_limits(sfn, state, given, context)}, given, execution, context)

    def call_back(resource: str, given: Any, token: str, state: dict[str, Any]) -> Any:
        _waiting[token] = began = time.time()
        if "TimeoutSeconds" in state:
            clock.call_at(began + state["TimeoutSeconds"], partial(_fail_task, sfn, token, began, "States.Timeout"))
        if "HeartbeatSeconds" in state:
            interval = state["HeartbeatSeconds"]
            clock.call_at(began + interval, partial(_look_for_heartbeat, sfn, token, began, interval))
        try:
            return call(resource, given, token, {**state, "TimeoutSeconds": _FOREVER})
        finally:
            _waiting.pop(token, None)
            _beats.pop(token, None)

    sfn._execute_task, sfn._invoke_with_callback = task, call_back
    sfn._invoke_resource_with_timeout = partial(_invoke_with_timeout, sfn)


def _limits(sfn: Any, state: dict[str, Any], given: Any, context: Any) -> dict[str, float]:
    """TimeoutSeconds and HeartbeatSeconds as numbers: a state gives the number, a path to it, or an expression."""
    found = {}
    for name in ("TimeoutSeconds", "HeartbeatSeconds"):
        if f"{name}Path" in state:
            found[name] = sfn._resolve_path_or_ctx(state[f"{name}Path"], given, context)
        elif isinstance(state.get(name), str):
            found[name] = sfn._jsonata_state_field(state, name, "number", given, context)
    return found


def _fail_task(sfn: Any, token: str, began: float, error: str) -> None:
    """Does nothing for an attempt that is over."""
    task = sfn._task_tokens.get(token)
    if task is not None and _waiting.get(token) == began:
        task["error"] = {"Error": error, "Cause": ""}
        task["event"].set()


def _look_for_heartbeat(sfn: Any, token: str, began: float, interval: float) -> None:
    if _waiting.get(token) != began:
        return
    due = max(began, _beats.get(token, began)) + interval
    if due <= time.time():
        _fail_task(sfn, token, began, "States.HeartbeatTimeout")
    else:
        clock.call_at(due, partial(_look_for_heartbeat, sfn, token, began, interval))


def _invoke_with_timeout(sfn: Any, resource: str, given: Any, timeout: float) -> Any:
    """The call goes on when its time is over, and its result is ignored."""
    outcome: list[tuple[Any, BaseException | None]] = []

    def invoke() -> None:
        try:
            outcome.append((sfn._invoke_resource(resource, given), None))
        except BaseException as error:
            outcome.append((None, error))
        clock.wake()

    threading.Thread(target=contextvars.copy_context().run, args=(invoke,), daemon=True, name="task").start()
    clock.wait_until(time.time() + timeout, lambda: bool(outcome) or _has_ended())
    _go_on(sfn)
    if not outcome:
        raise sfn._ExecutionError("States.Timeout", f"Task timed out after {timeout} seconds")
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def _hear_heartbeats(sfn: Any) -> None:
    beat, matches = require(sfn, "_send_task_heartbeat"), require(sfn, "_error_matches")

    def heard(data: dict[str, Any]) -> Any:
        answer = beat(data)
        if answer[0] < 400:
            _beats[data["taskToken"]] = time.time()
        return answer

    def match(names: list[str], error: str) -> bool:
        """``States.Timeout`` names both kinds of time-out."""
        return bool(matches(names, error)) or (error == "States.HeartbeatTimeout" and "States.Timeout" in names)

    sfn._send_task_heartbeat, sfn._error_matches = heard, match
