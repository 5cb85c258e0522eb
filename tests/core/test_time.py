"""RFC 3339 text, which sorts by time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docplatform.core.time import rfc3339


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01T00:00:00.000Z"),
        (datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC), "2026-12-31T23:59:59.999Z"),
        (datetime(2026, 1, 1, 1, 30, 0, 7_000, timezone(timedelta(hours=2))), "2025-12-31T23:30:00.007Z"),
    ],
    ids=["whole second", "cut off, not rounded", "another zone"],
)
def test_a_moment_is_text_in_utc_with_milliseconds(at: datetime, text: str) -> None:
    assert rfc3339(at) == text


_ZONES = st.builds(timezone, st.timedeltas(timedelta(hours=-14), timedelta(hours=14)))
_MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=_ZONES)


@given(_MOMENTS, _MOMENTS)
def test_text_sorts_as_the_moments_do(one: datetime, other: datetime) -> None:
    first, second = sorted((one, other))
    assert rfc3339(first) <= rfc3339(second)
    assert timedelta(0) <= first - datetime.fromisoformat(rfc3339(first)) < timedelta(milliseconds=1)
