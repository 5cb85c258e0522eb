"""The account's concurrent executions suffice for everything at once, and no function can take those of another kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cdk import concurrency, specs
from tests.infrastructure.conftest import PRODUCTION, synthesize
from tests.infrastructure.synthesized import HOME, Assembly

FUNCTIONS = specs.discover()


def _reserved(made: Assembly) -> dict[str, int]:
    functions = made.stack("api", HOME).of("AWS::Lambda::Function").values()
    found = {
        each["FunctionName"].removeprefix("docplatform-"): each.get("ReservedConcurrentExecutions")
        for each in functions
    }
    return {name: count for name, count in found.items() if count is not None}


def test_what_can_stall_is_capped_and_what_lets_people_in_is_kept(production: Assembly) -> None:
    assert _reserved(production) == {
        "authorizer": 200,
        "file-opener": 240,
        "index-sync": 80,
        "live-admission": 20,
        "live-ends": 20,
        "search": 400,
    }


def test_all_parts_together_are_no_more_than_the_quota(production: Assembly) -> None:
    """Summed from the templates: reserves, mappings of queues and the steps that they wait for; a quarter is left for the API."""
    mappings = production.stack("workflows", HOME).of("AWS::Lambda::EventSourceMapping").values()
    caps = {each["FunctionName"]: 0 for each in mappings if "ScalingConfig" in each}
    for each in mappings:
        if "ScalingConfig" in each:
            caps[each["FunctionName"]] += each["ScalingConfig"]["MaximumConcurrency"]
    steps = next(count for name, count in caps.items() if name.endswith("processing-start")) * 2
    assert sum(caps.values()) + steps == concurrency.of_queues(FUNCTIONS, PRODUCTION["processing_concurrency"])
    assert sum(_reserved(production).values()) + sum(caps.values()) + steps <= 1_500


def test_parts_that_are_more_than_the_quota_fail_synth_with_the_sum(
    tmp_path: Path, layers_of_nothing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concurrency, "LEAST_FOR_API", 60)
    with pytest.raises(ValueError, match="lambda_concurrency is 2000, and .* are needed"):
        synthesize(tmp_path, PRODUCTION, layers_of_nothing, HOME)


def test_a_quota_that_is_too_small_for_the_uploads_fails_synth(tmp_path: Path, layers_of_nothing: Any) -> None:
    with pytest.raises(ValueError, match="the opener of files has 120 executions"):
        synthesize(tmp_path, PRODUCTION | {"lambda_concurrency": 1_000}, layers_of_nothing, HOME)


def test_more_uploads_than_the_opener_of_files_can_take_fail_synth(tmp_path: Path, layers_of_nothing: Any) -> None:
    with pytest.raises(ValueError, match="the opener of files has 240 executions, and 252 are called"):
        synthesize(tmp_path, PRODUCTION | {"processing_concurrency": 9}, layers_of_nothing, HOME)


def test_reserves_grow_with_the_quota(tmp_path: Path, layers_of_nothing: Any) -> None:
    made = synthesize(tmp_path, PRODUCTION | {"lambda_concurrency": 5_000}, layers_of_nothing, HOME)
    assert _reserved(made)["search"] == 1_000


def test_a_trial_reserves_nothing(trial: Assembly) -> None:
    assert _reserved(trial) == {}


def test_reserves_leave_more_than_half_of_the_quota_to_nobody_alone() -> None:
    assert all(each.spec.reserve <= 25 for each in FUNCTIONS)
    assert sum(each.spec.reserve for each in FUNCTIONS) <= 60
