"""A query costs as much as its page, and not as much as its whole partition.

The emulator sorts all items of a partition, and reads the key condition anew for each of them, on every query. With 20,000 items that takes
half a second, in which nobody else is served. Here a partition that was queried once, of a table or an index, is kept in order. A query
finds its key range and its start key by bisection, and looks at items until its page is full.

A *place* of an item is ``(order, partition key, sort key)``: ``order`` is what queries sort by, the two keys find the item in the table.
"""

from __future__ import annotations

import inspect
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from local.cloud.patches import expect, require

_PLACES = "\0places"
"""Key in a table's index members, which the emulator forgets where it must. Below it: index name (None: the table itself) → partition →
places in order."""

_BEFORE = "    members = _index_members(table).get(index_name) if index_name else None\n"
_AFTER = "    candidates, has_more = _paginate_evaluated_items(candidates, limit, table, index_name)\n"
_OURS = """\
    try:
        found = _items_in_order(table, index_name, pk_val, range_names, (key_cond, eav, ean), key_conditions, pk_name, esk, scan_forward)
        candidates, has_more = _paginate_evaluated_items(found, limit, table, index_name)
    except ValueError as exc:
        return error_response_json("ValidationException", str(exc), 400)
"""
_NEEDED = (
    "_index_members",
    "_INDEX_MEMBERS",
    "_index_order_keys",
    "_index_order_value",
    "_index_partition",
    "_index_key_lists",
    "_index_def",
    "_get_attr_type",
    "_sort_key_value",
    "_tokenize",
    "_evaluate_condition",
    "_evaluate_key_conditions_item",
)

Test = Callable[[Any], bool]


@dataclass(frozen=True)
class _Range:
    """A range of sort keys, as two tests on a sort key: whether it lies before the range, and whether it lies after it."""

    before: Test = lambda _: False
    after: Test = lambda _: False


def apply() -> None:
    from ministack.services import dynamodb as ddb

    for name in _NEEDED:
        require(ddb, name)
    source = inspect.getsource(require(ddb, "_query"))
    expect(source.count(_BEFORE) == 1 and source.count(_AFTER) == 1, "dynamodb._query")
    head, rest = source.split(_BEFORE)
    ddb._items_in_order = _items_in_order
    exec(compile(head + _OURS + rest.split(_AFTER)[1], ddb.__file__, "exec"), vars(ddb))
    _keep_in_order(ddb)


def _keep_in_order(ddb: Any) -> None:
    set_item, remove_item = require(ddb, "_set_item"), require(ddb, "_remove_item")

    def put(table: Any, pk: Any, sk: Any, item: Any) -> Any:
        old = set_item(table, pk, sk, item)
        _move(ddb, table, pk, sk, old, item)
        return old

    def remove(table: Any, pk: Any, sk: Any) -> Any:
        old = remove_item(table, pk, sk)
        _move(ddb, table, pk, sk, old, None)
        return old

    ddb._set_item, ddb._remove_item = put, remove


def _move(ddb: Any, table: Any, pk: Any, sk: Any, old: Any, new: Any) -> None:
    """Updates the places of an item that was ``old`` and is ``new`` now; None: not there."""
    known = (table.get(ddb._INDEX_MEMBERS) or {}).get(_PLACES) or {}
    for index_name, partitions in known.items():
        was, now = (_address(ddb, table, index_name, pk, sk, item) for item in (old, new))
        if was == now:
            continue
        if was and was[0] in partitions:
            _take_out(partitions, *was)
        if now and now[0] in partitions:
            insort(partitions[now[0]], now[1])


def _take_out(partitions: dict[Any, list[Any]], partition: Any, place: Any) -> None:
    places = partitions[partition]
    at = bisect_left(places, place)
    if at < len(places) and places[at] == place:
        del places[at]
    if not places:
        del partitions[partition]


def _address(ddb: Any, table: Any, index_name: str | None, pk: Any, sk: Any, item: Any) -> tuple[Any, Any] | None:
    """Partition and place of an item in an index; None where the index does not hold it."""
    if item is None:
        return None
    partition = pk
    if index_name is not None:
        partition = ddb._index_partition(item, *ddb._index_key_lists(ddb._index_def(table, index_name)))
        if partition is None:
            return None
    return partition, _place(ddb, _order_keys(ddb, table, index_name), pk, sk, item)


def _order_keys(ddb: Any, table: Any, index_name: str | None) -> list[tuple[str, str]]:
    """Names and types of the attributes that queries sort by."""
    if index_name is not None:
        _, ranges = ddb._index_key_lists(ddb._index_def(table, index_name))
        return list(ddb._index_order_keys(table, ranges))
    name = table.get("sk_name")
    return [(name, ddb._get_attr_type(table, name))] if name else []


