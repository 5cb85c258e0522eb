"""Starts operations, and starts those again whose executions have died."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from docplatform.runtime.operations.model import (
    MOST_GIVE_UPS,
    MOST_RESTARTS,
    PATIENCE,
    Operation,
    OperationKey,
    OperationState,
    new_operation,
    outcome_of,
)
from docplatform.runtime.operations.store import OperationStore, StaleOperation

_RECENT = 25  # events of a history in which the present state is looked for


class OperationService:
    def __init__(
        self, store: OperationStore, step_functions: Any, workflows: Mapping[str, str], now: Callable[[], datetime]
    ) -> None:
        """``workflows``: the ARN of the Standard state machine for each kind of operation."""
        self._store, self._client, self._workflows, self._now = store, step_functions, workflows, now

    def start(self, key: OperationKey, given: dict[str, str]) -> Operation:
        """Start an operation, once: a repeated call returns it as it is. The record comes first, so that no execution is without one.
        Raises ValueError for a key of an unknown kind, or that cannot name an execution; then nothing is stored."""
        if key.kind not in self._workflows:
            raise ValueError(f"no workflow is known for operations of the kind '{key.kind}'")
        created = new_operation(key, given, self._now())
        operation = self._store.begin(created)
        if operation is created:
            self._execute(operation)
        return operation

    def refresh(self, operation: Operation) -> Operation:
        """The operation as it is now; its record ends when its execution has succeeded. Nothing is started again."""
        execution = self._execution(operation)
        if execution["status"] == "RUNNING":
            return operation
        with suppress(StaleOperation):
            if execution["status"] == "SUCCEEDED":
                return self._end(operation, execution)
        return self._store.get(operation.key) or operation

    def check(self, operation: Operation) -> Operation:
        """End the operation if its execution has succeeded. Start it again if the execution has died, or does not advance. When it was
        started as often as it may be, give it up: executions that only mark it as failed follow, and then it has failed. Raises
        StaleOperation when somebody else does it at the same moment."""
        at, execution = self._now(), self._execution(operation)
        if execution["status"] == "SUCCEEDED":
            return self._end(operation, execution)
        if execution["status"] == "RUNNING":
            step, heartbeat_at = self._progress(operation, execution["startDate"])
            if at - heartbeat_at < PATIENCE:
                return self._store.saw(operation, at, step=step, heartbeat_at=heartbeat_at)
        if operation.restarts >= MOST_RESTARTS + MOST_GIVE_UPS:
            self._stop(operation, execution)
            return self._store.end(operation, OperationState.FAILED, at, "")
        resumed = self._store.resume(operation, at)
        self._stop(operation, execution)
        self._execute(resumed)
        return resumed

    def _end(self, operation: Operation, execution: dict[str, Any]) -> Operation:
        state = OperationState.FAILED if operation.is_given_up else OperationState.DONE
        return self._store.end(operation, state, execution["stopDate"], outcome_of(execution))

    def _execute(self, operation: Operation) -> None:
        """A name that was used is one that was started: another caller was faster, or AWS has answered too late."""
        given = {**operation.input, "tenant_id": operation.key.tenant_id, "give_up": operation.is_given_up}
        try:
            self._client.start_execution(
                stateMachineArn=self._workflows[operation.key.kind], name=operation.execution, input=json.dumps(given)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    def _execution(self, operation: Operation) -> dict[str, Any]:
        """As Step Functions describes it. One that was never started has the status MISSING."""
        try:
            return dict(self._client.describe_execution(executionArn=self._arn(operation)))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise
            return {"status": "MISSING"}

    def _progress(self, operation: Operation, started_at: datetime) -> tuple[str, datetime]:
        """The state that was entered last, and the time of the latest event."""
        events = self._client.get_execution_history(
            executionArn=self._arn(operation), reverseOrder=True, maxResults=_RECENT, includeExecutionData=False
        )["events"]
        entered = (each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each)
        return next(entered, operation.step), events[0]["timestamp"] if events else started_at

    def _stop(self, operation: Operation, execution: dict[str, Any]) -> None:
        if execution["status"] == "RUNNING":
            self._client.stop_execution(executionArn=self._arn(operation), error="NoProgress")

    def _arn(self, operation: Operation) -> str:
        machine = self._workflows[operation.key.kind]
        return f"{machine.replace(':stateMachine:', ':execution:')}:{operation.execution}"
