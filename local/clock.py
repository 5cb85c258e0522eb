"""The local cloud's clock, as its clients read and move it."""

from __future__ import annotations

import argparse
import json
import re
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from typing import Any

from local.settings import LocalSettings

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class CannotMove(ValueError):
    """The message is the cloud's."""


def duration(text: str) -> int:
    """Seconds of a duration such as ``15m``, ``8h`` or ``30d``. Raises ArgumentTypeError."""
    found = re.fullmatch(r"([1-9][0-9]{0,9})([smhd])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write for instance 90s, 15m, 8h or 30d")
    return int(found[1]) * _UNITS[found[2]]


def read(settings: LocalSettings) -> tuple[datetime, timedelta]:
    """The cloud's time, and how far it is ahead of this machine's."""
    return _parsed(_request(settings))


def forward(settings: LocalSettings, seconds: float) -> tuple[datetime, timedelta]:
    """Moves the clock, and returns it as ``read`` does. Raises CannotMove."""
    return _parsed(_request(settings, {"forward": seconds}))


def show(settings: LocalSettings, *, forward: int | None) -> int:
    try:
        now, ahead = _parsed(_request(settings, None if forward is None else {"forward": forward}))
    except CannotMove as error:
        print(error)
        return 1
    print(f"{now:%Y-%m-%d %H:%M:%S} UTC" + (f", {ahead} ahead of this machine" if ahead else ""))
    if forward is not None:
        print("tokens, sessions and links end as they would after that time; log in again")
    return 0


def _request(settings: LocalSettings, body: dict[str, float] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{settings.endpoint}/_local/clock", data, {"Content-Type": "application/json"} if data else {}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            told: dict[str, Any] = json.load(answer)
            return told
    except urllib.error.HTTPError as error:
        raise CannotMove(json.load(error)["message"]) from None


def _parsed(told: dict[str, Any]) -> tuple[datetime, timedelta]:
    return datetime.fromisoformat(told["now"]), timedelta(seconds=told["forward"])
