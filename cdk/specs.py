"""Every function's spec, read from ``functions/*/spec.py``."""

from __future__ import annotations

import importlib.util
import sys

from config import ROOT

sys.path.insert(0, str(ROOT / "layers/platform/python"))

from docplatform.runtime.spec import FunctionSpec  # noqa: E402


def all_functions() -> list[tuple[str, FunctionSpec]]:
    """(room, spec) in order of name. Raises ValueError when two functions share a name."""
    found: list[tuple[str, FunctionSpec]] = []
    for file in sorted((ROOT / "functions").glob("*/spec.py")):
        specification = importlib.util.spec_from_file_location(f"spec_{file.parent.name}", file)
        if specification is None or specification.loader is None:
            raise ImportError(str(file))
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        found += [(file.parent.name, spec) for spec in module.FUNCTIONS]
    names = [spec.name for _, spec in found]
    if len(set(names)) != len(names):
        raise ValueError("two functions share a name")
    return found
