"""Queries answer what the emulator itself answers, and look at their page only."""

from __future__ import annotations

import pytest

from tests.local_cloud.emulator import in_the_emulator
from tests.support.scale import SEED

pytestmark = pytest.mark.slow
PROGRAM = "queries_in_emulator"


def test_random_queries_answer_what_the_emulator_alone_answers() -> None:
    found = in_the_emulator(PROGRAM, "compare", str(SEED), "1200")
    assert found["differences"] == []
    assert found["asked"] == 1200
    assert found["with items"] > 400, "too few queries found anything"


def test_a_page_of_a_large_partition_looks_at_its_items_only() -> None:
    looked_at = in_the_emulator(PROGRAM, "count")
    assert len(looked_at) == 10
    assert {name: count for name, count in looked_at.items() if count > 60} == {}


def test_the_emulator_alone_looks_at_the_whole_partition() -> None:
    looked_at = in_the_emulator(PROGRAM, "count", "alone")
    assert min(looked_at.values()) >= 5_000, "the emulator keeps partitions in order now: the patch can go"
