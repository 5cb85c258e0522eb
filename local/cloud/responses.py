"""JSON answers to requests that the emulator does not see."""

from __future__ import annotations

import json
from typing import Any


async def answer(send: Any, status: int, document: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})
