"""Points in time: the clock, and RFC 3339 text."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(at: datetime) -> str:
    """``at`` in UTC with milliseconds. The width is constant, so the texts sort by time (RFC 3339 §5.1)."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def now() -> datetime:
    return datetime.now(UTC)
