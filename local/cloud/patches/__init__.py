"""Behaviour that the emulator lacks, in one small module each, which checks at the start that what it changes is still there.

A patch that no longer fits raises PatchDoesNotFit: a silent one would let tests pass that the cloud would fail.
"""

from __future__ import annotations

import importlib
import os
from typing import Any


class PatchDoesNotFit(RuntimeError):
    """The emulator has changed; look at the patch, and at ``tests/local_cloud``."""


def expect(condition: object, what: str) -> None:
    if not condition:
        raise PatchDoesNotFit(what)


def require(module: Any, name: str) -> Any:
    """The attribute of one of the emulator's modules. Raises PatchDoesNotFit where there is none."""
    expect(hasattr(module, name), f"{getattr(module, '__name__', module)}.{name}")
    return getattr(module, name)


ALL = (
    "durable_objects",  # first: S3 reads its objects when it is imported
    "lambda_errors",  # then this one: it reads the emulator's sources, and those below replace functions
    "workers",
    "clock",
    "live_code",
    "streams",
    "expiry",
    "recovery",
    "schedules",
    "executions",
    "journaled_items",
    "journaled_messages",
    "journaled_stores",
    "durable_answers",
    "async_events",  # after those that load the state: what is kept of events goes on then
    "iam_variables",
    "session_tags",
    "condition_keys",
    "table_policies",
    "batch_actions",
    "secure_loopback",
    "search_collections",
    "resource_types",
    "malware_scans",  # after the one for events: it adds an event to those of S3
    "regions",
    "live_connections",
    "metrics_in_logs",
    "tracing",
    "object_keys",
    "fair_queues",
    "ordered_queries",
    "streamed_objects",  # before the next one: it reads the source of what that replaces
    "kept_uploads",
)


def apply_all() -> None:
    """All but those that DOCPLATFORM_WITHOUT names: ``tests/local_cloud`` shows what each is for."""
    without = os.environ.get("DOCPLATFORM_WITHOUT", "").split()
    for name in ALL:
        if name not in without:
            importlib.import_module(f"{__name__}.{name}").apply()
