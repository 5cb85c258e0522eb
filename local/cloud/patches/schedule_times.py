"""When a schedule is due: its expression, time zone, start and end
(docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from local.cloud.patches import require

_UNITS = {"minute": 60, "hour": 3_600, "day": 86_400}
_RANGES = {0: (0, 59), 1: (0, 23), 3: (1, 12), 5: (1970, 2199)}
"""Field of a cron expression → its least and greatest value."""
_LOOK_BACK = (3_600, 86_400, 32 * 86_400, 367 * 86_400)  # seconds


class Invalid(ValueError):
    """The message is AWS's."""


def check_emulator() -> None:
    from ministack.services import eventbridge

    for name in ("_parse_cron_fields", "_cron_next_fire"):
        require(eventbridge, name)


def zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Invalid(f"Invalid ScheduleExpressionTimezone {name}.") from None


def check(expression: str, zone_name: str, now: float) -> None:
    """Raises Invalid, also for a moment in the past."""
    place = zone(zone_name)
    moment = _at(expression, place)
    if moment is not None and moment <= now:
        raise Invalid(f"Invalid Schedule Expression {expression}. The time is in the past.")
    if moment is None and not _rate(expression) and not _cron(expression):
        raise Invalid(f"Invalid Schedule Expression {expression}.")


def due(schedule: dict[str, Any], now: float) -> float | None:
    """The latest moment up to now that has come since the schedule last fired or was changed; None where none has. Raises Invalid."""
    expression, place = schedule["ScheduleExpression"], zone(schedule.get("ScheduleExpressionTimezone") or "UTC")
    moment, fired = _at(expression, place), schedule.get("Fired")
    if moment is not None:
        return moment if fired is None and moment <= now else None
    began, ends = epoch(schedule.get("StartDate")), epoch(schedule.get("EndDate"))
    anchor = max(schedule["LastModificationDate"], began or 0.0)
    last = anchor if fired is None else max(fired, anchor)
    until = now if ends is None else min(now, ends)
    interval = _rate(expression)
    if interval:
        latest = anchor + (until - anchor) // interval * interval
        return latest if latest > last else None
    fields = _cron(expression)
    if fields is None:
        raise Invalid(f"Invalid Schedule Expression {expression}.")
    return _latest(fields, place, last, until)


def is_one_time(expression: str) -> bool:
    return expression.startswith("at(")


def epoch(value: Any) -> float | None:
    """The SDKs send a number; a template has a text."""
    if value is None or isinstance(value, int | float):
        return value
    return datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp()


def _at(expression: str, place: ZoneInfo) -> float | None:
    found = re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", expression, re.ASCII)
    if not found:
        return None
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=place).timestamp()
    except (ValueError, OverflowError):
        raise Invalid(f"Invalid Schedule Expression {expression}.") from None


def _rate(expression: str) -> int:
    """Seconds; 0 where it is no rate."""
    found = re.fullmatch(r"rate\(([1-9]\d{0,8}) (minute|hour|day)s?\)", expression, re.ASCII)
    return int(found[1]) * _UNITS[found[2]] if found else 0


def _cron(expression: str) -> tuple[Any, ...] | None:
    """The fields as the emulator reads them; None where they are none. (It takes values out of range, and ``?`` anywhere.)"""
    from ministack.services import eventbridge

    fields = eventbridge._parse_cron_fields(expression)
    given = expression[5:-1].split()
    if fields is None or [number for number, field in enumerate(given) if field == "?"] not in ([2], [4]):
        return None
    for number, (least, greatest) in _RANGES.items():
        values = fields[number]
        if values is not None and (not values or min(values) < least or max(values) > greatest):
            return None
    days, weekdays = fields[2]["days"], fields[4]["days"]
    return tuple(fields) if days <= set(range(1, 32)) and weekdays <= set(range(1, 8)) else None


def _latest(fields: Any, place: ZoneInfo, last: float, now: float) -> float | None:
    """The latest occurrence after ``last`` and up to ``now``. Most crons have one within the hour, so the search begins near now."""
    for seconds in (*_LOOK_BACK, now - last + 1):
        found = None
        for moment in _occurrences(fields, place, max(last, now - seconds)):
            if moment > now:
                break
            found = moment
        if found is not None or now - seconds <= last:
            return found
    return None


def _occurrences(fields: Any, place: ZoneInfo, after: float) -> Iterator[float]:
    """By the clocks of the place: nothing is due in an hour that they skip, and an hour that they repeat counts once."""
    from ministack.services import eventbridge

    wall = datetime.fromtimestamp(after, place).replace(tzinfo=UTC, fold=0)
    while True:
        wall = eventbridge._cron_next_fire(fields, wall)
        if wall is None:
            return
        local = wall.replace(tzinfo=place)
        if local.astimezone(UTC).astimezone(place).replace(tzinfo=None) == wall.replace(tzinfo=None):
            moment = local.timestamp()
            if moment > after:
                yield moment
