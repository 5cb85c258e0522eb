"""Layers of third-party packages, built by pip without Docker, kept by the content of their lock file.

``lambda``: wheels for python3.13 on arm64, as Lambda runs them. ``host``: wheels for this interpreter, as the local cloud does.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from config import ROOT

LOCKS = {"dependencies": "runtime", "parsers": "parsers"}
LARGEST = 250 * 2**20  # bytes, unzipped, all layers of a function together (Lambda's limit)

_LAMBDA = (
    "--platform=manylinux2014_aarch64",
    "--platform=manylinux_2_17_aarch64",
    "--platform=manylinux_2_28_aarch64",
    "--python-version=3.13",
    "--implementation=cp",
    "--only-binary=:all:",
)
_MODELS = frozenset({"dynamodb", "s3", "sts", "kms", "sqs", "sesv2", "stepfunctions", "sso", "sso-oidc", "signin"})
"""The service models of botocore that functions use; the rest is 90 % of its size."""


def build(name: str, target: str) -> Path:
    """The layer's folder; built if its lock file has changed. Raises CalledProcessError when pip fails."""
    lock = ROOT / "locks" / f"{LOCKS[name]}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}" if target == "host" else "3.13-arm64"
    recipe = lock.read_bytes() + Path(__file__).read_bytes() + version.encode()
    folder = ROOT / ".local/build/layers" / f"{name}-{target}-{hashlib.sha256(recipe).hexdigest()[:16]}"
    if folder.exists():
        return folder
    work = folder.with_suffix(f".{os.getpid()}")
    packages = work / "python"
    options = _LAMBDA if target == "lambda" else ("--only-binary=:all:",)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--require-hashes"]
        + [*options, f"--target={packages}", f"--requirement={lock}"],
        check=True,
    )
    _trim(packages)
    if target == "host":
        compileall.compile_dir(packages, quiet=2, workers=0)
    try:
        work.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(work)
    return folder


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _trim(packages: Path) -> None:
    """Take out what no function imports: programs, tests, and the models of services that we do not call."""
    shutil.rmtree(packages / "bin", ignore_errors=True)
    models = packages / "botocore" / "data"
    if models.exists():
        for folder in models.iterdir():
            if folder.is_dir() and folder.name not in _MODELS:
                shutil.rmtree(folder)
    for folder in [*packages.rglob("tests"), *packages.rglob("test")]:
        if folder.is_dir() and folder.parent.parent == packages:
            shutil.rmtree(folder)
