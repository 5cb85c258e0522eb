"""Changes of the emulator while another thread writes the journal, in one process.

python -m tests.local_cloud.changes_in_emulator FOLDER    prints what the journal says of each, as JSON

It runs in the emulator's virtual environment.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import dynamodb, sqs, stepfunctions

from local.cloud import lifecycle
from local.cloud.durability.changes import CHANGES
from local.cloud.durability.journal import Journal, Record, read
from local.cloud.patches import durable_answers, journaled_items, journaled_messages, journaled_stores

HERE = ("1" * 12, "us-east-1")


def write() -> None:
    """Writes the journal as a thread does that comes in between: not while another one keeps changes together."""

    def come_in_between() -> None:
        if CHANGES.lock.acquire(blocking=False):
            try:
                CHANGES.flush()
            finally:
                CHANGES.lock.release()

    thread = threading.Thread(target=come_in_between)
    thread.start()
    thread.join()


class Interrupted(dict[Any, Any]):
    """The journal is written just before something is taken out."""

    def pop(self, *arguments: Any) -> Any:
        write()
        return super().pop(*arguments)


def make_table(name: str) -> None:
    keys = {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    attributes = [{"AttributeName": "pk", "AttributeType": "S"}]
    answer = dynamodb._create_table({"TableName": name, **keys, "AttributeDefinitions": attributes})
    assert answer[0] == 200


def transaction() -> None:
    make_table("items")
    CHANGES.flush()
    set_item = dynamodb._set_item

    def interrupted(*arguments: Any) -> Any:
        answer = set_item(*arguments)
        write()
        return answer

    dynamodb._set_item = interrupted
    puts = [{"Put": {"TableName": "items", "Item": {"pk": {"S": str(number)}}}} for number in range(3)]
    answer = dynamodb._transact_write_items({"TransactItems": puts})
    assert answer[0] == 200
    dynamodb._set_item = set_item


def make_queue(name: str) -> str:
    made = sqs._act_create_queue({"QueueName": name}, "")
    return str(made["QueueUrl"])


def message() -> None:
    messages = sqs._queues[make_queue("filled")]["messages"]
    write()
    messages.append({"id": "sent", "visible_at": 0, "receive_count": 0, "receipt_handle": None})


def deleted_queue() -> None:
    url = make_queue("deleted")
    CHANGES.flush()
    sqs._queues._data = Interrupted(sqs._queues._data)
    sqs._act_delete_queue({"QueueUrl": url}, url)


def deleted_table() -> None:
    make_table("deleted")
    CHANGES.flush()
    dynamodb._tables._data = Interrupted(dynamodb._tables._data)
    dynamodb._tables.pop("deleted")


def deleted_entry() -> None:
    at = stepfunctions._executions
    at["execution"] = {"status": "SUCCEEDED"}
    CHANGES.flush()
    at._data = Interrupted(at._data)
    at.pop("execution")


STORIES: tuple[Callable[[], None], ...] = (transaction, message, deleted_queue, deleted_table, deleted_entry)


def regular_thread() -> str:
    """The thread that writes what no request has changed, at its first look."""
    loop, seen = asyncio.new_event_loop(), queue.Queue[str]()
    threading.Thread(target=loop.run_forever, daemon=True, name="the loop's").start()
    lifecycle.serve_on(loop)
    lifecycle.mark_listening()
    CHANGES.flush = lambda: seen.put(threading.current_thread().name)  # type: ignore[method-assign]
    threading.Thread(target=durable_answers._write_regularly, daemon=True, name="its own").start()
    found = seen.get()
    lifecycle.mark_stopping()
    return found


def main(folder: Path) -> dict[str, list[list[Record]]]:
    for patch in (journaled_items, journaled_messages, journaled_stores):
        patch.apply()
    told = {}
    for story in STORIES:
        CHANGES.write_to(Journal(folder / story.__name__))
        with request_scope(*HERE):
            story()
        CHANGES.flush()
        lines = (folder / story.__name__).read_text().splitlines()
        told[story.__name__] = [json.loads(line[9:]) for line in lines]
        assert [record for line in told[story.__name__] for record in line] == list(read(folder / story.__name__))
    return told


if __name__ == "__main__":
    json.dump({"lines": main(Path(sys.argv[1])), "thread": regular_thread()}, sys.stdout)
