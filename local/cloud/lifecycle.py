"""The stages of the cloud's process: functions run only while it listens, and not once it is stopping."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_listening, _stopping = threading.Event(), threading.Event()
_loops: list[asyncio.AbstractEventLoop] = []


def serve_on(loop: asyncio.AbstractEventLoop) -> None:
    """Notes the loop that serves requests."""
    _loops[:] = [loop]


def on_loop(callback: Callable[..., object], *arguments: object) -> None:
    """Calls back on the loop that serves requests, in the caller's context: between two requests, and before any that
    comes later."""
    _loops[0].call_soon_threadsafe(callback, *arguments)


def mark_listening() -> None:
    _listening.set()


def mark_stopping() -> None:
    _stopping.set()


def stopping() -> bool:
    """Whether the process is about to end. Later failures are consequences of this."""
    return _stopping.is_set()


def listening() -> bool:
    """Whether the ports are open and everything that was stored has been read."""
    return _listening.is_set()


def await_listening(timeout: float | None = 60) -> None:
    """Waits, because stored events and messages resume before functions could reach the cloud. ``timeout``: seconds; None: no end."""
    _listening.wait(timeout)


def call_in_loop(function: Callable[[], T]) -> T:
    """Has the function called between two requests, and returns what it returns. For other threads than the loop's own."""

    async def call() -> T:
        return function()

    return asyncio.run_coroutine_threadsafe(call(), _loops[0]).result()
