"""docs/access-patterns.md lists every key, and each as the code makes it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.key_shapes import ANY, TENANT, all_shapes

PAGE = Path(__file__).resolve().parents[2] / "docs/access-patterns.md"
HEAD = ["item", "key", "pk", "sk", "also in"]


def rows_of(page: str) -> list[list[str]]:
    """The lines of its tables of items: their cells."""
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in page.splitlines()]
    return [cells for cells in lines if len(cells) == len(HEAD) and cells != HEAD and not cells[0].startswith("---")]


def shape(cell: str) -> str:
    """As in ``Shape``: with the tenant's prefix, and every other argument alike."""
    return re.sub("<[^>]*>", ANY, cell.strip("`").replace("<t>#", f"{TENANT}#"))


def keys_in(page: str) -> dict[tuple[str, str], set[str]]:
    """The methods that the tables name, by the key that stands beside them."""
    found: dict[tuple[str, str], set[str]] = {}
    for _, key, pk, sk, _ in rows_of(page):
        found.setdefault((shape(pk), shape(sk)), set()).add(key.strip("`"))
    return found


def partitions_in(page: str) -> set[str]:
    indexes = {shape(each) for *_, also in rows_of(page) for each in re.findall(r"gsi\d (`<t>[^`]*`)", also)}
    return indexes | {pk for pk, _ in keys_in(page)}


def test_every_key_is_in_the_tables() -> None:
    listed, partitions = keys_in(PAGE.read_text()), partitions_in(PAGE.read_text())
    assert [
        each.method
        for each in all_shapes()
        if (each.pk not in partitions if not each.sk else (each.pk, each.sk) not in listed)
    ] == []


def test_every_row_is_a_key_that_the_method_it_names_makes() -> None:
    made: dict[tuple[str, str], set[str]] = {}
    for each in all_shapes():
        made.setdefault((each.pk, each.sk), set()).add(each.method)
    assert {
        key: methods for key, methods in keys_in(PAGE.read_text()).items() if not methods <= made.get(key, set())
    } == {}


def test_every_partition_in_the_tables_is_one_that_the_code_makes() -> None:
    assert partitions_in(PAGE.read_text()) <= {each.pk for each in all_shapes()}
