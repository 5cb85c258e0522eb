"""Opens one file by a link: its type, its text or its pictures. The function has no permissions; the links are all it has."""

from typing import Any

from docplatform.extraction.wiring import opener
from docplatform.runtime.triggers import event_handler


@event_handler("file-opener")
def handler(request: dict[str, Any]) -> dict[str, Any]:
    return opener().open(request)
