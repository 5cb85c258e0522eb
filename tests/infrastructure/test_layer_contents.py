"""A function finds everything that it imports in its own layers; what else is installed on this machine does not count."""

from __future__ import annotations

import functools
import json
import subprocess
import sys

import pytest

from cdk import layers, specs
from cdk.specs import Deployable
from docplatform.runtime.spec import Layer

FUNCTIONS = specs.discover()
build = functools.cache(functools.partial(layers.build, target="host"))

MEET_NO_PASSWORD = {"tenants"}  # it composes what checks a password, and never calls it
PROGRAM = """
import ast, importlib, json, os, sys
given = json.loads(sys.argv[1])
sys.path[:0] = given["path"]
importlib.import_module(given["module"])
ours = tuple(os.path.realpath(folder) + os.sep for folder in given["ours"])
seen = set()
# What functions of ours import when they are called, and what that imports in turn.
while given["called"] and (fresh := [each for name, each in list(sys.modules.items()) if name not in seen]):
    seen |= set(sys.modules)
    for module in fresh:
        file = getattr(module, "__file__", None) or ""
        if not file.endswith(".py") or not os.path.realpath(file).startswith(ours):
            continue
        for function in ast.walk(ast.parse(open(file, encoding="utf-8").read())):
            if isinstance(function, (ast.FunctionDef, ast.Lambda)):
                for node in ast.walk(function):
                    if isinstance(node, ast.ImportFrom):
                        importlib.import_module("." * node.level + (node.module or ""), module.__package__)
                    elif isinstance(node, ast.Import):
                        [importlib.import_module(each.name) for each in node.names]
"""


def _imports(function: Deployable, carried: tuple[Layer, ...]) -> subprocess.CompletedProcess[str]:
    """In an interpreter with the standard library, these layers and the functions; no site-packages (-S)."""
    given = {
        "path": [str(function.folder.parent), *(str(build(layer).folder / "python") for layer in carried)],
        "module": function.handler.rpartition(".")[0],
        "ours": [str(function.folder), str(build(Layer.PLATFORM).folder / "python/docplatform")],
        "called": function.spec.name not in MEET_NO_PASSWORD,
    }
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, json.dumps(given)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.spec.name)
def test_a_functions_layers_carry_what_it_imports(function: Deployable) -> None:
    done = _imports(function, function.spec.layers)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_without_its_layers_a_function_would_not_start() -> None:
    search = next(each for each in FUNCTIONS if each.spec.name == "search")
    assert "ModuleNotFoundError" in _imports(search, (Layer.PLATFORM,)).stderr


@pytest.mark.slow
def test_no_function_comes_near_lambdas_limit() -> None:
    for each in FUNCTIONS:
        assert sum(build(layer).size for layer in each.spec.layers) < layers.LARGEST * 0.8, each.spec.name


SAMPLED = """
import json, os, sys
sys.path[:0] = json.loads(sys.argv[1])
os.environ |= {
    "LAMBDA_TASK_ROOT": "/var/task",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:9",
    "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
}
from docplatform.runtime.telemetry import LogRecord
LogRecord("request", "r").write()
assert "aws_xray_sdk.core" in sys.modules
"""


@pytest.mark.slow
def test_the_dependencies_layer_carries_the_xray_sdk_that_a_sampled_request_imports() -> None:
    path = [str(build(layer).folder / "python") for layer in (Layer.PLATFORM, Layer.DEPENDENCIES)]
    command = [sys.executable, "-I", "-S", "-c", SAMPLED, json.dumps(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
