"""Synthesizes the CDK app for the local cloud, if something has changed since the last time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from local.settings import ACCOUNT, ROOT, LocalSettings

_INPUTS = (
    "cdk/**/*.py",
    "cdk.json",
    "functions/*/spec.py",
    "statemachines/*.json",
    "locks/*.txt",
    "layers/platform/python/docplatform/runtime/s*.py",
    "layers/platform/python/docplatform/core/*.py",
)
_MOST_ASSEMBLIES = 12


def synthesize(settings: LocalSettings, **wanted: Any) -> Path:
    """Return the folder of the cloud assembly. ``wanted`` overrides settings of ``cdk.json``.

    Raises CalledProcessError when the app does not synthesize.
    """
    context = {
        "account": ACCOUNT,
        "regions": {region: {"address": settings.address(region)} for region in settings.region_ports},
        "ephemeral": True,
        "sso_loopback": True,
        "live_endpoint": f"{settings.endpoint}/_aws/execute-api/{{api}}/{{stage}}",
        "search_endpoint": f"{settings.endpoint}/_aoss/{{collection}}",
        "processing_visibility_seconds": 45,
        **wanted,
    }
    digest = hashlib.sha256(json.dumps([context, sys.version, str(ROOT)]).encode())
    for pattern in _INPUTS:
        for file in sorted(ROOT.glob(pattern)):
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    assemblies = ROOT / ".local" / "build" / "assemblies"
    out = assemblies / digest.hexdigest()[:16]
    if not _is_complete(out):
        shutil.rmtree(out, ignore_errors=True)
        assemblies.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=assemblies, prefix="new-") as unfinished:
            _run_app(Path(unfinished) / "out", context)
            with contextlib.suppress(OSError):  # another process has made it meanwhile
                (Path(unfinished) / "out").rename(out)
        _delete_old(assemblies)
    return out


def _run_app(out: Path, context: dict[str, Any]) -> None:
    environment = {**os.environ, "CDK_VALIDATION": "false", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"}
    command = [sys.executable, "cdk/app.py", "--out", str(out), "--layers", "host", "--live"]
    command += ["--context", json.dumps(context)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()


def _is_complete(out: Path) -> bool:
    """Whether the assembly is complete, including the layers that it points to."""
    if not (out / "manifest.json").exists():
        return False
    for assets in out.glob("*.assets.json"):
        for asset in json.loads(assets.read_text())["files"].values():
            if not (out / asset["source"]["path"]).exists():  # an absolute path stands for itself
                return False
    return True


def _delete_old(assemblies: Path) -> None:
    """Delete old assemblies. Every test run has ports of its own, and so templates of its own."""
    known = sorted(assemblies.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in known[_MOST_ASSEMBLIES:]:
        shutil.rmtree(old, ignore_errors=True)
