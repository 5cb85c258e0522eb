"""An item is deleted soon after its time to live, and the stream tells it.

The emulator looks at every item once a minute and writes no stream record. AWS writes a REMOVE whose user identity is the service
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html). Here the times of items are kept in order, so
that an item goes when its time has come, also by a move of the clock; once a minute they are read anew from all tables.
"""

from __future__ import annotations

import ctypes
import heapq
import threading
import time
from functools import partial
from itertools import count
from typing import Any

from local.cloud import clock, lifecycle
from local.cloud.patches import expect, require

_EVERY = 60.0  # seconds between readings of all tables, for items that came by an import or a restore
_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
_due: list[tuple[float, int, tuple[str, str, str], Any, Any]] = []
"""Expiry, number, (account, region, table), partition key and sort key; the earliest first. An item may be there several times."""
_numbers = count()
_deleting = threading.local()
"""``by_service``: whether this thread's change is a deletion by time to live."""


def apply() -> None:
    from ministack.services import dynamodb, dynamodb_streams

    for name in ("_ttl_settings", "_tables", "_remove_item", "_emit_stream_event", "_replicate_write", "logger"):
        require(dynamodb, name)
    _end_the_emulators()
    _note_writes(dynamodb)
    _sign_records(dynamodb, dynamodb_streams)
    threading.Thread(target=_delete_what_is_due, args=(dynamodb,), daemon=True, name="expiry").start()


def _end_the_emulators() -> None:
    """Ends the emulator's thread, which sleeps: SystemExit is raised in it when it wakes."""
    found = [thread for thread in threading.enumerate() if thread.name == "dynamodb-ttl-reaper"]
    expect(len(found) == 1, "the thread dynamodb-ttl-reaper")
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(found[0].ident or 0), ctypes.py_object(SystemExit))


def _note_writes(dynamodb: Any) -> None:
    set_item = require(dynamodb, "_set_item")

    def put(table: Any, partition: Any, sort: Any, item: Any) -> Any:
        old = set_item(table, partition, sort, item)
        expiry = _expiry(dynamodb._ttl_settings.get(table["TableName"]), item)
        if expiry is not None:
            _, _, _, region, account, _ = table["TableArn"].split(":")
            heapq.heappush(_due, (expiry, next(_numbers), (account, region, table["TableName"]), partition, sort))
            if _due[0][0] == expiry:
                clock.wake()
        return old

    dynamodb._set_item = put


def _expiry(setting: Any, item: Any) -> float | None:
    """The time of an item, in seconds; None where time to live is off, or the item has none or one that is no number."""
    if not item or not setting or setting.get("TimeToLiveStatus") != "ENABLED":
        return None
    value = item.get(setting.get("AttributeName"), {}).get("N")
    return None if value is None else float(value)


def _sign_records(dynamodb: Any, dynamodb_streams: Any) -> None:
    build, cap = require(dynamodb, "_build_change_record"), require(dynamodb_streams, "_cap_page_bytes")

    def signed(*arguments: Any) -> dict[str, Any]:
        record: dict[str, Any] = build(*arguments)
        return {**record, "userIdentity": _IDENTITY} if getattr(_deleting, "by_service", False) else record

    def page(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """As GetRecords spells the identity's members; Lambda spells them as above."""
        told = {"PrincipalId": _IDENTITY["principalId"], "Type": _IDENTITY["type"]}
        return [{**each, "userIdentity": told} if "userIdentity" in each else each for each in cap(records)]

    dynamodb._build_change_record, dynamodb_streams._cap_page_bytes = signed, page


def _delete_what_is_due(dynamodb: Any) -> None:
    lifecycle.await_listening(None)
    while True:
        try:
            _read_all(dynamodb)
            _delete_for(dynamodb, _EVERY)
        except Exception:
            dynamodb.logger.exception("deleting by time to live failed; it goes on")
            time.sleep(1)


def _delete_for(dynamodb: Any, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        moment = min(_earliest(), time.time() + left)
        clock.wait_until(moment, partial(_has_earlier, moment))
        if _earliest() <= time.time():
            lifecycle.call_in_loop(partial(_delete_due, dynamodb))


def _has_earlier(moment: float) -> bool:
    return _earliest() < moment


def _earliest() -> float:
    return _due[0][0] if _due else float("inf")


def _read_all(dynamodb: Any) -> None:
    found = []
    for scope, setting in list(dynamodb._ttl_settings.all_items()):
        table = dynamodb._tables.get_scoped(*scope)
        for partition, items in list(table["items"].items()) if table else ():
            for sort, item in list(items.items()):
                expiry = _expiry(setting, item)
                if expiry is not None:
                    found.append((expiry, next(_numbers), scope, partition, sort))
    lifecycle.call_in_loop(lambda: _replace(found))


def _replace(found: list[Any]) -> None:
    """In the loop, where items are written: what was written while all tables were read is kept."""
    first = found[0][1] if found else 0
    _due[:] = found + [each for each in _due if each[1] > first]
    heapq.heapify(_due)


def _delete_due(dynamodb: Any) -> None:
    from ministack.core.responses import request_scope

    while _earliest() <= time.time():
        _expires, _number, (account, region, name), partition, sort = heapq.heappop(_due)
        with request_scope(account, region):
            table = dynamodb._tables.get(name)
            item = table["items"].get(partition, {}).get(sort) if table else None
            expiry = _expiry(dynamodb._ttl_settings.get(name), item)
            if expiry is not None and expiry <= time.time():
                _delete(dynamodb, table, name, partition, sort)


def _delete(dynamodb: Any, table: Any, name: str, partition: Any, sort: Any) -> None:
    """Tells the deletion as the service's in this region; other replicas see a deletion by replication, as on AWS."""
    old = dynamodb._remove_item(table, partition, sort)
    dynamodb._replicate_write(table, "REMOVE", old, None)
    _deleting.by_service = True
    try:
        dynamodb._emit_stream_event(name, "REMOVE", old, None, replicate=False)
    finally:
        _deleting.by_service = False
