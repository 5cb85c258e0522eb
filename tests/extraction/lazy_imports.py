"""Prints what the modules of a parser process would import later, as ``module<TAB>line<TAB>name`` lines.

``python -m tests.extraction.lazy_imports <file type> <operation>``: imports what the parser process imports for this
task, and reads the source of every module that is loaded then. ``name`` is a module that a function would import and
that is not loaded, or the call by which it imports a module whose name is computed.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from docplatform.extraction import worker

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_IMPORTERS = ("__import__", "import_module")


def main() -> None:
    worker.prepare(sys.argv[1], sys.argv[2])
    for name, module in sorted(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path and path.endswith(".py") and name not in ("__main__", "tests.extraction.lazy_imports"):
            for line, imported in _later_imports(ast.parse(Path(path).read_text("utf-8")), module):
                print(name, line, imported, sep="\t")


def _later_imports(tree: ast.AST, module: ModuleType, in_function: bool = False) -> Iterator[tuple[int, str]]:
    for node in ast.iter_child_nodes(tree):
        inside = in_function or isinstance(node, _FUNCTIONS)
        if inside:
            yield from ((node.lineno, name) for name in _missing(node, module))  # type: ignore[attr-defined]
        yield from _later_imports(node, module, inside)


def _missing(node: ast.AST, module: ModuleType) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name not in sys.modules)
    elif isinstance(node, ast.ImportFrom):
        dots = "." * node.level + (node.module or "")
        base = importlib.util.resolve_name(dots, module.__package__) if node.level else dots
        if base not in sys.modules:
            yield base
        else:
            loaded = sys.modules[base]
            yield from (f"{base}.{alias.name}" for alias in node.names if not hasattr(loaded, alias.name))
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(_IMPORTERS):
        yield ast.unparse(node)


if __name__ == "__main__":
    main()
