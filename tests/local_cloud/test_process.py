"""A child of the cloud's process ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.cloud import process
from local.cloud.patches import workers
from local.cloud.process import STARTED_BY
from local.settings import ROOT

WAITS = "import sys\nprint('begun', flush=True)\nsys.stdin.read()\nprint('done', flush=True)"


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Runs a module that ends when its input does."""
    (tmp_path / "waits.py").write_text(WAITS)
    return [sys.executable, "-m", "local.cloud.process", "waits"]


def environment(folder: Path, started_by: int) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", STARTED_BY: str(started_by)}


def test_it_runs_as_long_as_who_started_it(command: list[str], tmp_path: Path) -> None:
    child = subprocess.run(command, env=environment(tmp_path, os.getpid()), input="", capture_output=True, text=True)
    assert (child.returncode, child.stdout) == (0, "begun\ndone\n")


def test_it_ends_where_who_started_it_was_gone_before_it_began(command: list[str], tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with subprocess.Popen(command, env=environment(tmp_path, gone.pid), stdin=subprocess.PIPE) as child:
        assert child.wait(timeout=120) == 1


def test_a_worker_ends_where_the_cloud_was_gone_before_it_began() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    code = workers.ends_with(gone.pid) + "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as worker:
        assert worker.wait(timeout=120) == 1


def test_a_worker_runs_as_long_as_the_cloud() -> None:
    code = workers.ends_with(os.getpid()) + "import sys; print(sys.stdin.read())"
    done = subprocess.run([sys.executable, "-c", code], input="work", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "work\n")


HOLDS = """
import sys, time
from pathlib import Path
from local.cloud import process
path = Path(sys.argv[1])
file = path.open("a+")
process.end_without(path, file)
print("begun", flush=True)
sys.stdin.read()
"""


def test_a_file_can_be_gone_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check in two calls would raise between them, and the cloud would go on without its state."""
    path = tmp_path / "cloud.lock"
    path.touch()
    inode = path.stat().st_ino
    assert process._is(path, inode) and not process._is(path, inode + 1)
    monkeypatch.setattr(Path, "exists", lambda _: path.unlink(missing_ok=True) or True)
    assert process._is(path, inode)
    path.unlink()
    assert not process._is(path, inode)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_cloud_whose_state_was_deleted_ends(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "state" / "cloud.lock"
    path.parent.mkdir()
    command = [sys.executable, "-c", HOLDS, str(path)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.readline() == b"begun\n"
        path.rename(tmp_path / "elsewhere")
        if replaced:  # the next ./dp up has begun a state of its own
            path.touch()
        assert child.wait(timeout=120) == 1
