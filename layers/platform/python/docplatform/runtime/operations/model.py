"""Operations: what is stored of them, and when they are started again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from docplatform.core.ids import is_tenant

MOST_RESTARTS = 5
"""How often an operation whose execution has died is started again. After that it is given up."""

MOST_GIVE_UPS = 3
"""How often the workflow is started that only marks what the operation was about as failed: its execution can die, too."""

CHECK_INTERVAL = timedelta(minutes=1)
"""How soon after a start or a check an operation may be checked again. Much shorter than the time between two sweeps: a sweep takes some
seconds, and what it has checked must be due when the next one comes."""

PATIENCE = timedelta(minutes=30)
"""How long an execution may run without a new event in its history. A step is one call of Lambda, of 15 minutes at most."""

GIVE_UP = "give-up"
"""In the end of the name of an execution that only marks what the operation was about as failed."""

_LONGEST_NAME = 80  # of an execution, see execution_name
_ID = re.compile(r"[A-Za-z0-9_-]+")


class OperationState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # it was started as often as it may be, and given up


@dataclass(frozen=True, slots=True)
class OperationKey:
    """``kind``: the workflow that does it. ``id`` is unique in tenant and kind; letters, digits, ``-`` and ``_``."""

    tenant_id: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Operation:
    """``input``: ids that every execution is given. ``execution``: the name of the present execution. ``heartbeat_at``: the latest
    moment at which it was seen to advance, and ``step`` the state that it was in; '' before the first check. ``result``: the
    ``outcome`` in the output of the execution that succeeded, or ''."""

    key: OperationKey
    input: dict[str, str]
    execution: str
    started_at: datetime
    heartbeat_at: datetime
    state: OperationState = OperationState.RUNNING
    restarts: int = 0
    step: str = ""
    ended_at: datetime | None = None
    result: str = ""

    @property
    def is_given_up(self) -> bool:
        """Whether its present execution only marks what it was about as failed."""
        return self.restarts > MOST_RESTARTS


def new_operation(key: OperationKey, given: dict[str, str], at: datetime) -> Operation:
    """Raises ValueError for a key that cannot name an execution: the sweep would try in vain for ever."""
    fits = len(execution_name(key, attempt(MOST_RESTARTS + MOST_GIVE_UPS))) <= _LONGEST_NAME
    if not (is_tenant(key.tenant_id) and _ID.fullmatch(key.id) and fits):
        raise ValueError("no execution can be named after this operation")
    return Operation(key, given, execution_name(key, attempt(0)), at, at)


def attempt(restarts: int) -> str:
    """The end of the name of the execution after so many restarts: ``0`` to ``5``, then ``give-up``, ``give-up-2`` and so on."""
    given_up = restarts - MOST_RESTARTS
    if given_up <= 0:
        return str(restarts)
    return GIVE_UP if given_up == 1 else f"{GIVE_UP}-{given_up}"


def execution_name(key: OperationKey, attempt: str) -> str:
    """A name is used once: Step Functions refuses it for 90 days, and takes 80 characters
    (docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html). It carries the tenant, so that no tenant can use up
    the names of another one."""
    return f"{key.tenant_id}-{key.id}-{attempt}"


def outcome_of(execution: Mapping[str, Any]) -> str:
    """The ``outcome`` in the output of an execution that Step Functions describes; '' without one."""
    return str(json.loads(execution.get("output") or "{}").get("outcome", ""))
