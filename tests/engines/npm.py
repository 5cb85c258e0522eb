"""Programs from npm that tests compare with or sign in at. They are installed from their lock file into ``.local/engines``, once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from local.settings import ROOT

_INSTALLING = 480  # seconds


class NotInstalled(Exception):
    """The message says why a program cannot be installed."""


def installed(package: Path) -> Path:
    """The folder with the installed packages and the programs that stand beside ``package.json``. Raises NotInstalled."""
    folder = ROOT / ".local" / "engines" / package.name
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        raise NotInstalled("node and npm are not both installed")
    folder.mkdir(parents=True, exist_ok=True)
    for file in package.iterdir():
        if file.suffix in (".json", ".mjs"):
            shutil.copy(file, folder / file.name)
    lock = hashlib.sha256((package / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / f"{lock}.installed"
    if stamp.exists():
        return folder
    command = [npm, "ci", "--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, timeout=_INSTALLING)
    except subprocess.TimeoutExpired:
        raise NotInstalled("npm did not end in time") from None
    if done.returncode:
        raise NotInstalled(f"npm cannot install it: {(done.stdout + done.stderr).strip()[-300:]}")
    stamp.touch()
    return folder


def answers(command: list[str], questions: Iterable[object], *, folder: Path) -> list[str]:
    """The output lines of a program that answers each line of JSON with a line."""
    lines = "".join(json.dumps(each) + "\n" for each in questions)
    done = subprocess.run(command, cwd=folder, input=lines, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()
