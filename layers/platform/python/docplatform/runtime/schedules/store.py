"""Runs of jobs in the operations table, with the function's own role. They hold ids, times and counts: nothing of any tenant's data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from docplatform.core.jitter import jitter
from docplatform.core.time import rfc3339
from docplatform.infra.dynamodb.codec import Item, decode_item, encode_item
from docplatform.infra.dynamodb.mapper import from_item, to_item
from docplatform.runtime.schedules.model import Counts, PartRun, Run, RunState, due_text

_KEPT = timedelta(days=90)
_UNFINISHED = "unfinished#run"
_SINCE = "!since"  # sorts before every due time
_ATTEMPTS = 8

T = TypeVar("T")


class RunStore:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    # -- runs of the region
    def begin(self, run: Run) -> Run:
        """Store the run. Returns the one that is stored already, where there is one."""
        late = f"{rfc3339(run.late_at)}#{run.job}#{due_text(run.due)}"
        item = {**_run_item(run), "gsi1pk": _UNFINISHED, "gsi1sk": late, "expires": _expires(run.begun_at)}
        if self._put_new(item):
            return run
        stored = self.run(run.job, run.due)
        return stored or run

    def run(self, job: str, due: datetime) -> Run | None:
        item = self._get(f"job#{job}", due_text(due))
        return from_item(Run, item) if item else None

    def newest(self, job: str, limit: int) -> list[Run]:
        """The runs that were due last, the latest first."""
        found = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk > :since",
            ExpressionAttributeValues=encode_item({":pk": f"job#{job}", ":since": f"{_SINCE}~"}),
            ScanIndexForward=False,
            Limit=limit,
            ConsistentRead=True,
        )
        return [from_item(Run, decode_item(item)) for item in found["Items"]]

    def advance(self, run: Run, *, queued: int, cursor: str) -> Run:
        """Note that messages of one more page are on the queue. ``cursor`` '' is the last page. Raises StaleRun when another tick has noted
        it meanwhile."""
        state = RunState.QUEUEING if cursor else RunState.RUNNING
        return self._update_run(
            run,
            "SET queued = queued + :queued, #cursor = :cursor, #state = :state",
            {":queued": queued, ":cursor": cursor, ":state": state.value},
            condition="#cursor = :before AND #state = :queueing",
            conditioned={":before": run.cursor, ":queueing": RunState.QUEUEING.value},
        )

    def end(self, run: Run, at: datetime) -> None:
        """End a run whose parts have all ended. Nothing happens when that was done before."""
        state = RunState.FAILED if run.failed else RunState.DONE
        with suppress(StaleRun):
            self._update_run(
                run,
                "SET ended_at = :at, #state = :state REMOVE gsi1pk, gsi1sk",
                {":at": at, ":state": state.value},
                condition="#state = :running",
                conditioned={":running": RunState.RUNNING.value},
            )

    def late(self, at: datetime) -> Iterator[tuple[str, str]]:
        """Job and due time of each run that is unfinished after its deadline. The index shows a change after a moment."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="gsi1",
            KeyConditionExpression="gsi1pk = :pk AND gsi1sk < :at",
            ExpressionAttributeValues=encode_item({":pk": _UNFINISHED, ":at": rfc3339(at)}),
        )
        for page in pages:
            for item in page["Items"]:
                yield item["pk"]["S"].removeprefix("job#"), item["sk"]["S"]

    # -- parts
    def begin_part(self, run: Run, part: PartRun) -> PartRun:
        """Begin a part that is new, or whose lease has ended. Otherwise returns what is stored."""
        item = {**_part_item(run, part), "expires": _expires(run.begun_at)}
        if self._put_new(item, or_leased_until=part.begun_at):
            return part
        return self.part(run, part.part) or part

    def part(self, run: Run, part: str) -> PartRun | None:
        """What is stored of a part, which is a tenant's id or REGION; None if it has not begun."""
        item = self._get(_parts(run), part)
        return from_item(PartRun, item) if item else None

    def release_part(self, run: Run, part: PartRun, at: datetime) -> None:
        """End the lease, so that the part can begin again at once. Nothing happens when another consumer has begun the part meanwhile:
        the lease is its own."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._table,
                Key=encode_item({"pk": _parts(run), "sk": part.part}),
                UpdateExpression="SET lease_until = :at",
                ConditionExpression="begun_at = :begun",
                ExpressionAttributeValues=encode_item({":at": at, ":begun": part.begun_at}),
            )

    def end_part(self, run: Run, part: PartRun, at: datetime, *, error: str, counts: Counts) -> None:
        """End a part and count it in its run, once. Raises StaleRun when another consumer has begun it meanwhile."""
        state = RunState.FAILED if error else RunState.DONE
        ended = replace(part, state=state, ended_at=at, result=error, counts=counts)
        counted = "failed" if error else "succeeded"
        writes = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": encode_item({**_part_item(run, ended), "expires": _expires(run.begun_at)}),
                    "ConditionExpression": "#state = :running AND begun_at = :begun",
                    "ExpressionAttributeNames": {"#state": "state"},
                    "ExpressionAttributeValues": encode_item(
                        {":running": RunState.RUNNING.value, ":begun": part.begun_at}
                    ),
                }
            },
            {
                "Update": {
                    "TableName": self._table,
                    "Key": encode_item({"pk": f"job#{run.job}", "sk": due_text(run.due)}),
                    "UpdateExpression": f"ADD {counted} :one",
                    "ExpressionAttributeValues": encode_item({":one": 1}),
                }
            },
        ]
        try:
            _until_free(lambda: self._client.transact_write_items(TransactItems=writes))
        except self._client.exceptions.TransactionCanceledException as refused:
            if _reasons(refused)[0] != "ConditionalCheckFailed":
                raise
            raise StaleRun(part.part) from refused

    # -- jobs
    def first_seen(self, job: str, at: datetime) -> datetime:
        """Since when the watch knows the job; now, if it is new."""
        item = {"pk": f"job#{job}", "sk": _SINCE, "at": at}
        if self._put_new(item):
            return at
        stored = self._get(f"job#{job}", _SINCE)
        return datetime.fromisoformat(stored["at"]) if stored else at

    # -- calls
    def _get(self, pk: str, sk: str) -> Item | None:
        key = encode_item({"pk": pk, "sk": sk})
        found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return decode_item(found["Item"]) if "Item" in found else None

    def _put_new(self, item: Item, *, or_leased_until: datetime | None = None) -> bool:
        """Whether the item was put: there was none, or one whose lease ended before."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if or_leased_until is not None:
            condition = {
                "ConditionExpression": "attribute_not_exists(pk) OR (#state = :running AND lease_until <= :now)",
                "ExpressionAttributeNames": {"#state": "state"},
                "ExpressionAttributeValues": encode_item({":running": RunState.RUNNING.value, ":now": or_leased_until}),
            }
        try:
            self._client.put_item(TableName=self._table, Item=encode_item(item), **condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _update_run(
        self, run: Run, update: str, values: dict[str, Any], *, condition: str, conditioned: dict[str, Any]
    ) -> Run:
        expression = f"{update} {condition}"
        names = {f"#{name}": name for name in ("cursor", "state") if f"#{name}" in expression}
        try:
            answer = _until_free(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key=encode_item({"pk": f"job#{run.job}", "sk": due_text(run.due)}),
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=encode_item({**values, **conditioned}),
                    ReturnValues="ALL_NEW",
                )
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise StaleRun(run.job) from error
        return from_item(Run, decode_item(answer["Attributes"]))


class StaleRun(RuntimeError):
    """Somebody else has changed the run meanwhile. A fault of no one: the other one goes on with it."""


def _run_item(run: Run) -> Item:
    return {"pk": f"job#{run.job}", "sk": due_text(run.due), **to_item(run)}


def _part_item(run: Run, part: PartRun) -> Item:
    return {"pk": _parts(run), "sk": part.part, **to_item(part)}


def _parts(run: Run) -> str:
    return f"job#{run.job}#{due_text(run.due)}"


def _expires(begun_at: datetime) -> int:
    return int((begun_at + _KEPT).timestamp())


def _until_free(write: Callable[[], T]) -> T:
    """Write again while DynamoDB refuses because a transaction changes the same item: all parts of a run count in one item
    (docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling)."""
    for attempt in range(_ATTEMPTS - 1):
        try:
            return write()
        except ClientError as refused:
            if not _is_conflict(refused):
                raise
        time.sleep(jitter(0.02 * 2**attempt))  # full jitter
    return write()


def _is_conflict(refused: ClientError) -> bool:
    """Whether another transaction is all that stood against a write."""
    if refused.response["Error"]["Code"] == "TransactionConflictException":
        return True
    reasons = _reasons(refused)
    return "TransactionConflict" in reasons and set(reasons) <= {"None", "TransactionConflict"}


def _reasons(refused: ClientError) -> list[str]:
    """Why a transaction was cancelled: a code for each of its writes, in their order."""
    return [str(each["Code"]) for each in refused.response.get("CancellationReasons", [])]
