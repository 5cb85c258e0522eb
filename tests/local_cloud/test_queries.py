"""Queries answer what the emulator itself answers, and look at their page only."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from local.settings import CLOUD_PYTHON, ROOT
from tests.support.scale import SEED

pytestmark = pytest.mark.slow


def in_the_emulator(*words: str) -> Any:
    command = [str(CLOUD_PYTHON), "-m", "tests.local_cloud.queries_in_emulator", *words]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_random_queries_answer_what_the_emulator_alone_answers() -> None:
    found = in_the_emulator("compare", str(SEED), "1200")
    assert found["differences"] == []
    assert found["asked"] == 1200
    assert found["with items"] > 400, "too few queries found anything"


def test_a_page_of_a_large_partition_looks_at_its_items_only() -> None:
    looked_at = in_the_emulator("count")
    assert len(looked_at) == 10
    assert {name: count for name, count in looked_at.items() if count > 60} == {}


def test_the_emulator_alone_looks_at_the_whole_partition() -> None:
    looked_at = in_the_emulator("count", "alone")
    assert min(looked_at.values()) >= 5_000, "the emulator keeps partitions in order now: the patch can go"
