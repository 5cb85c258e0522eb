"""Starts identity providers that nobody here wrote, where there is Node and npm can install them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.engines.npm import installed

HERE = Path(__file__).parent


@contextmanager
def provider(script: str, **given: Any) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """What ``script`` says of itself when it is ready, and its process. Raises NotInstalled."""
    folder = installed(HERE)
    with open(folder / f"{script}.log", "w") as log:
        command = ["node", str(folder / script), json.dumps(given)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                yield json.loads(line), process
                return
        raise AssertionError((folder / f"{script}.log").read_text()[-2000:])
    finally:
        process.kill()
        process.wait()
