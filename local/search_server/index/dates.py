"""Dates in OpenSearch's format ``strict_date_optional_time||epoch_millis``, and date math, in milliseconds of UTC.

Source: OpenSearch 2.19, org.opensearch.common.time.JavaDateMathParser.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

_DATE = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(?:(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?)?"
)
_MATH = re.compile(r"([+\-/])(\d*)([yMwdhHms])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "H": 3600, "d": 86_400, "w": 604_800}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotADate(ValueError):
    pass


def parse(value: object, *, round_up: bool = False) -> int:
    """Returns milliseconds since 1970. Raises NotADate.

    ``round_up`` fills a missing time of day with its last millisecond. A missing month or day is the first in either case:
    ``2024-05`` rounded up is 1 May, 23:59:59.999.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise NotADate(value)
    text = str(value)
    match = _DATE.fullmatch(text)
    if match is None:
        if re.fullmatch(r"-?\d{1,18}", text):
            return int(text)
        raise NotADate(text)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        start = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError as error:
        raise NotADate(text) from error
    millis = milliseconds(start) - _offset(zone) + (int(fraction.ljust(3, "0")[:3]) if fraction else 0)
    if round_up and fraction is None:
        millis += (1000 if second else 60_000 if minute else 3_600_000 if hour else 86_400_000) - 1
    return millis


def evaluate(expression: object, now: int, *, round_up: bool = False) -> int:
    """Evaluates a date or date math: ``now-1d/d``, ``2024-01-01||+1M/M``. Raises NotADate.

    ``round_up`` rounds to the end of a unit instead of its beginning.
    """
    text = str(expression) if isinstance(expression, str | int) and not isinstance(expression, bool) else ""
    if text.startswith("now"):
        base, math = now, text[3:]
    else:
        date, _, math = text.partition("||")
        base = parse(date or expression, round_up=round_up and not math)
    if "".join("".join(part) for part in _MATH.findall(math)) != math:
        raise NotADate(text)
    moment = from_milliseconds(base)
    for operation, count, unit in _MATH.findall(math):
        if operation == "/":
            if count not in ("", "1"):
                raise NotADate(text)
            moment = floor(moment, unit)
            if round_up:
                moment = _shifted(moment, unit, 1) - timedelta(milliseconds=1)
        else:
            moment = _shifted(moment, unit, int(count or 1) * (1 if operation == "+" else -1))
    return milliseconds(moment)


def floor(moment: datetime, unit: str) -> datetime:
    """Returns the beginning of the second, minute, hour, day, week (Monday), month, quarter or year that contains ``moment``."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match unit:
        case "s":
            return moment.replace(microsecond=0)
        case "m":
            return moment.replace(second=0, microsecond=0)
        case "h" | "H":
            return moment.replace(minute=0, second=0, microsecond=0)
        case "d":
            return day
        case "w":
            return day - timedelta(days=day.weekday())
        case "M":
            return day.replace(day=1)
        case "q":
            return day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1)
        case _:
            return day.replace(day=1, month=1)


def next_start(moment: datetime, unit: str) -> datetime:
    """Returns the beginning of the unit that follows the one beginning at ``moment``."""
    return _shifted(moment, "M", 3) if unit == "q" else _shifted(moment, unit, 1)


def milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(millis: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=millis)
    except OverflowError as error:
        raise NotADate(millis) from error


def iso(millis: int) -> str:
    """Returns the format of ``key_as_string``: 2024-05-01T00:00:00.000Z."""
    moment = from_milliseconds(millis)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{millis % 1000:03d}Z"


def _shifted(moment: datetime, unit: str, count: int) -> datetime:
    try:
        if unit not in "yM":
            return moment + timedelta(seconds=count * _SECONDS[unit])
        months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
    except (OverflowError, ValueError) as error:
        raise NotADate(f"{count}{unit}") from error


def _offset(zone: str | None) -> int:
    if zone in (None, "Z"):
        return 0
    assert zone is not None
    hours, minutes = int(zone[1:3]), int(zone[-2:]) if len(zone) > 3 else 0
    return (hours * 60 + minutes) * 60_000 * (-1 if zone[0] == "-" else 1)
