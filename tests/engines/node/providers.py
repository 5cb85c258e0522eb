"""Starts identity providers that nobody here wrote, where there is Node and npm can install them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.settings import ROOT

HERE = Path(__file__).parent
INSTALLED = ROOT / ".local" / "engines" / "node"
INSTALLING = 240  # seconds


class NoProvider(Exception):
    """Why there is none here."""


@contextmanager
def provider(script: str, **given: Any) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """What ``script`` says of itself when it is ready, and its process. Raises NoProvider."""
    node = shutil.which("node")
    if not node:
        raise NoProvider("node is not installed")
    _install()
    shutil.copy(HERE / script, INSTALLED / script)
    with open(INSTALLED / f"{script}.log", "w") as log:
        command = [node, str(INSTALLED / script), json.dumps(given)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                yield json.loads(line), process
                return
        raise AssertionError((INSTALLED / f"{script}.log").read_text()[-2000:])
    finally:
        process.kill()
        process.wait()


def _install() -> None:
    """Once for each lock file. Raises NoProvider."""
    npm = shutil.which("npm")
    if not npm:
        raise NoProvider("npm is not installed")
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = INSTALLED / f"{hashlib.sha256(lock).hexdigest()}.installed"
    if stamp.exists():
        return
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, INSTALLED / name)
    command = [npm, "ci", "--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=INSTALLED, env=os.environ, capture_output=True, text=True, timeout=INSTALLING
        )
    except subprocess.TimeoutExpired:
        raise NoProvider("npm did not install them in time") from None
    if done.returncode:
        raise NoProvider(f"npm cannot install them: {(done.stdout + done.stderr).strip()[-300:]}")
    stamp.touch()
