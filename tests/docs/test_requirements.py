"""docs/requirements.md leads to what is there: every place, operation and test that it names exists."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from cdk import specs
from docplatform.core.tenant import GB, LIMITS, MB, PlanLimits

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers/platform/python/docplatform"
PAGE = ROOT / "docs/requirements.md"
OUTSIDE = ("functions/", "cdk/", "statemachines/")  # places that are not below the package

DONE, NO_TEST, NOT_YET = "done", "no test", "not yet"
NOTHING = "–"
WORDS = ("deployment", "every operation")  # what an operation may be, beside those of the API and deployed functions
HEAD = ["id", "requirement", "state", "place", "operation", "shown by"]


@dataclass(frozen=True)
class Row:
    """One line of a table. References are without their backticks; an operation in words is as it stands."""

    id: str
    text: str
    state: str
    places: tuple[str, ...]
    operations: tuple[str, ...]
    tests: tuple[str, ...]


def rows_of(page: str) -> list[Row]:
    """Raises ValueError for a line of a table that does not have its six cells."""
    found = []
    for line in page.splitlines():
        if not line.startswith("|") or line.startswith("|---"):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != len(HEAD):
            raise ValueError(f"not six cells: {line}")
        if cells != HEAD:
            row_id, text, state, places, operations, tests = cells
            found.append(Row(row_id, text, state, _references(places), _references(operations), _references(tests)))
    return found


def _references(cell: str) -> tuple[str, ...]:
    return () if cell == NOTHING else tuple(each.strip().strip("`") for each in cell.split("<br>"))


@cache
def names_in(file: Path) -> frozenset[str]:
    """Classes, functions and values that a module defines at its top, and ``Class.method`` for what a class has."""
    defined: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        defined |= _defined_by(node)
        if isinstance(node, ast.ClassDef):
            defined |= {f"{node.name}.{name}" for each in node.body for name in _defined_by(each)}
    return frozenset(defined)


def _defined_by(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


@cache
def api_operations() -> frozenset[str]:
    paths = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))["paths"]
    return frozenset(f"{method.upper()} {path}" for path, methods in paths.items() for method in methods)


@cache
def deployed_functions() -> frozenset[str]:
    return frozenset(each.spec.name for each in specs.discover())


def complaint_about_place(place: str) -> str:
    path, _, name = place.partition("::")
    file = (ROOT if place.startswith(OUTSIDE) else PACKAGE) / path
    if not file.is_file():
        return "no such file"
    return "" if not name or name in names_in(file) else "no such name in the file"


def complaint_about_operation(operation: str) -> str:
    if operation in WORDS or operation in deployed_functions() or operation in api_operations():
        return ""
    return "no such operation"


def complaint_about_test(test: str) -> str:
    path, _, name = test.partition("::")
    file = ROOT / path
    if not path.startswith("tests/") or not file.is_file():
        return "no such file of tests"
    name = name.replace("::", ".")
    return "" if name.rpartition(".")[2].startswith("test_") and name in names_in(file) else "no such test"


def complaints(rows: list[Row]) -> list[str]:
    """What is wrong, one line for each reference; empty when all is well."""
    found: list[str] = []
    seen: set[str] = set()
    for row in rows:
        found += [f"{row.id}: {what}" for what in _complaints_about(row)]
        if row.id in seen:
            found.append(f"{row.id}: the id is there twice")
        seen.add(row.id)
    return found


def _complaints_about(row: Row) -> list[str]:
    found = [] if re.fullmatch(r"[A-Z]+-[0-9]+[a-z]?", row.id) else ["not an id"]
    found += [] if row.text else ["says nothing"]
    expected = {DONE: (True, True, True), NO_TEST: (True, True, False), NOT_YET: (False, False, False)}
    if row.state not in expected:
        found.append(f"unknown state '{row.state}'")
    elif (bool(row.places), bool(row.operations), bool(row.tests)) != expected[row.state]:
        found.append(f"its references do not fit the state '{row.state}'")
    checks: tuple[tuple[tuple[str, ...], Callable[[str], str]], ...] = (
        (row.places, complaint_about_place),
        (row.operations, complaint_about_operation),
        (row.tests, complaint_about_test),
    )
    for references, check in checks:
        found += [f"{reference}: {what}" for reference in references if (what := check(reference))]
    return found


def test_no_reference_is_dead() -> None:
    rows = rows_of(PAGE.read_text(encoding="utf-8"))
    assert len(rows) > 200
    assert complaints(rows) == []


GOOD = Row(
    "DOC-99",
    "A folder is listed.",
    DONE,
    ("library/folders.py::FolderService", "library/folders.py::FolderService.list", "core/tenant.py::LIMITS"),
    ("GET /v1/folders/{folder_id}/children", "index-sync", "deployment"),
    ("tests/docs/test_requirements.py::test_no_reference_is_dead",),
)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([replace(GOOD, places=("library/folder.py",))], "library/folder.py: no such file"),
        ([replace(GOOD, places=("functions/nowhere/handler.py",))], "functions/nowhere/handler.py: no such file"),
        ([replace(GOOD, places=("library",))], "library: no such file"),
        ([replace(GOOD, places=("library/folders.py::Folder",))], "no such name in the file"),  # imported there
        ([replace(GOOD, places=("library/folders.py::FolderService.copy",))], "no such name in the file"),
        ([replace(GOOD, operations=("GET /v1/folders",))], "GET /v1/folders: no such operation"),
        ([replace(GOOD, operations=("indexsync",))], "indexsync: no such operation"),
        ([replace(GOOD, tests=("tests/docs/test_nothing.py::test_x",))], "no such file of tests"),
        ([replace(GOOD, tests=("tests/docs/test_requirements.py::test_nothing",))], "no such test"),
        ([replace(GOOD, tests=("tests/docs/test_requirements.py::rows_of",))], "no such test"),
        ([replace(GOOD, tests=("tests/docs/test_requirements.py",))], "no such test"),
        ([replace(GOOD, state="nearly")], "unknown state 'nearly'"),
        ([replace(GOOD, tests=())], "do not fit the state 'done'"),
        ([replace(GOOD, places=())], "do not fit the state 'done'"),
        ([replace(GOOD, state=NO_TEST)], "do not fit the state 'no test'"),
        ([replace(GOOD, state=NOT_YET)], "do not fit the state 'not yet'"),
        ([replace(GOOD, id="DOC99")], "not an id"),
        ([replace(GOOD, text="")], "says nothing"),
        ([GOOD, replace(GOOD, text="Another.")], "the id is there twice"),
    ],
)
def test_a_planted_dead_reference_is_found(rows: list[Row], expected: str) -> None:
    assert complaints([GOOD]) == []
    (found,) = complaints(rows)
    assert found.startswith(rows[0].id) and found.endswith(expected)


def test_a_line_reads_as_it_stands() -> None:
    page = "\n".join(
        [
            "| id | requirement | state | place | operation | shown by |",
            "|---|---|---|---|---|---|",
            "| A-1 | One. | done | `a.py::B`<br>`c.py` | `GET /x`<br>deployment | `tests/a.py::test_b` |",
            "| A-2 | Two. | not yet | – | – | – |",
        ]
    )
    assert rows_of(page) == [
        Row("A-1", "One.", DONE, ("a.py::B", "c.py"), ("GET /x", "deployment"), ("tests/a.py::test_b",)),
        Row("A-2", "Two.", NOT_YET, (), (), ()),
    ]
    with pytest.raises(ValueError, match="not six cells"):
        rows_of("| A-3 | Three. | done | `a.py` |")


FIGURES: dict[str, Callable[[PlanLimits], int]] = {
    "TEN-13": lambda limits: limits.storage_bytes // GB,
    "TEN-14": lambda limits: limits.documents,
    "TEN-15": lambda limits: limits.users,
    "TEN-17": lambda limits: limits.file_bytes // MB,
    "TEN-18": lambda limits: limits.search_seconds,
    "TEN-20": lambda limits: limits.weight,
}


@pytest.mark.parametrize("row_id", FIGURES)
def test_the_quotas_are_those_of_the_plans(row_id: str) -> None:
    (row,) = [row for row in rows_of(PAGE.read_text(encoding="utf-8")) if row.id == row_id]
    figures = row.text.partition(": ")[2].partition(" (")[0].rstrip(".").split(" · ")
    assert [int(figure.replace(",", "")) for figure in figures] == [FIGURES[row_id](each) for each in LIMITS.values()]


def test_ids_of_a_kind_come_in_their_order() -> None:
    rows = rows_of(PAGE.read_text(encoding="utf-8"))
    numbered = [re.fullmatch(r"([A-Z]+)-([0-9]+)([a-z]?)", row.id) for row in rows]
    for before, after in pairwise(match for match in numbered if match):
        if before[1] == after[1]:
            assert (int(before[2]), before[3]) < (int(after[2]), after[3]), after[0]
