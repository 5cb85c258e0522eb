"""Writes ``locks/*.txt`` from the dependency groups of pyproject.toml: exact versions with hashes, for every platform."""

from __future__ import annotations

import subprocess
import sys

from local.settings import ROOT

GROUPS = (
    "runtime",
    "parsers",
    "identity",
    "cdk",
    "search",
    "test",
)  # one environment: each keeps the versions of those before it
ALONE = ("local",)
LAYERS = ("parsers", "identity")  # used beside the runtime's layer, whose packages they leave out
_OPTIONS = (
    *("--universal", "--python-version=3.11", "--quiet", "--generate-hashes"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"),
)


def lock() -> None:
    before: list[str] = []
    for group in (*GROUPS, *ALONE):
        out = ROOT / "locks" / f"{group}.txt"
        constraints = [] if group in ALONE else [word for earlier in before for word in ("--constraint", earlier)]
        beside = [word for name in _names("runtime") for word in ("--no-emit-package", name)] if group in LAYERS else []
        options = [*_OPTIONS, *constraints, *beside, "--group", group, "-o", str(out)]
        subprocess.run(
            [sys.executable, "-m", "uv", "pip", "compile", *options],
            cwd=ROOT,
            check=True,
        )
        before.append(str(out))


def _names(group: str) -> list[str]:
    lines = (ROOT / "locks" / f"{group}.txt").read_text().splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line]
