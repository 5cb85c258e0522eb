"""The state of the emulator's services, each in a file of its own: ``services/NAME.json``.

What a request changes is in the file before the request is answered. Members of a state that grow with use are left out: some are in the
journal (``leave_to_journal``), and some are histories, which are written with a snapshot that somebody asks for, and at a stop.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.cloud.durability.files import write_whole
from local.cloud.durability.journal import StateUnreadable

State = dict[str, Any]
_HISTORIES: dict[str, tuple[str, ...]] = {
    "cloudwatch_logs": ("log_groups", "log_records", "queries"),
    "cloudwatch": ("metrics", "alarm_history"),
}


def _without_streams(groups: Any) -> Any:
    """Log groups as they were made: their streams, with the lines, are history."""
    bare = type(groups)()
    for key, group in groups._data.items():
        bare._data[key] = {name: value for name, value in group.items() if name != "streams"}
    return bare


def _with_streams(groups: Any, histories: Any) -> Any:
    for key, group in groups._data.items():
        known = histories._data.get(key, {}) if histories is not None else {}
        group.setdefault("streams", known.get("streams", {}))
    return groups


_LEFT: dict[str, dict[str, Callable[[Any], Any] | None]] = {"cloudwatch_logs": {"log_groups": _without_streams}}
"""Service → member of its state → what is left of it for the file; None: nothing."""
_COPIED = ("lambda",)  # its ``get_state`` changes the copy that it makes
_uncopied = threading.local()


def leave_to_journal(service: str, members: dict[str, Callable[[Any], Any] | None]) -> None:
    _LEFT.setdefault(service, {}).update(members)


def _folder() -> Path:
    return Path(os.environ["STATE_DIR"])


def file_of(name: str) -> Path:
    return _folder() / f"{name}.json"


class Services:
    """Writes services whose state has changed since it was written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._written: dict[str, bytes] = {}

    def save(self, names: Iterable[str] | None = None) -> None:
        """Writes those of these services, or of all, whose state is not the written one. Raises OSError where the disk is full."""
        loaded = _loaded()
        with self._lock:
            for name in loaded if names is None else names:
                if name in loaded:
                    self._save(name, loaded[name])

    def _save(self, name: str, get_state: Callable[[], State | None]) -> None:
        state = _state(name, get_state)
        if state is None:
            return
        content = _as_file(name, _without(state, name))
        digest = hashlib.blake2b(content, digest_size=16).digest()
        if self._written.get(name) != digest:
            write_whole(file_of(name), content)
            self._written[name] = digest


def save_histories() -> None:
    """Writes log lines and metrics. Raises OSError."""
    for name, get_state in _loaded().items():
        state = _state(name, get_state) if name in _HISTORIES else None
        if state is not None:
            history = {member: state[member] for member in _HISTORIES[name] if member in state}
            write_whole(_folder() / f"{name}.history.json", _as_file(name, history))


def read(name: str) -> State:
    """The stored state of a service, with its history; empty where there is none. Raises StateUnreadable."""
    state, history = _read(name, file_of(name)), _read(name, _folder() / f"{name}.history.json")
    if "log_groups" in state:
        history["log_groups"] = _with_streams(state["log_groups"], history.get("log_groups"))
    return {**state, **history}


def _loaded() -> dict[str, Callable[[], State | None]]:
    from ministack import app

    found: dict[str, Callable[[], State | None]] = app._build_persistence_save_dict()
    return found


def _state(name: str, get_state: Callable[[], State | None]) -> State | None:
    """A service's state, without the copies that ``get_state`` makes: nobody changes it before it is written."""
    module = sys.modules.get(getattr(get_state, "__module__", ""))
    if getattr(module, "copy", None) is copy:
        module.copy = _COPY  # type: ignore[union-attr]
    _uncopied.here = name not in _COPIED
    try:
        return get_state()
    finally:
        _uncopied.here = False


def _deepcopy(value: Any, memo: Any = None) -> Any:
    return value if getattr(_uncopied, "here", False) else copy.deepcopy(value, memo)


_COPY = SimpleNamespace(**{**vars(copy), "deepcopy": _deepcopy})
"""The standard module for one of the emulator's, with a ``deepcopy`` that copies nothing while a state is written."""


def _without(state: State, name: str) -> State:
    left_out: dict[str, Callable[[Any], Any] | None] = {
        **dict.fromkeys(_HISTORIES.get(name, ())),
        **_LEFT.get(name, {}),
    }
    return {
        member: rest(value) if (rest := left_out.get(member)) else value
        for member, value in state.items()
        if member not in left_out or left_out[member]
    }


def _as_file(name: str, state: State) -> bytes:
    from ministack.core import persistence

    version = persistence._state_format_version(name)
    return json.dumps({"__ministack_format__": version, "payload": state}, default=persistence._json_default).encode()


def _read(name: str, file: Path) -> State:
    from ministack.core import persistence

    if not file.exists():
        return {}
    try:
        data = json.loads(file.read_bytes(), object_hook=persistence._json_object_hook)
    except ValueError as error:
        raise StateUnreadable(file, f"it is no JSON ({error})") from error
    if not isinstance(data, dict):
        raise StateUnreadable(file, "it is no state of a service")
    if "__ministack_format__" not in data:
        return data
    if data["__ministack_format__"] > persistence._state_format_version(name):
        raise StateUnreadable(file, "a newer version has written it")
    return data["payload"] or {}


SERVICES = Services()
