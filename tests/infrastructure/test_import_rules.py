"""The import rules of pyproject.toml are kept, and each finds what it forbids."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args, get_type_hints

import pytest

from tests.infra.test_stores_and_the_context import is_store

ROOT = Path(__file__).resolve().parents[2]
PLATFORM = "layers/platform/python"
PARTS = (f"{PLATFORM}/docplatform", "functions", "cdk", "local")


def copy_to(folder: Path) -> Path:
    """A copy of the sources, to plant imports in."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(repository: Path) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(repository / PLATFORM), str(repository)))}
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True)
    return done.returncode, " ".join(done.stdout.split())


def test_the_rules_are_kept() -> None:
    code, report = lint(ROOT)
    assert (code, "0 broken" in report) == (0, True), report


PLANTED = [
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
        "The local platform stands on what is deployed",
    ),
    (
        "cdk/specs.py",
        "local.settings",
        "The local platform stands on what is deployed",
    ),
    (
        f"{PLATFORM}/docplatform/authentication/adapters/kms_tokens.py",
        "jwt",
        "joserfc is the one JOSE library",
    ),
    (
        "local/search_server/index/index.py",
        "local.search_server.queries.clause",
        "The search server's folders stand in one order",
    ),
    (
        "local/cloud/server.py",
        "docplatform.core.ids",
        "The local cloud and its search server know nothing of the product",
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
]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is reported of the sources with every import of PLANTED in them."""
    repository = copy_to(tmp_path_factory.mktemp("planted"))
    for module, imported, _ in PLANTED:
        with (repository / module).open("a") as file:
            file.write(f"\nimport {imported}\n")
    code, report = lint(repository)
    assert code == 1, report
    return report.partition("Broken contracts")[2]


@pytest.mark.parametrize(("module", "imported", "rule"), PLANTED)
def test_a_forbidden_import_is_found(findings: str, module: str, imported: str, rule: str) -> None:
    importer = module.removeprefix(f"{PLATFORM}/").removesuffix(".py").replace("/", ".")
    _, underlined, rest = findings.partition(rule)
    assert underlined, findings
    _, section, *_ = re.split(r"-{10,}(?: -+)?", rest)  # after the underline of this title, up to that of the next one
    assert f"- {importer} -> {imported} (l." in section


def test_every_rule_has_an_import_that_it_forbids() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    planted = tuple(rule for _, _, rule in PLANTED)
    assert [rule["name"] for rule in rules if not rule["name"].startswith(planted)] == []


# -- stores
HANDED_ON = {
    ("authorizer", "people"): "looks up the session and user of a token",
    ("authorizer", "keys_of"): "looks up an API key",
    ("realtime", "live"): "the ticket's, given to connections.admit",
    ("realtime", "people"): "the ticket's, given to connections.admit",
    ("processing", "file_opener"): "the function that opens files, given to the step that needs it",
    ("processing", "index"): "the index, given to the step that writes it",
    ("index_sync", "index"): "the index, given to what follows the stream",
}
"""Stores that a function has from a wiring, because it acts for nobody yet or gives them to a use case. Every other one gets a service."""


def from_wirings(functions: Path) -> Iterator[tuple[str, str, object]]:
    """Everything that functions use of wirings: the function's folder, the name, and what it names."""
    for file in sorted(functions.glob("*/*.py")):
        tree = ast.parse(file.read_text())
        for statement in ast.walk(tree):
            if not isinstance(statement, ast.ImportFrom):
                continue
            for alias in statement.names:
                if ".wiring" not in f"{statement.module}.{alias.name}":
                    continue
                found = imported(str(statement.module), alias.name)
                if not isinstance(found, ModuleType):
                    yield file.parent.name, alias.name, found
                    continue
                of = alias.asname or alias.name
                yield from (
                    (file.parent.name, each.attr, getattr(found, each.attr))
                    for each in ast.walk(tree)
                    if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == of
                )


def imported(module: str, name: str) -> object:
    """What ``from module import name`` gives."""
    found = importlib.import_module(module)
    return getattr(found, name) if hasattr(found, name) else importlib.import_module(f"{module}.{name}")


def gives_a_store(wired: object) -> bool:
    """Whether the annotation of what it returns names a store."""
    given = get_type_hints(wired)["return"]
    return any(isinstance(each, type) and is_store(each) for each in (given, *get_args(given)))


def stores_in(functions: Path) -> set[tuple[str, str]]:
    return {(function, name) for function, name, wired in from_wirings(functions) if gives_a_store(wired)}


def test_functions_get_services_from_wirings_and_no_store() -> None:
    assert stores_in(ROOT / "functions") == HANDED_ON.keys()
    assert len(list(from_wirings(ROOT / "functions"))) > 40, "imports of modules are followed as well"


@pytest.mark.parametrize(
    "planted",
    [
        "from docplatform.library.wiring import library",
        "from docplatform.library import wiring\n\nlibrary = wiring.library",
        "from docplatform.library import wiring as compose\n\nlibrary = compose.library",
    ],
)
def test_a_store_from_a_wiring_is_found(tmp_path: Path, planted: str) -> None:
    functions = shutil.copytree(ROOT / "functions", tmp_path / "functions")
    with (functions / "folders/handler.py").open("a") as file:
        file.write(f"\n{planted}\n")
    assert stores_in(functions) - HANDED_ON.keys() == {("folders", "library")}
