"""Random waits and choices. SnapStart restores many environments from one snapshot, with one state of ``random`` in all of them:
their waits would be the same, and they would meet again each time. This module asks the operating system.
"""

from __future__ import annotations

import random

_RANDOM = random.SystemRandom()


def jitter(most: float) -> float:
    """A number from 0 to ``most``."""
    return _RANDOM.uniform(0, most)


def one_of(count: int) -> int:
    """A number from 0 to ``count - 1``, for writers who shall not meet."""
    return _RANDOM.randrange(count)
