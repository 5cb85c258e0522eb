"""Programs that run in the emulator's virtual environment."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from local.settings import CLOUD_PYTHON, ROOT


def in_the_emulator(module: str, *words: str, **variables: str) -> Any:
    """What ``tests.local_cloud.MODULE`` prints, as JSON. ``variables``: of its environment."""
    command = [str(CLOUD_PYTHON), "-m", f"tests.local_cloud.{module}", *words]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": "", **variables}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
