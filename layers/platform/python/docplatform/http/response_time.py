"""Responses of constant time, where a difference in time would reveal whether an account exists."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

MAIL_SECONDS = 1.5  # longer than SES takes to accept a mail


def pad_to_mail_time() -> AbstractContextManager[None]:
    """Take as long as sending a mail, whether one is sent or not."""
    return pad_to(MAIL_SECONDS)


@contextmanager
def pad_to(seconds: float) -> Iterator[None]:
    """Make the block take at least ``seconds``, also if it raises an error."""
    begun = time.monotonic()
    try:
        yield
    finally:
        time.sleep(max(0.0, seconds - (time.monotonic() - begun)))
