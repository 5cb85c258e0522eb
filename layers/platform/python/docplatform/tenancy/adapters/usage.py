"""A tenant's counters of documents, bytes and folders. They move in the transaction of what they count.

One item takes 50 to 100 transactions a second; above that they collide. So a tenant's counters are one item while nobody collides,
and further items, the shards, when somebody does. A counter is the sum of all of them. A shard's number is negative when it holds a
reserve: the first item counts the reserve as used, so it never exceeds the plan's limit, and neither does the sum
(docs/access-patterns.md#usage).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any, Protocol

from docplatform.core.errors import ChangedMeanwhile, DomainError, QuotaExceeded
from docplatform.core.jitter import one_of
from docplatform.core.tenant import PlanLimits
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.tenancy.adapters.keys import TenancyKeys

SHARDS = 64  # one transaction moves the reserves of all
_PART = 1024  # of a limit: the reserve that a shard gets at a time; more than the largest file of each plan
_STAYS_BUSY = 500  # writes of a process to shards after a collision
_MOST_BUSY = 1_000  # tenants
_ATTEMPTS = 8  # of ways to count a change
_COLLISIONS = 12  # of one way: of 200 writers at the same moment, 64 shards let all through in about eight

_busy: OrderedDict[str, int] = OrderedDict()
"""Tenant → the number of writes of this process that go to shards."""


@dataclass(frozen=True, slots=True)
class Usage:
    documents: int = 0
    bytes: int = 0
    folders: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))

    @property
    def attributes(self) -> dict[str, int]:
        return {"documents": self.documents, "bytes": self.bytes, "folders": self.folders}


class Way(Protocol):
    """A way to count a change: it adds the writes."""

    def __call__(self, to: Transaction, change: Usage) -> None: ...


class _NoReserve(DomainError):
    """The shard's reserve does not suffice."""


class _NoRoom(DomainError):
    """The first item has no room below the limit."""


