"""Each patch checks at the start what it uses of the emulator, so that a newer emulator is refused before the first request."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from local.settings import ROOT

PATCHES = sorted((ROOT / "local/cloud/patches").glob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in PATCHES}
PASSED_ON = {"sfn"}  # names of parameters that are one of the emulator's modules


@cache
def modules() -> set[str]:
    """What patches call the emulator's modules."""
    imports = [
        node
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack")
    ]
    return PASSED_ON | {alias.asname or alias.name for node in imports for alias in node.names}


def internals(tree: ast.Module, context: type[ast.expr_context]) -> Iterator[str]:
    """The internal names of the emulator's modules that a patch reads, or sets."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name, ctx=used) if isinstance(used, context):
                if module in modules() and name.startswith("_") and not name.startswith("__"):
                    yield name


def checked(tree: ast.Module) -> set[str]:
    """The names that a patch states, as it does for ``require``, and those in its calls of ``expect``."""
    stated = {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    expected = [call for call in calls if call.func.id == "expect"]  # type: ignore[attr-defined]
    return stated | {node.attr for call in expected for node in ast.walk(call) if isinstance(node, ast.Attribute)}


def unchecked(path: Path) -> list[str]:
    """What a patch reads and neither it nor another one has put there."""
    added = {name for tree in TREES.values() for name in internals(tree, ast.Store)}
    return sorted(set(internals(TREES[path], ast.Load)) - checked(TREES[path]) - added)


def test_every_patch_checks_what_it_uses() -> None:
    assert {path.name: found for path in PATCHES if (found := unchecked(path))} == {}


def test_a_name_that_is_not_checked_is_found() -> None:
    tree = ast.parse("from ministack.services import s3\ns3._new = s3._old\nrequire(s3, '_known')\ns3._known()")
    assert set(internals(tree, ast.Load)) - checked(tree) == {"_old"}
