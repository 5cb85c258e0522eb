"""Starts identity providers from npm, where Node and npm are installed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from tests.engines.npm import installed

HERE = Path(__file__).parent


@contextmanager
def provider(script: str, **given: Any) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """The description that ``script`` prints when it is ready, and its process. Raises NotInstalled."""
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


def fills_in_pages(location: str, home: str) -> str:
    """Signs in and consents on the pages of the provider. Returns the address that the browser is redirected to in the end."""
    session = requests.Session()
    answer = session.get(location, allow_redirects=False, timeout=60)
    for _ in range(12):
        if "Location" in answer.headers:
            location = urljoin(answer.url, answer.headers["Location"])
            if location.startswith(home):
                return location
            answer = session.get(location, allow_redirects=False, timeout=60)
            continue
        assert answer.status_code == 200, answer.text[:2000]
        action = re.search(r'action="([^"]+)"', answer.text)
        prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
        assert action and prompt, answer.text[:2000]
        filled = {"prompt": prompt[1], "login": "ann", "password": "whatever"}
        answer = session.post(urljoin(answer.url, action[1]), data=filled, allow_redirects=False, timeout=60)
    raise AssertionError("the provider's pages do not end")
