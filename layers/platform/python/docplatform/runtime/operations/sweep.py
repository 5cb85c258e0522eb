"""The sweep over unfinished operations: every sweep checks each of them, unless it was started or checked a minute ago."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from docplatform.runtime.operations.model import OperationKey, OperationState
from docplatform.runtime.operations.service import OperationService
from docplatform.runtime.operations.store import OperationStore, StaleOperation

_MOST = 1_000  # operations of one sweep, at three calls each; the next one goes on


@dataclass(slots=True)
class Swept:
    """What a sweep has done. ``failed``: operations that were given up now, once each. ``errors``: what was raised for single
    operations, which a later sweep tries again."""

    checked: int = 0
    ended: int = 0
    restarted: list[OperationKey] = field(default_factory=list)
    failed: list[OperationKey] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


def sweep(store: OperationStore, service: OperationService, now: Callable[[], datetime]) -> Swept:
    """Check every operation whose check is due. One that raises does not keep the others from being checked: its next check is due as if
    it had not raised, so that it does not stand before them for ever."""
    swept = Swept()
    for key in store.to_check(now(), _MOST):
        swept.checked += 1
        try:
            _check(store, service, key, swept)
        except StaleOperation:
            continue  # somebody else checks it
        except Exception as error:
            swept.errors.append(error)
            _postpone(store, key, now(), swept)
    return swept


def _postpone(store: OperationStore, key: OperationKey, at: datetime, swept: Swept) -> None:
    try:
        store.postpone(key, at)
    except Exception as error:
        swept.errors.append(error)


def _check(store: OperationStore, service: OperationService, key: OperationKey, swept: Swept) -> None:
    before = store.get(key)
    if before is None or before.state is not OperationState.RUNNING:
        return  # the index shows it for a moment more
    after = service.check(before)
    if after.is_given_up and not before.is_given_up:
        swept.failed.append(key)
    elif after.state is not OperationState.RUNNING:
        swept.ended += 1
    elif after.restarts > before.restarts:
        swept.restarted.append(key)
