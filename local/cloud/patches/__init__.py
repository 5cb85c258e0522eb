"""What the emulator lacks, each in one small module that checks at start that what it changes is still there.

A patch that no longer fits raises PatchDoesNotFit: a silent one would let tests pass that the cloud would fail.
"""

from __future__ import annotations

import importlib
import os


class PatchDoesNotFit(RuntimeError):
    """The emulator has changed; look at the patch, and at ``tests/local_cloud``."""


def expect(condition: object, what: str) -> None:
    if not condition:
        raise PatchDoesNotFit(what)


ALL = (
    "lambda_errors",  # first: it reads the emulator's sources, and those below replace functions
    "workers",
    "live_code",
    "streams",
    "async_events",
    "iam_variables",
    "condition_keys",
    "secure_loopback",
    "resource_types",
    "regions",
    "live_connections",
)


def apply_all() -> None:
    """All but those that DOCPLATFORM_WITHOUT names: ``tests/local_cloud`` shows what each is for."""
    without = os.environ.get("DOCPLATFORM_WITHOUT", "").split()
    for name in ALL:
        if name not in without:
            importlib.import_module(f"{__name__}.{name}").apply()
