"""``./dp test --long``: tests with generated input, with other seeds and more input than in the daily run.

``.local/long/passed.json`` has the runs that have passed, so an interrupted or failed run continues there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.checks import announce, environment
from local.settings import ROOT

FOLDER = ROOT / ".local" / "long"
FIGURES = ROOT / "docs" / "figures.md"
_BEGIN, _END = "<!-- long runs: written by ./dp test --long --record -->", "<!-- end of the long runs -->"


@dataclass(frozen=True)
class LongRun:
    """``arguments`` for pytest, run once with each seed from 1. ``scale``: how many times the daily amount a seed tries."""

    name: str
    arguments: tuple[str, ...]
    seeds: int
    scale: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)


LONG_RUNS = (
    LongRun("random properties", ("tests", "--ignore=tests/e2e", "-m", "hypothesis"), seeds=3, scale=20),
    LongRun("mutated files", ("tests/extraction/test_mutations.py",), seeds=5, scale=10),
    LongRun("adversary in one process", ("tests/isolation/test_planted_leaks.py",), seeds=4, scale=10),
    LongRun("adversary over HTTP", ("tests/e2e/test_adversary.py",), seeds=10, scale=5),
    LongRun("contract", ("tests/e2e/test_contract.py",), seeds=3, scale=10),
    LongRun("workers and clouds killed", ("tests/e2e/test_durability.py",), seeds=5),
    LongRun("a sign-in before every request", ("tests/e2e",), seeds=1, settings={"DOCPLATFORM_FRESH_SECONDS": "0"}),
)


@dataclass(frozen=True)
class Passed:
    """One run with one seed. ``amounts``: the amounts that the tests report, by name."""

    name: str
    seed: int
    commit: str
    seconds: float
    amounts: dict[str, int]


def run(*, fresh: bool, record: bool, runs: Iterable[LongRun] = LONG_RUNS, folder: Path = FOLDER) -> int:
    """Runs the runs that have not passed yet, until one fails."""
    file = folder / "passed.json"
    if fresh:
        file.unlink(missing_ok=True)
    passed = _read(file)
    for each in runs:
        for seed in range(1, each.seeds + 1):
            title = f"{each.name}, seed {seed} of {each.seeds}"
            if known := passed.get((each.name, seed)):
                print(f"{title}: passed at {known.commit}")
                continue
            announce(title)
            new = _run(each, seed, folder)
            if new is None:
                print(f"\n{title} FAILED; ./dp test --long goes on with it")
                return 1
            passed[each.name, seed] = new
            _write(file, passed.values())
    if record:
        FIGURES.write_text(with_figures(FIGURES.read_text(), passed.values()))
        print(f"the figures stand in {FIGURES.relative_to(ROOT)}")
    return 0


def _run(each: LongRun, seed: int, folder: Path) -> Passed | None:
    """None where it failed."""
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", *each.arguments, "--timeout=14400", f"--hypothesis-seed={seed}"]
    command += [f"--junitxml={report}", "--durations=5"]
    given = {**each.settings, "DOCPLATFORM_SEED": str(seed), "DOCPLATFORM_SCALE": str(each.scale)}
    began = time.monotonic()
    if subprocess.call(command, cwd=ROOT, env=environment(**given)):
        return None
    return Passed(each.name, seed, _commit(), round(time.monotonic() - began, 1), amounts(report))


def amounts(report: Path) -> dict[str, int]:
    """The sums of the amounts that tests report with ``record_property``, and the number of tests."""
    found: dict[str, int] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest's own file
        found["tests"] = found.get("tests", 0) + (case.find("skipped") is None)
        for told in case.iter("property"):
            found[told.attrib["name"]] = found.get(told.attrib["name"], 0) + int(told.attrib["value"])
    return found


def with_figures(document: str, passed: Iterable[Passed]) -> str:
    """The text of the document with a new table between its two marks."""
    lines = ["| run | seeds | tried | minutes | commit |", "|---|---|---|---|---|"]
    by_name: dict[str, list[Passed]] = {}
    for each in passed:
        by_name.setdefault(each.name, []).append(each)
    for name, several in by_name.items():
        sums: dict[str, int] = {}
        for each in several:
            for what, count in each.amounts.items():
                sums[what] = sums.get(what, 0) + count
        tried = ", ".join(f"{count:,} {what}" for what, count in sums.items())
        commits = ", ".join(sorted({each.commit for each in several}))
        minutes = sum(each.seconds for each in several) / 60
        lines.append(f"| {name} | {len(several)} | {tried} | {minutes:.0f} | {commits} |")
    before, _, rest = document.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n" + "\n".join(lines) + f"\n{_END}{after}"


def _read(file: Path) -> dict[tuple[str, int], Passed]:
    known = [Passed(**each) for each in json.loads(file.read_text())] if file.exists() else []
    return {(each.name, each.seed): each for each in known}


def _write(file: Path, passed: Iterable[Passed]) -> None:
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps([asdict(each) for each in passed], indent=1))
    os.replace(unfinished, file)  # whole or not at all


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
