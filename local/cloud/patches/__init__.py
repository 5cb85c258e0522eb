"""What the emulator lacks, each in one small module that checks at start that what it changes is still there.

A patch that no longer fits raises PatchDoesNotFit: a silent one would let tests pass that the cloud would fail.
"""

from __future__ import annotations

import importlib


class PatchDoesNotFit(RuntimeError):
    """The emulator has changed; look at the patch, and at ``tests/e2e/test_isolation.py``."""


def expect(condition: object, what: str) -> None:
    if not condition:
        raise PatchDoesNotFit(what)


ALL = (
    "stream_records",
    "iam_variables",
    "condition_keys",
    "secure_loopback",
    "lambda_errors",
    "live_code",
    "resource_types",
    "regions",
)


def apply_all() -> None:
    for name in ALL:
        importlib.import_module(f"{__name__}.{name}").apply()
