"""``./dp test --long``: passed runs are not repeated, and the amounts that tests report become a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import long_runs
from local.long_runs import LONG_RUNS, LongRun, Passed, amounts, with_figures
from local.settings import ROOT

TEST = """
import os
from pathlib import Path

HERE = Path(__file__).parent

def test_it(record_property):
    seed = os.environ["DOCPLATFORM_SEED"]
    record_property("files", 10 * int(os.environ["DOCPLATFORM_SCALE"]))
    with (HERE / "seeds").open("a") as seeds:
        seeds.write(seed)
    assert seed != "2" or (HERE / "mended").exists()
"""


@pytest.fixture
def tried(tmp_path: Path) -> LongRun:
    """Its second seed fails until there is a file ``mended``."""
    (tmp_path / "test_it.py").write_text(TEST)
    return LongRun("it", (str(tmp_path / "test_it.py"),), seeds=3, scale=4)


@pytest.mark.slow
def test_a_run_goes_on_with_the_seed_that_failed(tmp_path: Path, tried: LongRun) -> None:
    def run(*, fresh: bool = False) -> tuple[int, str]:
        seeds = tmp_path / "seeds"
        seeds.write_text("")
        code = long_runs.run(fresh=fresh, record=False, runs=[tried], folder=tmp_path / "long")
        return code, seeds.read_text()

    assert run() == (1, "12")
    assert run() == (1, "2")
    (tmp_path / "mended").touch()
    assert run() == (0, "23")
    assert run() == (0, "")
    assert run(fresh=True) == (0, "123")


@pytest.mark.slow
def test_a_run_says_what_it_tried(tmp_path: Path, tried: LongRun) -> None:
    (tmp_path / "mended").touch()
    assert long_runs.run(fresh=False, record=False, runs=[tried], folder=tmp_path) == 0
    assert amounts(tmp_path / "report.xml") == {"tests": 1, "files": 40}


def test_figures_take_the_place_of_the_former_ones() -> None:
    figures = (ROOT / "docs/figures.md").read_text()
    passed = [Passed("it", seed, "abc1234", 90.0, {"tests": 2, "files": 1500}) for seed in (1, 2)]
    once = with_figures(figures, passed)
    assert "| it | 2 | 4 tests, 3,000 files | 3 | abc1234 |" in once
    assert with_figures(once, passed) == once
    assert once.splitlines()[0] == figures.splitlines()[0]


@pytest.mark.parametrize("run", LONG_RUNS, ids=lambda run: run.name)
def test_every_long_run_names_tests_that_exist(run: LongRun) -> None:
    paths = [each for each in run.arguments if each.startswith("tests")]
    assert paths and all((ROOT / each).exists() for each in paths)
