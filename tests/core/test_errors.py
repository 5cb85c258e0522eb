"""Each error of the product has its own code, and the tree at the top of each errors.py is the same as in the code."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import docplatform
from docplatform.core.errors import Conflict, DomainError, NotFound, raised_by, raises

PACKAGE = Path(docplatform.__file__).parent
FILES = sorted(PACKAGE.glob("*/errors.py"))
MODULES = [importlib.import_module(f"docplatform.{file.parent.name}.errors") for file in FILES]


def declared(module: ModuleType) -> dict[str, str]:
    """The errors that a module defines, with the name of their category."""
    kinds = (each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module.__name__)
    return {kind.__name__: kind.__base__.__name__ for kind in kinds if kind is not DomainError}


def drawn(module: ModuleType) -> dict[str, str]:
    """The same, from the tree in the module's docstring: ``Category ← Error · Error``, or lines that hang below a
    category."""
    found: dict[str, str] = {}
    category = ""
    for line in (module.__doc__ or "").splitlines():
        if " ← " in line:
            category, _, line = line.partition(" ← ")
        elif match := re.match(r"[├└]── (\w+)", line):
            category = match[1]
            found[category] = "DomainError"
            continue
        elif not re.match(r"[│ ]   +", line):
            category = ""
        if category:
            below = re.sub(r"^[│ ]*[├└]── ", "", line)
            names = re.split(r" · ?", re.split(r"\s{2,}", below.strip())[0])
            found |= {name.strip(): category for name in names if name.strip()}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.split(".")[1])
def test_the_tree_at_the_top_is_the_tree_of_the_classes(module: ModuleType) -> None:
    assert declared(module)
    assert drawn(module) == declared(module)


def test_no_two_errors_share_a_code() -> None:
    codes: dict[str, str] = {}
    for module in MODULES:
        for name in declared(module):
            code = getattr(module, name).code
            assert codes.setdefault(code, name) == name, f"{name} and {codes[code]} are both '{code}'"
    assert len(codes) > 50


def test_a_tree_that_lies_is_found() -> None:
    module = ModuleType("lie")
    module.__doc__ = "Errors.\n\nNotFound ← A · B ·\n    C\n"
    assert drawn(module) == {"A": "NotFound", "B": "NotFound", "C": "NotFound"}
    assert drawn(module) != declared(module)


def test_a_declaration_leaves_the_function_as_it_is() -> None:
    def read() -> str:
        return "read"

    assert raises(NotFound)(read) is read
    assert raised_by(read) == (NotFound,)


def test_the_errors_of_several_use_cases_come_each_once() -> None:
    @raises(NotFound, Conflict)
    def change() -> None: ...

    @raises(Conflict)
    def delete() -> None: ...

    @raises()
    def count() -> None: ...

    assert raised_by(change, delete, count) == (NotFound, Conflict)
    with pytest.raises(KeyError):
        raised_by(drawn)
