"""Writes ``locks/*.txt`` anew from pyproject.toml's dependency groups: exact versions with hashes, for every platform."""

from __future__ import annotations

import subprocess
import sys

from local.settings import ROOT

GROUPS = ("runtime", "parsers", "cdk", "search", "test")  # one environment: each keeps to the versions of those before
ALONE = ("local",)
_OPTIONS = ("--universal", "--python-version=3.11", "--quiet", "--generate-hashes")
_OPTIONS += ("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate")


def lock() -> None:
    before: list[str] = []
    for group in (*GROUPS, *ALONE):
        out = ROOT / "locks" / f"{group}.txt"
        constraints = [] if group in ALONE else [word for earlier in before for word in ("--constraint", earlier)]
        subprocess.run(
            [sys.executable, "-m", "uv", "pip", "compile", *_OPTIONS, *constraints, "--group", group, "-o", str(out)],
            cwd=ROOT,
            check=True,
        )
        before.append(str(out))
