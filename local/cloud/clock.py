"""The cloud's clock, which tests move forward. It never goes back, and the offset is stored beside the state.

``time.time``, ``datetime.now`` and their like show the moved time in every module and thread of this process (the package time-machine
replaces them below Python). ``time.sleep`` and ``time.monotonic`` keep to real seconds, so whatever waits for a moment waits here.
"""

from __future__ import annotations

import contextvars
import heapq
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from local.cloud.durability.journal import StateUnreadable

_FARTHEST = 100 * 366 * 86_400.0  # seconds: later years do not fit into every format of a date
_LONGEST_WAIT = 60.0  # seconds: the machine's own clock may jump, after a sleep of the machine for instance
_lock = threading.Lock()
_passed = threading.Condition()
"""Notified when time has passed by a move, or when a waiter should look at its condition."""
_offsets: list[float] = [0.0]
"""Each offset that this process has had, the present one last."""
_file: Path | None = None
_traveller: Any = None
_listeners: list[Callable[[], None]] = []
_due: list[tuple[float, int, Callable[[], None]]] = []
_numbers = count()
_callers: list[threading.Thread] = []
"""The one thread that calls what is due, once it is needed."""


class CannotMove(ValueError):
    """The message says why."""


def start(folder: Path) -> None:
    """Moves the clock to where it was when the process last ran. Raises StateUnreadable."""
    global _file
    _file = folder / "clock.json"
    if _file.exists():
        _travel(_stored(_file))


def _stored(file: Path) -> float:
    """Raises StateUnreadable."""
    try:
        found = float(json.loads(file.read_text())["forward"])
    except (ValueError, KeyError, TypeError):
        found = -1.0
    if not 0 <= found <= _FARTHEST:
        raise StateUnreadable(file, "it says no offset")
    return found


def forward(seconds: object) -> None:
    """Moves the clock. What waits for a moment that has come goes on at once. Raises CannotMove."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds != seconds:
        raise CannotMove("'forward' must be a number of seconds")
    if seconds <= 0:
        raise CannotMove("'forward' must be more than 0: the clock does not go back")
    with _lock:
        if seconds > _FARTHEST - offset():
            raise CannotMove("the clock goes at most 100 years ahead")
        wanted = offset() + seconds
        if _file is not None:  # before the clock moves: after a kill it must not go back
            unfinished = _file.with_suffix(".new")
            unfinished.write_text(json.dumps({"forward": wanted}))
            unfinished.replace(_file)
        _travel(wanted)
        for listener in _listeners:
            listener()
    wake()


def _travel(wanted: float) -> None:
    """Shows the time at this offset from now on. The caller holds the lock, or is the only thread."""
    global _traveller
    import _time_machine
    import time_machine

    if _traveller is None:
        began = time.time_ns()
        traveller = time_machine.Traveller(began, None, True)
        traveller._requested, traveller._real_start_timestamp_ns = True, began
        time_machine.traveller_stack.append(traveller)  # before any thread asks: ``travel.start`` has a gap here
        _time_machine.patch()
        _traveller = traveller
    _traveller.shift(wanted - offset())
    _offsets.append(wanted)


def offset() -> float:
    """The seconds by which the clock is ahead of the machine's."""
    return _offsets[-1]


def shown() -> dict[str, Any]:
    """The clock as ``/_local/clock`` tells it."""
    return {"forward": offset(), "now": datetime.now(UTC).isoformat()}


def moments() -> list[datetime]:
    """The present moment by each clock that a caller may have: this one, the machine's, and those of before a move."""
    real = time.time()
    if _traveller is not None:
        import _time_machine

        real = _time_machine.original_time()
    return [datetime.fromtimestamp(real + each, UTC) for each in reversed(_offsets)]


def on_move(listener: Callable[[], None]) -> None:
    """Has the listener called at each move, before the move is answered."""
    _listeners.append(listener)


def sleep(seconds: float) -> None:
    wait_until(time.time() + seconds)


def wait_until(moment: float, unless: Callable[[], bool] = lambda: False) -> None:
    """Returns at that moment of this clock, or when ``unless`` holds: whoever makes it true calls ``wake``."""
    with _passed:
        while (left := moment - time.time()) > 0 and not unless():
            _passed.wait(min(left, _LONGEST_WAIT))


def wake() -> None:
    with _passed:
        _passed.notify_all()


def call_at(moment: float, function: Callable[[], None]) -> None:
    """Has the function called once at that moment of this clock, in the caller's context, by a thread that all share."""
    context = contextvars.copy_context()
    with _passed:
        if not _callers:
            _callers.append(threading.Thread(target=_call_what_is_due, daemon=True, name="clock"))
            _callers[0].start()
        heapq.heappush(_due, (moment, next(_numbers), lambda: context.run(function)))
        _passed.notify_all()


def _call_what_is_due() -> None:
    while True:
        with _passed:
            while not _due or _due[0][0] > time.time():
                _passed.wait(min(_due[0][0] - time.time(), _LONGEST_WAIT) if _due else None)
            _moment, _number, function = heapq.heappop(_due)
        try:
            function()
        except Exception:
            traceback.print_exc(file=sys.stderr)
