"""Operations in the operations table, with the function's own role. They hold ids and times: nothing of a tenant's data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from docplatform.core.time import rfc3339
from docplatform.infra.dynamodb.codec import Item, decode_item, encode_item
from docplatform.infra.dynamodb.mapper import from_item, to_item
from docplatform.runtime.operations.model import (
    CHECK_INTERVAL,
    Operation,
    OperationKey,
    OperationState,
    attempt,
    execution_name,
)

_KEPT = timedelta(days=90)  # after the end
_UNFINISHED = "unfinished#operation"


class StaleOperation(RuntimeError):
    """Somebody else has changed the operation meanwhile. A fault of no one: the other one goes on with it."""


class OperationStore:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def begin(self, operation: Operation) -> Operation:
        """Store the operation. Returns the one that is stored already, where there is one."""
        item = {
            **_key(operation.key),
            **to_item(operation, without=("key",)),
            **_listed(operation.key, operation.started_at),
        }
        try:
            self._client.put_item(
                TableName=self._table, Item=encode_item(item), ConditionExpression="attribute_not_exists(pk)"
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self.get(operation.key) or operation
        return operation

    def get(self, key: OperationKey) -> Operation | None:
        found = self._client.get_item(TableName=self._table, Key=encode_item(_key(key)), ConsistentRead=True)
        return _operation(key, decode_item(found["Item"])) if "Item" in found else None

    def to_check(self, at: datetime, limit: int) -> Iterator[OperationKey]:
        """Unfinished operations whose check is due, the most overdue first. The index shows a change after a moment."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="gsi1",
            KeyConditionExpression="gsi1pk = :pk AND gsi1sk < :at",
            ExpressionAttributeValues=encode_item({":pk": _UNFINISHED, ":at": rfc3339(at)}),
            PaginationConfig={"PageSize": limit},
        )
        for item in islice((item for page in pages for item in page["Items"]), limit):
            kind, _, identity = item["sk"]["S"].partition("#")
            yield OperationKey(item["pk"]["S"].removeprefix("operation#"), kind, identity)

    def saw(self, operation: Operation, at: datetime, *, step: str, heartbeat_at: datetime) -> Operation:
        """Store what a check has shown. Raises StaleOperation."""
        return self._update(
            operation,
            "SET step = :step, heartbeat_at = :heartbeat, gsi1sk = :check",
            {":step": step, ":heartbeat": heartbeat_at, ":check": _check_due(operation.key, at)},
        )

    def postpone(self, key: OperationKey, at: datetime) -> None:
        """Check the operation again after CHECK_INTERVAL, whatever its record says. Nothing happens when it has ended."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._table,
                Key=encode_item(_key(key)),
                UpdateExpression="SET gsi1sk = :check",
                ConditionExpression="attribute_exists(gsi1sk)",
                ExpressionAttributeValues=encode_item({":check": _check_due(key, at)}),
            )

    def resume(self, operation: Operation, at: datetime) -> Operation:
        """Store that the next execution begins. Raises StaleOperation, also when somebody else has resumed it at the same moment."""
        restarts = operation.restarts + 1
        return self._update(
            operation,
            "SET restarts = :restarts, #execution = :next, heartbeat_at = :at, gsi1sk = :check",
            {
                ":restarts": restarts,
                ":next": execution_name(operation.key, attempt(restarts)),
                ":at": at,
                ":check": _check_due(operation.key, at),
            },
        )

    def end(self, operation: Operation, state: OperationState, at: datetime, result: str) -> Operation:
        """Raises StaleOperation, also when it has ended before."""
        return self._update(
            operation,
            "SET #state = :state, ended_at = :at, #result = :result, expires = :expires REMOVE gsi1pk, gsi1sk",
            {":state": state.value, ":at": at, ":result": result, ":expires": int((at + _KEPT).timestamp())},
        )

    def _update(self, operation: Operation, update: str, values: dict[str, Any]) -> Operation:
        condition = "#state = :running AND #execution = :present"
        values |= {":running": OperationState.RUNNING.value, ":present": operation.execution}
        used = [name for name in ("state", "execution", "result") if f"#{name}" in f"{update} {condition}"]
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=encode_item(_key(operation.key)),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in used},
                ExpressionAttributeValues=encode_item(values),
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise StaleOperation(operation.execution) from error
        return _operation(operation.key, decode_item(answer["Attributes"]))


def _key(key: OperationKey) -> Item:
    return {"pk": f"operation#{key.tenant_id}", "sk": f"{key.kind}#{key.id}"}


def _operation(key: OperationKey, item: Item) -> Operation:
    return from_item(Operation, item, key=key)


def _listed(key: OperationKey, at: datetime) -> Item:
    return {"gsi1pk": _UNFINISHED, "gsi1sk": _check_due(key, at)}


def _check_due(key: OperationKey, at: datetime) -> str:
    """When the next check is due, as a sort key of its own."""
    return f"{rfc3339(at + CHECK_INTERVAL)}#{key.tenant_id}#{key.kind}#{key.id}"
