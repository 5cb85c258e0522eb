"""The specs of all functions, read from ``functions/*/spec.py``."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdk.config import ROOT
from docplatform.runtime.spec import FunctionSpec, Grant, Layer, Mount, Schedule, Trigger

_OF_MANY = (Trigger.WORKFLOW, Trigger.JOBS)
"""Triggers that more than one function may answer."""


@dataclass(frozen=True)
class Deployable:
    """A function to deploy. ``folder``: its package in ``functions/``; several functions may share one."""

    spec: FunctionSpec
    folder: Path

    @property
    def handler(self) -> str:
        """The handler's name for Lambda, whose path holds the package: ``documents.handler.handler``."""
        return f"{self.folder.name}.{self.spec.handler}"


def discover(functions: Path = ROOT / "functions") -> list[Deployable]:
    """All functions in order of name. Raises ValueError for specs that contradict one another (see ``check``)."""
    found: list[Deployable] = []
    for file in sorted(functions.glob("*/spec.py")):
        loader = importlib.util.spec_from_file_location(f"spec_of_{file.parent.name}", file)
        if loader is None or loader.loader is None:
            raise ImportError(str(file))
        module = importlib.util.module_from_spec(loader)
        loader.loader.exec_module(module)
        found += [Deployable(spec, file.parent) for spec in module.FUNCTIONS]
    found.sort(key=lambda each: each.spec.name)
    check(found)
    return found


def check(functions: Sequence[Deployable]) -> None:
    """Raises ValueError for a name or path that is used twice, a folder that cannot be a package, a handler without a
    file, a path with a wrong slash, a trigger that no function or more than one answers, and grants that need another one."""
    specs = [each.spec for each in functions]
    _refuse_twice("function", (spec.name for spec in specs))
    _refuse_twice("path", (mount.path for spec in specs for mount in spec.mounts))
    for each in functions:
        _check_package(each.folder)
        module = each.spec.handler.rpartition(".")[0]
        if not (each.folder / f"{module.replace('.', '/')}.py").is_file():
            raise ValueError(f"{each.spec.name}: {each.folder.name} has no module '{module}' for its handler")
        if not each.spec.mounts and each.spec.trigger is None:
            raise ValueError(f"{each.spec.name}: neither a path nor a trigger calls it")
        for mount in each.spec.mounts:
            if not mount.path.startswith("/") or mount.path.endswith("/"):
                raise ValueError(f"{each.spec.name}: '{mount.path}' must begin, and not end, with a slash")
    for spec in specs:
        if spec.reaches and Grant.TENANT_ACCESS not in spec.grants:
            raise ValueError(f"{spec.name}: {', '.join(sorted(spec.reaches))} without {Grant.TENANT_ACCESS}")
        if spec.untrusted_input and spec.grants:
            raise ValueError(f"{spec.name}: what opens untrusted files has no permissions")
        if (Layer.PARSERS in spec.layers) is not spec.untrusted_input:
            raise ValueError(f"{spec.name}: parsers, and opening untrusted files, need each other")
        if (spec.trigger is Trigger.JOBS) is not bool(spec.schedules):
            raise ValueError(f"{spec.name}: schedules, and the trigger '{Trigger.JOBS}', need each other")
        if (spec.trigger is Trigger.UPLOAD) is not bool(spec.objects):
            raise ValueError(f"{spec.name}: objects, and the trigger '{Trigger.UPLOAD}', need each other")
    _refuse_twice("schedule", (schedule.name for spec in specs for schedule in spec.schedules))
    for trigger in (each for each in Trigger if each not in _OF_MANY):
        if len(answering := [spec.name for spec in specs if spec.trigger is trigger]) != 1:
            raise ValueError(f"one function answers the trigger '{trigger}', not {answering}")


def mounts(functions: Sequence[Deployable]) -> list[tuple[Mount, FunctionSpec]]:
    """All mounts with their functions, in order of path."""
    pairs = [(mount, each.spec) for each in functions for mount in each.spec.mounts]
    return sorted(pairs, key=lambda pair: pair[0].path)


def schedules(functions: Sequence[Deployable]) -> list[tuple[Schedule, FunctionSpec]]:
    """All schedules with the functions that do their work, in order of name."""
    pairs = [(schedule, each.spec) for each in functions for schedule in each.spec.schedules]
    return sorted(pairs, key=lambda pair: pair[0].name)


def tenant_roles(functions: Sequence[Deployable]) -> dict[frozenset[Grant], list[FunctionSpec]]:
    """What functions reach of a tenant beside its items → the functions with exactly this need, in order of name."""
    found: dict[frozenset[Grant], list[FunctionSpec]] = {}
    for each in functions:
        if Grant.TENANT_ACCESS in each.spec.grants:
            found.setdefault(each.spec.reaches, []).append(each.spec)
    return dict(sorted(found.items(), key=lambda pair: sorted(pair[0])))


def tick_of(functions: Sequence[Deployable]) -> FunctionSpec:
    """The function that every schedule calls."""
    (tick,) = triggered_by(Trigger.TICK, functions)
    return tick


def file_opener_of(functions: Sequence[Deployable]) -> FunctionSpec:
    """The function that opens untrusted files."""
    (opener,) = triggered_by(Trigger.FILE_OPENER, functions)
    return opener


def triggered_by(trigger: Trigger, functions: Sequence[Deployable]) -> list[FunctionSpec]:
    """The functions with that trigger, in order of name."""
    return [each.spec for each in functions if each.spec.trigger is trigger]


def is_interactive(spec: FunctionSpec) -> bool:
    """Whether a person waits for the function's answer and so notices a cold start."""
    asked = (Trigger.AUTHORIZER, Trigger.LIVE_AUTHORIZER, Trigger.LIVE_SOCKETS)
    return spec.trigger in asked or bool(spec.mounts)


def _check_package(folder: Path) -> None:
    """A function's package stands first on Lambda's path: it must not hide a module that other code imports."""
    if not folder.name.isidentifier() or folder.name in sys.stdlib_module_names:
        raise ValueError(f"functions/{folder.name}: this cannot be the name of a function's package")
    if not (folder / "__init__.py").is_file():
        raise ValueError(f"functions/{folder.name} lacks an __init__.py")


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"two functions share the {what} '{name}'")
        seen.add(name)
