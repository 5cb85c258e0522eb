"""Dataclasses as items: the errors for stored values that do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

from docplatform.infra.dynamodb.codec import decode_item, encode_item
from docplatform.infra.dynamodb.mapper import ItemMismatch, from_item, to_item

AT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    weight: int


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    colour: Colour
    made_at: datetime
    parts: tuple[Part, ...]
    owners: frozenset[str]
    shades: Mapping[str, Colour] = field(default_factory=dict)
    seen_at: datetime | None = None

    def __post_init__(self) -> None:
        if len(self.parts) > 2:
            raise ValueError("more than two parts")


THING = Thing("a", Colour.RED, AT, (Part("b", 1),), frozenset({"z", "x", "y"}), {"ann": Colour.BLUE}, None)


def stored() -> dict[str, Any]:
    return decode_item(encode_item(to_item(THING)))


def test_a_dataclass_comes_back_as_it_was() -> None:
    assert from_item(Thing, stored()) == THING
    assert stored()["owners"] == ["x", "y", "z"]


def test_attributes_can_have_another_name_and_form_than_the_field() -> None:
    item = to_item(THING, without=("name", "shades"), label=THING.name, parts=[])
    assert item.keys() == {"label", "colour", "made_at", "parts", "owners", "seen_at"}
    assert from_item(Thing, item, name=item["label"], shades={}, parts=[THING.parts[0]]) == Thing(
        "a", Colour.RED, AT, THING.parts, THING.owners
    )


def test_attributes_of_the_table_are_no_fields() -> None:
    assert from_item(Thing, {**stored(), "pk": "t#1", "sk": "thing", "expires": 1}) == THING


@pytest.mark.parametrize("absent", [each.name for each in fields(Thing)])
def test_a_missing_attribute_is_named(absent: str) -> None:
    """Also an attribute with a default: an item that has lost it must not be accepted."""
    item = {name: value for name, value in stored().items() if name != absent}
    with pytest.raises(ItemMismatch, match=rf"^Thing without {absent}$"):
        from_item(Thing, item)


def test_an_attribute_that_is_newer_than_the_item_has_the_fields_default() -> None:
    item = {name: value for name, value in stored().items() if name not in ("shades", "seen_at")}
    assert from_item(Thing, item, newer=("shades", "seen_at")).shades == {}
    with pytest.raises(ItemMismatch, match="without seen_at"):
        from_item(Thing, item, newer=("shades",))


SECRET = "ann@acme.example"


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("colour", SECRET, "$.colour"),
        ("colour", f"{SECRET} - at `$.name`\n{SECRET}", "$.colour"),
        ("colour", None, "$.colour"),
        ("name", 1234567, "$.name"),
        ("made_at", SECRET, "$.made_at"),
        ("seen_at", "", "$.seen_at"),
        ("parts", [{"name": "b", "weight": 1}, {"name": SECRET, "weight": SECRET}], "$.parts[1].weight"),
        ("parts", [{"weight": 1}], "$.parts[0]"),
        ("parts", SECRET, "$.parts"),
        ("owners", [SECRET, 1234567], "$.owners[1]"),
        ("shades", {SECRET: SECRET}, "$.shades[...]"),
    ],
)
def test_a_value_that_does_not_fit_is_named_and_not_shown(name: str, value: Any, path: str) -> None:
    with pytest.raises(ItemMismatch) as caught:
        from_item(Thing, {**stored(), name: value})
    assert str(caught.value).startswith("Thing: ")
    assert str(caught.value).endswith(f" - at `{path}`")
    assert SECRET not in str(caught.value) and "1234567" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None  # whose text a traceback would show


def test_a_rule_of_the_dataclass_is_kept() -> None:
    with pytest.raises(ItemMismatch, match="more than two parts"):
        from_item(Thing, {**stored(), "parts": [{"name": "b", "weight": 1}] * 3})
