"""The parts of the test command run side by side, and the command fails when one of them does."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from local import checks
from local.settings import ROOT

GOOD, BAD = [sys.executable, "-c", "print('fine')"], [sys.executable, "-c", "print('a fault'); raise SystemExit(3)"]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, Sequence[str]]:
    """Replaces the static checks, and replaces pytest by a program that prints its arguments."""
    static: dict[str, Sequence[str]] = {"lint": GOOD, "types": GOOD}
    monkeypatch.setattr(checks, "STATIC", static)
    monkeypatch.setattr(checks, "_PYTEST", [sys.executable, "-c", "import sys; print('pytest', *sys.argv[1:])"])
    return static


def test_the_full_run_has_every_test_once_and_ends_with_pytests_last_lines(
    commands: dict[str, Sequence[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert checks.run_all() == 0
    lines = capfd.readouterr().out.splitlines()
    assert "pytest --durations=20 --ignore=tests/e2e" in lines
    assert lines[-1] == "pytest --durations=20 tests/e2e"


def test_a_static_check_that_fails_ends_the_full_run(
    commands: dict[str, Sequence[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    commands["types"] = BAD
    assert checks.run_all() != 0
    shown = capfd.readouterr().out
    assert "── types FAILED" in shown and "a fault" in shown and "pytest" not in shown


@pytest.mark.parametrize("failing", ["tests/e2e", "--ignore=tests/e2e"])
def test_either_half_of_the_tests_fails_the_run(
    commands: dict[str, Sequence[str]], failing: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = f"import sys; raise SystemExit(5 * (sys.argv[-1] == {failing!r}))"
    monkeypatch.setattr(checks, "_PYTEST", [sys.executable, "-c", program])
    assert checks.run_all() == 5
    assert ("FAILED" if failing == "tests/e2e" else "tests above failed") in capfd.readouterr().out


def test_the_quick_run_goes_on_after_a_failure_and_fails(
    commands: dict[str, Sequence[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    commands["lint"] = BAD
    assert checks.run_quick() == 1
    shown = capfd.readouterr().out
    assert "── lint FAILED" in shown and "fine" in shown and "pytest --ignore=tests/e2e" in shown


def test_the_quick_run_leaves_out_folders_that_exist() -> None:
    left_out = [each.removeprefix("--ignore=") for each in checks.QUICK if each.startswith("--ignore=")]
    assert left_out and all((ROOT / each).is_dir() for each in left_out)
