"""The access token with which schemathesis calls the API, renewed in time: a long run outlives one token.

``CONTRACT_SESSION`` names a file of JSON: ``url`` and ``host`` of the platform, ``seconds`` after which the token is renewed, and
``tokens``, which this module replaces. A session is renewed and no new one is opened: the run may turn passwords off.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import requests
import schemathesis

FILE = Path(os.environ["CONTRACT_SESSION"])
SECONDS = json.loads(FILE.read_text())["seconds"]


@schemathesis.auth(refresh_interval=SECONDS)
class RenewedToken:
    def get(self, _case: Any, _context: Any) -> str:
        session = json.loads(FILE.read_text())
        answer = requests.post(
            f"{session['url']}/v1/auth/refresh",
            json={"refresh_token": session["tokens"]["refresh_token"]},
            headers={"Host": session["host"]},
            timeout=120,
        )
        answer.raise_for_status()
        FILE.write_text(json.dumps({**session, "tokens": answer.json()}))
        return str(answer.json()["access_token"])

    def set(self, case: Any, token: str, _context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
