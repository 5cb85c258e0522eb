"""What other services hold, and what grows with use, goes into the journal.

These are sessions of roles, mails, executions of state machines, positions in streams, and the locks of objects. The emulator itself
forgets sessions, mails, and the retention and legal holds of objects whenever it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from local.cloud.durability import store
from local.cloud.durability.changes import CHANGES, Described
from local.cloud.durability.journal import Record
from local.cloud.durability.replay import Replayed
from local.cloud.patches import expect, require

_STORES = (
    # service, attribute of its module, member of its state ("": the emulator does not store it)
    ("stepfunctions", "_executions", "executions"),
    ("stepfunctions", "_map_runs", "map_runs"),
    ("lambda", "_dynamodb_stream_positions", "dynamodb_stream_positions"),
    ("s3", "_object_retention", ""),
    ("s3", "_object_legal_hold", ""),
    ("sts", "_sessions", ""),
)
_written: dict[Any, int] = {}
"""Account and region → how many of its mails are in the journal."""


def apply() -> None:
    from ministack import app
    from ministack.services import ses, stepfunctions

    require(app, "_get_module")
    require(app, "_state_map")
    CHANGES.describe("entry", _entry)
    for service, attribute, member in _STORES:
        module = app._get_module(app._state_map[service])
        kept = require(module, attribute)
        setattr(module, attribute, _noting(kept, f"{service}.{attribute}"))
        members: dict[str, Callable[[Any], Any] | None] = {member: None} if member else {}
        names = partial(_snapshot, service, attribute), partial(_restore, service, attribute, member)
        store.keep(service, members, *names)
    emit = require(stepfunctions, "_emit_execution_status_event")

    def ended(execution: dict[str, Any]) -> None:
        _arn, _aws, _states, region, account, *_ = execution["executionArn"].split(":")
        CHANGES.mark_changed("entry", "stepfunctions", "_executions", (account, region, execution["executionArn"]))
        emit(execution)

    stepfunctions._emit_execution_status_event = ended
    _keep_mails(ses)


def _noting(kept: Any, name: str) -> Any:
    """A store of the same kind that notes what comes and goes."""
    service, _, attribute = name.partition(".")

    class Noting(type(kept)):  # type: ignore[misc]
        __slots__ = ()

        def _mark_changed(self, key: Any) -> None:
            CHANGES.mark_changed("entry", service, attribute, self._scoped(key) if hasattr(self, "_scoped") else (key,))

        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(key, value)
            self._mark_changed(key)

        def __delitem__(self, key: Any) -> None:
            super().__delitem__(key)
            self._mark_changed(key)

        def pop(self, key: Any, *default: Any) -> Any:
            value = super().pop(key, *default)
            self._mark_changed(key)
            return value

        def setdefault(self, key: Any, default: Any = None) -> Any:
            value = super().setdefault(key, default)
            self._mark_changed(key)
            return value

        def pop_scoped(self, account: str, region: str, key: Any, *default: Any) -> Any:
            value = super().pop_scoped(account, region, key, *default)
            CHANGES.mark_changed("entry", service, attribute, (account, region, key))
            return value

        def set_scoped(self, account: str, region: str, key: Any, value: Any) -> None:
            super().set_scoped(account, region, key, value)
            CHANGES.mark_changed("entry", service, attribute, (account, region, key))

    expect(not kept, f"{name} is empty at the start")
    return Noting()


def _data(service: str, attribute: str) -> Any:
    """The entries of a store by their whole keys."""
    from ministack import app

    kept = getattr(app._get_module(app._state_map[service]), attribute)
    return kept if isinstance(kept, dict) else kept._data


def _entry(service: str, attribute: str, key: Any) -> Described:
    data = _data(service, attribute)
    whole = key[0] if isinstance(data, dict) and len(key) == 1 else key
    if whole in data:
        return ["put", f"{service}.{attribute}", _as_list(key), data[whole]], None
    return ["gone", f"{service}.{attribute}", _as_list(key)], None


def _as_list(key: Any) -> Any:
    return [_as_list(each) for each in key] if isinstance(key, tuple) else key


def _snapshot(service: str, attribute: str) -> Iterator[list[Record]]:
    for key, value in list(_data(service, attribute).items()):
        yield [["put", f"{service}.{attribute}", _as_list(key if isinstance(key, tuple) else (key,)), value]]


def _restore(service: str, attribute: str, member: str, data: dict[str, Any], replayed: Replayed) -> None:
    from ministack import app

    entries = replayed.stores.get(f"{service}.{attribute}")
    if not entries:
        return
    kept = getattr(app._get_module(app._state_map[service]), attribute)
    if isinstance(kept, dict):
        kept.update({key[0]: value for key, value in entries.items()})
    elif member:
        data[member] = type(kept).from_dict(entries)
    else:
        kept._data.update(entries)


def _keep_mails(ses: Any) -> None:
    from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

    class Mails(AccountRegionScopedDict):  # type: ignore[misc]
        """The emulator appends to a list that it gets from here."""

        def get(self, key: Any, default: Any = None) -> Any:
            CHANGES.mark_changed("mails", get_account_id(), get_region())
            return super().get(key, default)

    expect(type(require(ses, "_sent_emails")) is AccountRegionScopedDict, "ses._sent_emails")
    ses._sent_emails = Mails()
    CHANGES.describe("mails", _mails)
    store.keep("ses", {}, _snapshot_mails, _restore_mails)


def _mails(account: str, region: str) -> Described | None:
    from ministack.services import ses

    known, mails = _written.get((account, region), 0), ses._sent_emails.get_scoped(account, region, "entries", [])
    if len(mails) == known:
        return None
    end = len(mails)

    def written() -> None:
        _written[account, region] = end

    return ["more", "mails", [account, region], known, mails[known:end]], written


def _snapshot_mails() -> Iterator[list[Record]]:
    from ministack.services import ses

    for (account, region, _), mails in ses._sent_emails.all_items():
        yield [["more", "mails", [account, region], 0, mails]]


def _restore_mails(_data: dict[str, Any], replayed: Replayed) -> None:
    from ministack.services import ses

    for (name, (account, region)), mails in replayed.lists.items():
        if name == "mails":
            ses._sent_emails.set_scoped(account, region, "entries", mails)
            _written[account, region] = len(mails)
