"""Dataclasses as items, and back, by msgspec: each field is an attribute of its name. Datetimes stay as they are, for the codec; enums
are stored by their values, sets as sorted lists, and dataclasses in dataclasses as maps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from docplatform.infra.dynamodb.codec import Item

T = TypeVar("T")

_VALUE = re.compile(r"(?<=^Invalid enum value) .*(?= - at `)", re.DOTALL)


class ItemMismatch(ValueError):
    """A stored item is none of this dataclass. The text names the attribute and leaves out its value, which may be personal data."""


def to_item(value: object, /, *, without: Iterable[str] = (), **more: Any) -> Item:
    """All fields of a dataclass but ``without``. ``more`` adds attributes, or gives fields another form."""
    item: Item = msgspec.to_builtins(value, builtin_types=(datetime,), order="deterministic")
    for field in without:
        del item[field]
    return {**item, **more}


def from_item(kind: type[T], item: Item, /, *, newer: Iterable[str] = (), **more: Any) -> T:
    """A dataclass of this kind. ``more`` gives fields that are no attributes, or attributes of another form; ``newer`` names fields that
    older items do not have, and that have a default. Attributes that are no fields are ignored. Raises ItemMismatch."""
    if missing := _fields(kind).difference(item, more, newer):
        raise ItemMismatch(f"{kind.__name__} without {', '.join(sorted(missing))}")
    try:
        return msgspec.convert({**item, **more}, kind)
    except msgspec.ValidationError as error:
        problem = _VALUE.sub("", str(error))
    raise ItemMismatch(f"{kind.__name__}: {problem}")


def _fields(kind: Any) -> set[str]:
    return set(kind.__dataclass_fields__)  # dataclasses.fields costs four times as much, at every read
