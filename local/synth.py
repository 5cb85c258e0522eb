"""Synthesizes the CDK app for the local cloud, unless nothing has changed since the last time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from local.settings import ACCOUNT, ROOT, LocalSettings

_INPUTS = (
    "cdk/**/*.py",
    "cdk.json",
    "functions/*/spec.py",
    "statemachines/*.json",
    "locks/*.txt",
    "layers/platform/python/docplatform/runtime/s*.py",
)


def synthesize(settings: LocalSettings) -> Path:
    """The folder of the cloud assembly. Raises CalledProcessError when the app does not synthesize."""
    context = {
        "account": ACCOUNT,
        "regions": {region: {"address": settings.address(region)} for region in settings.region_ports},
        "ephemeral": True,
        "malware_scan": "signature",
        "processing_visibility_seconds": 45,
    }
    digest = hashlib.sha256(json.dumps([context, sys.version, str(ROOT)]).encode())
    for pattern in _INPUTS:
        for file in sorted(ROOT.glob(pattern)):
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    out = ROOT / ".local" / "build" / "assemblies" / digest.hexdigest()[:16]
    if not (out / "manifest.json").exists():
        environment = {**os.environ, "CDK_VALIDATION": "false", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"}
        command = [
            sys.executable,
            "cdk/app.py",
            "--out",
            str(out),
            "--layers",
            "host",
            "--context",
            json.dumps(context),
            "--live",
        ]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.stderr.write(done.stdout + done.stderr)
            done.check_returncode()
    return out