class UsageStore:
    def __init__(self, table: TenantTable, limits: PlanLimits) -> None:
        self._table, self._limits = table, limits
        self._tenant_id, self._tenancy_keys = table.keys.tenant_id, TenancyKeys(table.keys.tenant_id)

    def read(self) -> Usage:
        """The usage. Raises ChangedMeanwhile if it changes during every attempt."""
        return sum((_usage(item) for item in self._snapshot().values()), Usage())

    def commit(self, transaction: Transaction, change: Usage) -> None:
        """Commits the transaction together with the change of the usage. A change that takes more is committed only if all of it is
        within the limits. Raises QuotaExceeded, and what the transaction raises."""
        if change == Usage():
            transaction.commit()
            return
        others = len(transaction)
        way: Way
        way, spread_out = self._on_shard if self._is_busy() else self._on_first, True
        for _ in range(_ATTEMPTS):
            next_shard = partial(self._spread_out, transaction, others, change) if spread_out else None
            try:
                transaction.keep(others)
                way(transaction, change)
                transaction.commit(on_conflict=next_shard, attempts=_COLLISIONS)
            except _NoReserve:
                way = self._with_reserve
            except _NoRoom:
                way, spread_out = self._collecting(change), False
            else:
                return
        raise ChangedMeanwhile("Try again.")

    # -- ways to count a change
    def _on_first(self, to: Transaction, change: Usage) -> None:
        to.update(
            self._tenancy_keys.usage(),
            add={name: by for name, by in change.attributes.items() if by} | {"changes": 1},
            at_most=self._at_most(change) if _takes(change) else {},
            error=_NoRoom(),
            must_exist=False,
        )

    def _on_shard(self, to: Transaction, change: Usage) -> None:
        key = self._tenancy_keys.usage_shard(one_of(SHARDS))
        takes = _takes(change)
        reserve = {"documents": -change.documents, "bytes": -change.bytes} if takes else {}
        to.update(key, add={**change.attributes, "changes": 1}, at_most=reserve, error=_NoReserve(), must_exist=takes)

    def _with_reserve(self, to: Transaction, change: Usage) -> None:
        """Counts the change, and a new reserve for a shard."""
        reserve = self._reserve()
        self._on_first(to, Usage(change.documents + reserve.documents, change.bytes + reserve.bytes, change.folders))
        key = self._tenancy_keys.usage_shard(one_of(SHARDS))
        to.update(key, add=_given_back(reserve), must_exist=False)

    def _collecting(self, change: Usage) -> Way:
        """The way that takes what is left of the limits, wherever it is. Raises QuotaExceeded if it does not suffice."""
        items = self._snapshot()
        used = sum((_usage(item) for item in items.values()), Usage()) + change
        if used.documents > self._limits.documents or used.bytes > self._limits.storage_bytes:
            raise QuotaExceeded("Delete documents, or ask for a larger plan.")
        first = self._tenancy_keys.usage()
        takes = list(_takings(change, _usage(items.get(first, {})), items, first, self._limits))

        def write(to: Transaction, change: Usage) -> None:
            for key, part in takes:
                limits = self._at_most(part) if key == first else {"documents": -part.documents, "bytes": -part.bytes}
                wanted = {name: most for name, most in limits.items() if part.attributes[name] > 0}
                to.update(
                    key,
                    add={**part.attributes, "changes": 1},
                    at_most=wanted,
                    error=_NoRoom(),
                    must_exist=key != first,
                )

        return write

    # -- shards
    def _spread_out(self, transaction: Transaction, others: int, change: Usage, places: set[int]) -> None:
        """After a collision at a counter: the next attempt is on another shard. ``others``: the number of writes before those to
        counters. ``places``: of the writes that collided."""
        if max(places, default=0) < others:
            return
        if not self._is_busy():
            self._give_reserves()
            _busy[self._tenant_id] = _STAYS_BUSY
            if len(_busy) > _MOST_BUSY:
                _busy.popitem(last=False)
        transaction.keep(others)
        self._on_shard(transaction, change)

    def _is_busy(self) -> bool:
        left = _busy.get(self._tenant_id, 0)
        if left:
            _busy[self._tenant_id] = left - 1
        return left > 0

    def _give_reserves(self) -> None:
        """Gives each shard its first reserve, once for each tenant; near the limits there is none to give."""
        reserve, writes = self._reserve(), self._table.begin()
        everything = Usage(reserve.documents * SHARDS, reserve.bytes * SHARDS)
        try:
            writes.update(
                self._tenancy_keys.usage(),
                values={"spread": SHARDS},
                add={**everything.attributes, "changes": 1},
                equals={"spread": None},
                at_most=self._at_most(everything),
                error=_NoRoom(),
                must_exist=False,
            )
            for shard in range(SHARDS):
                writes.update(self._tenancy_keys.usage_shard(shard), add=_given_back(reserve), must_exist=False)
            writes.commit(attempts=1)
        except (_NoRoom, ChangedMeanwhile):
            return  # it has been given, or is being given at this moment, or there is none

    def _reserve(self) -> Usage:
        return Usage(max(1, self._limits.documents // _PART), max(1, self._limits.storage_bytes // _PART))

    def _at_most(self, change: Usage) -> dict[str, int]:
        """The most that the first item may hold before the change. Raises _NoRoom for a change that is above the limits by itself:
        a counter that is missing has no other bound."""
        documents, size = self._limits.documents - change.documents, self._limits.storage_bytes - change.bytes
        if documents < 0 or size < 0:
            raise _NoRoom
        return {"documents": documents, "bytes": size}

    def _snapshot(self) -> dict[Key, Item]:
        """All counters as they were at one moment: they are read until two reads are alike. Raises ChangedMeanwhile."""
        keys = [self._tenancy_keys.usage(), *(self._tenancy_keys.usage_shard(shard) for shard in range(SHARDS))]
        before = self._table.get_many(keys)
        for _ in range(_ATTEMPTS):
            now = self._table.get_many(keys)
            if now == before:
                return now
            before = now
        raise ChangedMeanwhile("Try again.")


def _takes(change: Usage) -> bool:
    return change.documents > 0 or change.bytes > 0


def _usage(item: Item) -> Usage:
    return Usage(item.get("documents", 0), item.get("bytes", 0), item.get("folders", 0))


def _given_back(reserve: Usage) -> dict[str, int]:
    """What a shard's counters become less by. All of them are there afterwards: a missing one would have no limit."""
    return {"documents": -reserve.documents, "bytes": -reserve.bytes, "folders": 0, "changes": 1}


def _takings(
    change: Usage, first_used: Usage, items: dict[Key, Item], first: Key, limits: PlanLimits
) -> Iterator[tuple[Key, Usage]]:
    """What each item gives to the change, from the first one and then from the largest reserves."""
    documents = min(change.documents, max(0, limits.documents - first_used.documents))
    size = min(change.bytes, max(0, limits.storage_bytes - first_used.bytes))
    yield first, Usage(documents, size, change.folders)
    left: Any = [change.documents - documents, change.bytes - size]
    for key, item in sorted(items.items(), key=lambda each: _usage(each[1]).bytes):
        if key == first or left == [0, 0]:
            continue
        reserve = _usage(item)
        part = [min(left[0], max(0, -reserve.documents)), min(left[1], max(0, -reserve.bytes))]
        if any(part):
            left = [left[0] - part[0], left[1] - part[1]]
            yield key, Usage(*part)
