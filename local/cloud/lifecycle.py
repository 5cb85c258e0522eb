"""Whether this process answers yet, and whether it is about to end: no function runs before or after."""

from __future__ import annotations

import threading

_listening, _stopping = threading.Event(), threading.Event()


def listens() -> None:
    _listening.set()


def stops() -> None:
    _stopping.set()


def stopping() -> bool:
    """What fails from then on fails because of that."""
    return _stopping.is_set()


def listening() -> bool:
    """Whether everything that was stored is there again."""
    return _listening.is_set()


def await_listening(patience: float | None = 60) -> None:
    """What was stored wakes up with the process, before the functions could reach it. ``patience``: seconds; None: for ever."""
    _listening.wait(patience)
