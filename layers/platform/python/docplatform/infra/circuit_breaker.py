"""Circuit breaker: a service that has failed several times in a row is not asked for a while, so that callers are refused at once and
do not wait for it (Nygard, Release It!; learn.microsoft.com/azure/architecture/patterns/circuit-breaker)."""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES = 3  # in a row
OPEN_FOR = 20.0  # seconds


class CircuitOpen(Exception):
    """The service is not asked now."""


class CircuitBreaker:
    """Closed: every call goes through. Open, after ``failures`` in a row: none does for ``open_for`` seconds. Then one call is let
    through as a trial; its success closes the circuit, its failure opens it again. ``clock`` in seconds."""

    def __init__(
        self, *, failures: int = FAILURES, open_for: float = OPEN_FOR, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._failures, self._open_for, self._clock = failures, open_for, clock
        self._in_a_row = 0
        self._closed_again_at = 0.0

    def check(self) -> None:
        """Call it before the service. Raises CircuitOpen."""
        if self._in_a_row < self._failures:
            return
        now = self._clock()
        if now < self._closed_again_at:
            raise CircuitOpen
        self._closed_again_at = now + self._open_for  # a trial; others wait for its outcome

    def succeeded(self) -> None:
        self._in_a_row = 0

    def failed(self) -> None:
        self._in_a_row += 1
        self._closed_again_at = self._clock() + self._open_for
