"""Environments that SnapStart restores from one snapshot do not wait, retry or choose alike."""

from __future__ import annotations

import ast
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

from docplatform.core.jitter import jitter
from docplatform.runtime.restore import reseed_after_restore

PLATFORM = Path(__file__).resolve().parents[2] / "layers/platform/python/docplatform"


def test_waits_do_not_follow_the_state_that_a_snapshot_holds() -> None:
    state = random.getstate()
    first = [jitter(1.0) for _ in range(5)]
    random.setstate(state)
    assert [jitter(1.0) for _ in range(5)] != first
    assert all(0 <= each <= 1 for each in first)


def test_the_generator_of_libraries_begins_anew_after_a_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = []
    runtime = ModuleType("snapshot_restore_py")
    runtime.register_after_restore = hooks.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    reseed_after_restore()
    (hook,) = hooks
    state = random.getstate()
    drawn = set()
    for _ in range(2):  # two environments
        random.setstate(state)
        hook()
        drawn.add(random.random())
    assert len(drawn) == 2


def test_without_lambdas_runtime_nothing_is_registered() -> None:
    reseed_after_restore()


def test_no_module_draws_from_the_generator_that_a_snapshot_holds() -> None:
    allowed = {PLATFORM / "core/jitter.py", PLATFORM / "runtime/restore.py"}
    for file in set(PLATFORM.rglob("*.py")) - allowed:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert "random" not in names, file