def _place(ddb: Any, keys: list[tuple[str, str]], pk: Any, sk: Any, item: Any) -> tuple[Any, ...]:
    return tuple(ddb._index_order_value(item, name, kind) for name, kind in keys), pk, sk


def _places(ddb: Any, table: Any, index_name: str | None, partition: Any) -> list[Any]:
    """Places of a partition, in order. The first call sorts them."""
    members = ddb._index_members(table)
    partitions = members.setdefault(_PLACES, {}).setdefault(index_name, {})
    if partition not in partitions:
        items = table["items"]
        if index_name is None:
            found: Any = ((partition, sk) for sk in items.get(partition, ()))
        else:
            found = members.get(index_name, {}).get(partition, ())
        keys = _order_keys(ddb, table, index_name)
        places = sorted(_place(ddb, keys, pk, sk, items[pk][sk]) for pk, sk in found if sk in items.get(pk, ()))
        if not places:
            return []
        partitions[partition] = places
    return partitions[partition]  # type: ignore[no-any-return]


def _items_in_order(
    table: Any,
    index_name: Any,
    partition: Any,
    range_names: list[str],
    condition: tuple[str, Any, Any],
    old_conditions: Any,
    pk_name: str,
    start: Any,
    forward: bool,
) -> Iterator[Any]:
    """The items that the key condition allows, after the start key. Raises ValueError where the condition cannot be evaluated.

    ``condition``: expression, values and names. ``old_conditions``: the older form of a key condition, ``KeyConditions``.
    """
    from ministack.services import dynamodb as ddb

    places = _places(ddb, table, index_name, partition)
    if not places:
        return

    def allows(item: Any) -> bool:
        if old_conditions:
            return bool(ddb._evaluate_key_conditions_item(item, old_conditions, pk_name))
        expression, values, names = condition
        return bool(ddb._evaluate_condition(expression, item, values, names, slot="KeyConditionExpression"))

    given = None if old_conditions else _key_range(ddb, table, range_names, *condition)
    _, pk, sk = places[0]
    allows(table["items"][pk][sk])  # raises what the emulator raises, also where the range holds nothing
    low, high = _bounds(ddb, table, index_name, places, given or _Range(), start, forward)
    for at in range(low, high) if forward else range(high - 1, low - 1, -1):
        _, pk, sk = places[at]
        item = table["items"][pk][sk]
        if given or allows(item):
            yield item


def _bounds(
    ddb: Any, table: Any, index_name: Any, places: list[Any], given: _Range, start: Any, forward: bool
) -> tuple[int, int]:
    """First place of the range and the one behind its last, without those that the start key excludes."""
    low, high = 0, len(places)
    keys = _order_keys(ddb, table, index_name)
    if keys:
        low = bisect_left(places, True, key=lambda place: not given.before(place[0][0]))
        high = bisect_left(places, True, low, key=lambda place: given.after(place[0][0]))
    if start and keys:
        last = tuple(ddb._index_order_value(start, name, kind) for name, kind in keys)
        if forward:
            low = max(low, bisect_left(places, True, key=lambda place: place[0] > last))
        else:
            high = min(high, bisect_left(places, True, key=lambda place: place[0] >= last))
    elif start:  # a partition of one item, which the page before had
        low = high
    return low, high


def _key_range(ddb: Any, table: Any, range_names: list[str], expression: str, values: Any, names: Any) -> _Range | None:
    """The range of sort keys that an expression allows; None for an expression that has to be evaluated item by item."""
    tokens = ddb._tokenize(expression)
    named = [names.get(text) if kind == "NAME_REF" else text for kind, text in tokens]
    if any(text in ("OR", "NOT") for text in (str(each).upper() for each in named)):
        return None
    at = [number for number, name in enumerate(named) if name in range_names]
    if not at:
        return _Range()
    if len(range_names) > 1 or len(at) > 1:
        return None
    kind = ddb._get_attr_type(table, range_names[0])
    operator, *operands = tokens[at[0] + 1 : at[0] + 5]
    given = [ddb._sort_key_value(values[text], kind) for what, text in operands if what == "VALUE_REF"]
    function = str(tokens[at[0] - 2][1]).lower() if at[0] > 1 else ""
    return _range("begins_with" if function == "begins_with" else str(operator[1]).upper(), given)


def _range(operator: str, given: list[Any]) -> _Range | None:
    if not given:
        return None
    one, last = given[0], given[-1]
    match operator:
        case "begins_with":
            return _Range(lambda key: key < one, lambda key: key > one and not key.startswith(one))
        case "BETWEEN" if len(given) == 2:
            return _Range(lambda key: key < one, lambda key: key > last)
        case "=":
            return _Range(lambda key: key < one, lambda key: key > one)
        case "<":
            return _Range(after=lambda key: key >= one)
        case "<=":
            return _Range(after=lambda key: key > one)
        case ">":
            return _Range(before=lambda key: key <= one)
        case ">=":
            return _Range(before=lambda key: key < one)
    return None
