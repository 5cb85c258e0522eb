"""The import rules of pyproject.toml are kept, and each finds what it forbids."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLATFORM = "layers/platform/python"
PARTS = (f"{PLATFORM}/docplatform", "functions", "cdk", "local")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the sources, to plant an import in."""
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(repository: Path) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(repository / PLATFORM), str(repository)))}
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True)
    return done.returncode, " ".join(done.stdout.split())


def test_the_rules_are_kept(repository: Path) -> None:
    code, report = lint(repository)
    assert (code, "0 broken" in report) == (0, True), report


@pytest.mark.parametrize(
    ("module", "imported", "rule"),
    [
        (
            f"{PLATFORM}/docplatform/core/ids.py",
            "docplatform.identity.model",
            "Capabilities stand in one order",
        ),
        (
            f"{PLATFORM}/docplatform/search/query.py",
            "docplatform.sharing.grants",
            "Capabilities stand in one order",
        ),
        (
            f"{PLATFORM}/docplatform/library/folders.py",
            "docplatform.library.adapters.store",
            "Adapters are met by wiring and by other adapters only",
        ),
        (
            "functions/folders/handler.py",
            "docplatform.library.adapters.store",
            "Adapters are met by wiring and by other adapters only",
        ),
        (
            f"{PLATFORM}/docplatform/library/folders.py",
            "docplatform.library.wiring",
            "Wiring is the top of a capability: functions import it, and no model, port, use case or adapter",
        ),
        (
            f"{PLATFORM}/docplatform/core/ids.py",
            "pydantic",
            "The core needs the standard library only",
        ),
        (
            f"{PLATFORM}/docplatform/library/folders.py",
            "boto3",
            "SDKs and pydantic are met at the edges of a capability only",
        ),
        (
            f"{PLATFORM}/docplatform/http/router.py",
            "docplatform.extraction.model",
            "API functions import no search client and no parser",
        ),
        (
            "cdk/specs.py",
            "functions.folders.spec",
            "Functions stand above the product's package, and the CDK app beside them",
        ),
        (
            "functions/folders/handler.py",
            "functions.documents.schemas",
            "No function imports another one",
        ),
        (
            "functions/folders/spec.py",
            "docplatform.http.router",
            "The CDK app and the specs of functions need no SDK",
        ),
    ],
)
def test_a_forbidden_import_is_found(repository: Path, module: str, imported: str, rule: str) -> None:
    with (repository / module).open("a") as file:
        file.write(f"\nimport {imported}\n")
    code, report = lint(repository)
    kept_or_broken = report[report.index(rule) + len(rule) :]
    assert code == 1 and kept_or_broken.partition("BROKEN")[0].count("KEPT") == 0, report
