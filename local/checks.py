"""The test command: lint, format, types, import rules and tests. As many run in parallel as there are cores."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from local.settings import ROOT

_PYTHON = sys.executable
_PYTEST = [_PYTHON, "-m", "pytest"]
_IMPORT_RULES = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(verbose=False))"
STATIC: dict[str, Sequence[str]] = {
    "lint": [_PYTHON, "-m", "ruff", "check", "."],
    "format": [_PYTHON, "-m", "ruff", "format", "--check", "."],
    "types": [_PYTHON, "-m", "mypy"],
    "import rules": [_PYTHON, "-c", _IMPORT_RULES],
}
SLOWEST = "--durations=20"
QUICK = [
    *("--ignore=tests/e2e", "--ignore=tests/infrastructure"),  # a local cloud, and stacks to synthesize
    *("-m", "not slow and not engines"),
    *("-n", "auto", "--dist", "loadfile", "-q"),
]


def environment(**more: str) -> dict[str, str]:
    """The environment in which ``lint-imports`` and programs of tests find the packages."""
    path = [str(ROOT / "layers/platform/python"), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), **more}


def run_pytest(arguments: Sequence[str]) -> int:
    return subprocess.call([*_PYTEST, *arguments], cwd=ROOT)


def run_all() -> int:
    """Static checks, then every test. Tests with a local cloud often wait, so they run in parallel with all others."""
    static = [_Part(name, command) for name, command in STATIC.items()]
    succeeded = [part.report() for part in static]
    if not all(succeeded):
        return 1
    e2e = _Part("tests against the local cloud", [*_PYTEST, SLOWEST, "tests/e2e"])
    announce("tests")
    code = subprocess.call([*_PYTEST, SLOWEST, "--ignore=tests/e2e"], cwd=ROOT, env=environment())
    e2e.report("" if code == 0 else "tests above failed")  # last: the output ends with pytest's summary
    return code or e2e.code


def run_quick() -> int:
    """Static checks, in parallel with the tests that need neither a local cloud nor synthesized stacks."""
    began = time.monotonic()
    static = [_Part(name, command) for name, command in STATIC.items()]
    tests = _Part("tests", [*_PYTEST, *QUICK])
    succeeded = [part.report() for part in (*static, tests)]
    print(f"\n{time.monotonic() - began:.0f} s; ./dp test runs everything")
    return 0 if all(succeeded) else 1


def announce(name: str) -> None:
    print(f"\n── {name} " + "─" * max(0, 70 - len(name)), flush=True)


@dataclass
class _Part:
    """A command that runs in parallel with others. Its output is kept until ``report``."""

    name: str
    command: Sequence[str]

    def __post_init__(self) -> None:
        output = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - read by ``report``
        self._output: IO[str] = output
        self._process = subprocess.Popen(
            self.command, cwd=ROOT, env=environment(), stdout=output, stderr=subprocess.STDOUT
        )

    @property
    def code(self) -> int:
        """The exit code, once the command has ended."""
        return self._process.wait()

    def report(self, note: str = "") -> bool:
        """Prints the output, once the command has ended. Returns whether it succeeded."""
        code = self.code
        announce(f"{self.name}{' FAILED' if code else ''}{f' ({note})' if note else ''}")
        self._output.seek(0)
        shutil.copyfileobj(self._output, sys.stdout)
        sys.stdout.flush()
        return code == 0
