"""The figures of benchmarks/scale.py."""

import pytest

from benchmarks.scale import BOUND, Cost, Times, counted, ratio, report, spread

SIZES = (10, 100)


def _report(grown: float, capsys: pytest.CaptureFixture[str], calls: str = "dynamodb: 1 GetItem") -> tuple[bool, str]:
    """Whether the bounds hold, and the row of a request that took ``grown`` times as long at the large tenant."""
    small = [10.0, 11.0, 9.0, 10.0, 10.0]
    times = Times(small, [each * grown for each in small], small)
    costs = {"read": (Cost("dynamodb: 1 GetItem", [0.5]), Cost(calls, [0.7]))}
    held = report(SIZES, {"read": times}, costs)
    return held, capsys.readouterr().out.splitlines()[-1]


def test_a_ratio_is_of_medians_and_its_spread_is_of_the_parts_of_the_run() -> None:
    small = [10.0] * 10
    large = [20.0] * 5 + [10.0, 20.0, 20.0, 20.0, 40.0]
    assert ratio(small, large) == 2
    assert spread(small, large) == (1.5, 3.0)


def test_a_row_has_medians_ratio_spread_noise_own_time_and_calls(capsys: pytest.CaptureFixture[str]) -> None:
    held, row = _report(1.2, capsys)
    assert held
    assert row == "| read | 10.0 | 12.0 | 1.20 | 1.20 to 1.20 | 1.00 | 0.50 → 0.70 | dynamodb: 1 GetItem |"


def test_a_read_over_the_bound_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    held, row = _report(BOUND + 0.1, capsys)
    assert not held
    assert "| **1.40** |" in row


def test_more_calls_at_the_larger_tenant_break_the_bound(capsys: pytest.CaptureFixture[str]) -> None:
    held, row = _report(1.0, capsys, calls="dynamodb: 2 GetItem")
    assert not held
    assert "**dynamodb: 1 GetItem → dynamodb: 2 GetItem**" in row


def test_calls_are_counted_by_service_and_operation() -> None:
    calls = [("dynamodb", "GetItem"), ("opensearch", "_search"), ("dynamodb", "Query"), ("dynamodb", "GetItem")]
    assert counted(calls) == "dynamodb: 2 GetItem, 1 Query; opensearch: 1 _search"
