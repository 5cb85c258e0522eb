"""Converts dataclasses to items and back, with msgspec. Each field is stored as the attribute of the same name.

Enums are stored as their values, sets as sorted lists, and nested dataclasses as maps. Datetimes are left to the codec.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from docplatform.core.isolation import Source, dropped
from docplatform.infra.dynamodb.codec import Item

T = TypeVar("T")

_VALUE = re.compile(r"(?<=^Invalid enum value) .*(?= - at `)", re.DOTALL)


class ItemMismatch(ValueError):
    """A stored item does not fit its dataclass. The text names the attribute without its value, which may be personal
    data."""


def to_item(value: object, /, *, without: Iterable[str] = (), **more: Any) -> Item:
    """The item of a dataclass. Fields in ``without`` are left out. ``more`` adds attributes, or replaces fields."""
    item: Item = msgspec.to_builtins(value, builtin_types=(datetime,), order="deterministic")
    for field in without:
        del item[field]
    return {**item, **more}


def from_item(kind: type[T], item: Item, /, *, newer: Iterable[str] = (), **more: Any) -> T:
    """The dataclass ``kind`` of an item. Attributes without a field are ignored. Raises ItemMismatch.

    ``more``: values of fields that the item does not have, or has in another form. ``newer``: fields that older items
    do not have; they take their default.
    """
    if missing := _fields(kind).difference(item, more, newer):
        raise ItemMismatch(f"{kind.__name__} without {', '.join(sorted(missing))}")
    try:
        return msgspec.convert({**item, **more}, kind)
    except msgspec.ValidationError as error:
        problem = _VALUE.sub("", str(error))
    raise ItemMismatch(f"{kind.__name__}: {problem}")


def readable(read: Callable[[Item], T], items: Iterable[Item]) -> list[T]:
    """What ``read`` makes of each item of a list. An item that it cannot read is left out and counted: it must not hide the
    others."""
    found: list[T] = []
    for item in items:
        try:
            found.append(read(item))
        except (ValueError, KeyError, TypeError, AttributeError):
            dropped(Source.ITEM)
    return found


def _fields(kind: Any) -> set[str]:
    return set(kind.__dataclass_fields__)  # dataclasses.fields takes four times as long, and every read needs it
