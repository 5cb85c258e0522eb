"""Items of tables, and the records of their streams, go into the journal before a write is answered.

The emulator keeps them in memory, and writes them when it ends. A transaction is one line of the journal, and so there as a whole or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from local.cloud.durability import store
from local.cloud.durability.changes import CHANGES, Described
from local.cloud.durability.journal import Record
from local.cloud.durability.replay import Replayed
from local.cloud.patches import expect, require
from local.cloud.patches.streams import unread

_BATCH = 1_000
_written: dict[tuple[str, str, str], tuple[Any, int]] = {}
"""Account, region and table → the table's list of stream records, and the position up to which it is in the journal."""


def apply() -> None:
    from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
    from ministack.services import dynamodb

    expect(type(require(dynamodb, "_tables")) is AccountRegionScopedDict, "dynamodb._tables")
    for name in ("_stream_records", "_stream_trimmed", "_stream_seq_counter", "_update_counts"):
        require(dynamodb, name)
    CHANGES.describe("item", _item)
    CHANGES.describe("table", _table)
    CHANGES.describe("stream", _stream)
    dynamodb._tables = _noting_tables()
    _after(dynamodb, "_set_item", lambda table, pk, sk, *_: CHANGES.mark_changed("item", *_scope(table), pk, sk))
    _after(dynamodb, "_remove_item", lambda table, pk, sk: CHANGES.mark_changed("item", *_scope(table), pk, sk))
    _after(dynamodb, "_items_replaced", lambda table: CHANGES.mark_changed("table", *_scope(table)))
    for name in ("_emit_stream_event", "drop_stream_records"):
        _after(
            dynamodb,
            name,
            lambda table, *_, **__: CHANGES.mark_changed("stream", get_account_id(), get_region(), table),
        )
    _keep_together(dynamodb, "_transact_write_items")
    store.keep("dynamodb", {"tables": _without_items}, _snapshot, _restore)


def _after(module: Any, name: str, then: Any) -> None:
    call = require(module, name)

    def called(*arguments: Any, **more: Any) -> Any:
        answer = call(*arguments, **more)
        then(*arguments, **more)
        return answer

    setattr(module, name, called)


def _keep_together(module: Any, name: str) -> None:
    """Has what the call changes written at once, and not in the middle of the call by another thread."""
    call = require(module, name)

    def called(*arguments: Any) -> Any:
        with CHANGES.lock:
            return call(*arguments)

    setattr(module, name, called)


def _scope(table: Any) -> tuple[str, str, str]:
    """Account, region and name of a table."""
    _arn, _aws, _dynamodb, region, account, name = table["TableArn"].split(":")
    return account, region, name.removeprefix("table/")


def _noting_tables() -> Any:
    from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

    class Tables(AccountRegionScopedDict):  # type: ignore[misc]
        """Notes a table that comes, with all of its items, and one that goes."""

        def __setitem__(self, name: str, table: Any) -> None:
            super().__setitem__(name, table)
            CHANGES.mark_changed("table", get_account_id(), get_region(), name)

        def set_scoped(self, account: str, region: str, name: str, table: Any) -> None:
            super().set_scoped(account, region, name, table)
            CHANGES.mark_changed("table", account, region, name)

        def __delitem__(self, name: str) -> None:
            super().__delitem__(name)
            CHANGES.mark_changed("table", get_account_id(), get_region(), name)

        def pop(self, name: str, *default: Any) -> Any:
            table = super().pop(name, *default)
            CHANGES.mark_changed("table", get_account_id(), get_region(), name)
            return table

        def pop_scoped(self, account: str, region: str, name: str, *default: Any) -> Any:
            table = super().pop_scoped(account, region, name, *default)
            CHANGES.mark_changed("table", account, region, name)
            return table

    return Tables()


def _item(account: str, region: str, name: str, pk: Any, sk: Any) -> Described | None:
    from ministack.services import dynamodb

    table = dynamodb._tables.get_scoped(account, region, name)
    if table is None:
        return None
    return ["item", account, region, name, pk, sk, table["items"].get(pk, {}).get(sk)], None


def _table(account: str, region: str, name: str) -> Described:
    from ministack.services import dynamodb

    table = dynamodb._tables.get_scoped(account, region, name)
    items = None if table is None else [[pk, sk, item] for pk, sk, item in _items(table)]
    return ["table", account, region, name, items], None


def _items(table: Any) -> Iterator[tuple[Any, Any, Any]]:
    for pk, partition in list(table["items"].items()):
        for sk, item in list(partition.items()):
            yield pk, sk, item


def _stream(account: str, region: str, name: str) -> Described | None:
    from ministack.services import dynamodb

    key = account, region, name
    records = dynamodb._stream_records.get_scoped(*key)
    known, position = _written.get(key, (None, 0))
    if records is None:
        return (["no_stream", *key], lambda: _forget(key)) if key in _written else None
    first = dynamodb._stream_trimmed.get_scoped(*key, 0)
    end = first + len(records)
    is_new = known is not records
    begin = first if is_new else max(position, first)
    if begin == end and not is_new:
        return None
    record: Record = ["stream", *key, is_new, begin, records[begin - first : end - first], dynamodb._stream_seq_counter]

    def written() -> None:
        _written[key] = records, end

    return record, written


def _forget(key: tuple[str, str, str]) -> None:
    _written.pop(key, None)


def _without_items(tables: Any) -> Any:
    """What the emulator knows of its tables, without what changes with each item."""
    bare = type(tables)()
    for key, table in tables._data.items():
        left_out = ("items", "ItemCount", "TableSizeBytes", "_index_members")
        bare._data[key] = {name: value for name, value in table.items() if name not in left_out}
    return bare


def _snapshot() -> Iterator[list[Record]]:
    from ministack.services import dynamodb

    for (account, region, name), table in dynamodb._tables.all_items():
        yield [["table", account, region, name, []]]
        batch: list[Any] = []
        for each in _items(table):
            batch.append(each)
            if len(batch) == _BATCH:
                yield [["items", account, region, name, batch]]
                batch = []
        yield [["items", account, region, name, batch]]
    for (account, region, name), (first, records) in unread().items():
        yield [["stream", account, region, name, True, first, records, dynamodb._stream_seq_counter]]


def _restore(data: dict[str, Any], replayed: Replayed) -> None:
    """Adds items and streams to the service's own data."""
    from ministack.services import dynamodb

    tables = data.get("tables")
    for key, table in tables._data.items() if tables is not None else ():
        items = replayed.items.get(key)
        if items is None:
            table.setdefault("items", defaultdict(dict))
        else:
            table["items"] = items
        dynamodb._update_counts(table)
    for key, stream in replayed.streams.items():
        dynamodb._stream_records.set_scoped(*key, stream.records)
        dynamodb._stream_trimmed.set_scoped(*key, stream.first)
        _written[key] = stream.records, stream.first + len(stream.records)
    dynamodb._stream_seq_counter = max(dynamodb._stream_seq_counter, replayed.stream_count)
