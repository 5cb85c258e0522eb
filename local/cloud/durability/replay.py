"""The state that a snapshot and the journals after it describe, as the emulator's services load it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local.cloud.durability.journal import Record

Scope = tuple[Any, ...]


@dataclass
class Stream:
    """Records of a table's stream; ``first``: position of the first one."""

    first: int
    records: list[Any]


@dataclass
class Replayed:
    """``items``: (account, region, table) → partition key → sort key → item. ``streams`` likewise. ``queues``: (account, region, URL) →
    queue. ``stores``: name → key → value. ``lists``: (name, key) → entries."""

    items: dict[Scope, Any] = field(default_factory=dict)
    streams: dict[Scope, Stream] = field(default_factory=dict)
    queues: dict[Scope, Any] = field(default_factory=dict)
    stores: dict[str, dict[Scope, Any]] = field(default_factory=lambda: defaultdict(dict))
    lists: dict[tuple[str, Scope], list[Any]] = field(default_factory=dict)
    stream_count: int = 0

    def apply(self, records: Iterable[Record]) -> None:
        for kind, *rest in records:
            getattr(self, f"_{kind}")(*rest)

    def _format(self, _number: int) -> None:
        """The first record of a snapshot, which ``store`` has checked."""

    def _item(self, account: str, region: str, table: str, pk: Any, sk: Any, item: Any) -> None:
        partitions = self.items.setdefault((account, region, table), defaultdict(dict))
        if item is not None:
            partitions[pk][sk] = item
        elif pk in partitions:
            partitions[pk].pop(sk, None)
            if not partitions[pk]:
                del partitions[pk]

    def _table(self, account: str, region: str, table: str, items: list[Any] | None) -> None:
        """All items of a table that was made, filled or deleted (None)."""
        self.items.pop((account, region, table), None)
        if items is not None:
            self.items[account, region, table] = defaultdict(dict)
        for pk, sk, item in items or ():
            self._item(account, region, table, pk, sk, item)

    def _items(self, account: str, region: str, table: str, items: list[Any]) -> None:
        """A part of a snapshot."""
        for pk, sk, item in items:
            self._item(account, region, table, pk, sk, item)

    def _stream(
        self, account: str, region: str, table: str, is_new: bool, first: int, records: list[Any], count: int
    ) -> None:
        if is_new:
            self._no_stream(account, region, table)
        stream = self.streams.setdefault((account, region, table), Stream(first, []))
        new = stream.first + len(stream.records) - first
        stream.records += records[max(0, new) :]
        self.stream_count = max(self.stream_count, count)

    def _no_stream(self, account: str, region: str, table: str) -> None:
        self.streams.pop((account, region, table), None)

    def _queue(self, account: str, region: str, url: str, changes: Any) -> None:
        if changes is None:
            self.queues.pop((account, region, url), None)
            return
        new: dict[str, Any] = {"messages": {}, "dedup_cache": {}}
        queue = self.queues.setdefault((account, region, url), new)
        queue.update(changes["queue"])
        queue["dedup_cache"].update(changes["dedup"])
        for message in changes["messages"]:
            queue["messages"][message["id"]] = message
        for identity in changes["gone"]:
            queue["messages"].pop(identity, None)

    def _put(self, store: str, key: list[Any], value: Any) -> None:
        self.stores[store][_hashable(key)] = value

    def _gone(self, store: str, key: list[Any]) -> None:
        self.stores[store].pop(_hashable(key), None)

    def _more(self, name: str, key: list[Any], first: int, entries: list[Any]) -> None:
        known = self.lists.setdefault((name, _hashable(key)), [])
        known += entries[max(0, len(known) - first) :]


def _hashable(key: Any) -> Any:
    return tuple(_hashable(each) for each in key) if isinstance(key, list) else key
