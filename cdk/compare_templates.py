"""Compare two cloud assemblies: what a change of the code does to the templates that are deployed.

    python cdk/app.py --out BEFORE      # at the commit before the change
    python cdk/app.py --out AFTER
    python cdk/compare_templates.py BEFORE AFTER [--expect PATTERN]...

Prints one line for each property that differs: the stack, the logical id with the path of the property, the two values.
Hashes of assets are left out, because they change with every line of code; so are the hashes that CDK appends to the
logical ids of function versions and API deployments. ``--expect`` names differences that are wanted, by a pattern for
the logical id and path (``*.Properties.Handler``): these are counted and not printed. Exits with 1 if others are left.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])|[0-9a-f]{32}(?![0-9a-f])")
_MISSING = object()


@dataclass(frozen=True)
class Difference:
    """``path``: logical id, then property names and places in lists. A value of None is missing on that side."""

    stack: str
    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.stack}: {self.path}: added {self.after}"
        if self.after is None:
            return f"{self.stack}: {self.path}: removed {self.before}"
        return f"{self.stack}: {self.path}: {self.before} → {self.after}"


def compare(before: Path, after: Path) -> list[Difference]:
    """All differences, in order of stack and path. Raises ValueError for a folder without templates."""
    old, new = _templates(before), _templates(after)
    return [
        Difference(stack, *difference)
        for stack in sorted(old.keys() | new.keys())
        for difference in _differences("", old.get(stack, _MISSING), new.get(stack, _MISSING))
    ]


def _templates(assembly: Path) -> dict[str, Any]:
    """Stack → its template, without hashes."""
    found = {
        file.name.removesuffix(".template.json"): _normalized(json.loads(file.read_text(encoding="utf-8")))
        for file in assembly.glob("*.template.json")
    }
    if not found:
        raise ValueError(f"{assembly} holds no templates")
    return found


def _normalized(value: Any) -> Any:
    match value:
        case dict():
            kept = {name: each for name, each in value.items() if not name.startswith("aws:asset:")}
            return {_without_hash(name): _normalized(each) for name, each in kept.items()}
        case list():
            return [_normalized(each) for each in value]
        case str():
            return _without_hash(value)
        case _:
            return value


def _without_hash(text: str) -> str:
    return _HASH.sub("<hash>", text)


def _differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, str | None, str | None]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            inner = path if not path and name == "Resources" else f"{path}.{name}".lstrip(".")
            yield from _differences(inner, before.get(name, _MISSING), after.get(name, _MISSING))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(f"{path}.{place}", old, new)
    elif before != after:
        yield path, _shown(before), _shown(after)


def _shown(value: Any) -> str | None:
    return None if value is _MISSING else json.dumps(value, ensure_ascii=False, sort_keys=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare two cloud assemblies.")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--expect", metavar="PATTERN", action="append", default=[])
    chosen = parser.parse_args(arguments)
    expected: Counter[str] = Counter()
    unexpected = 0
    for difference in compare(chosen.before, chosen.after):
        pattern = next((each for each in chosen.expect if fnmatchcase(difference.path, each)), None)
        if pattern is None:
            print(difference)
            unexpected += 1
        else:
            expected[pattern] += 1
    for pattern in chosen.expect:
        print(f"expected: {expected[pattern]} × {pattern}")
    print(f"{unexpected} other differences")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
