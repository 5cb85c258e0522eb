"""Positions in lists: the sort keys at which the next page begins. A position never holds the partition key, which is
always built from the actor's tenant. Clients get it encrypted (``http.page_cursors``)."""

from __future__ import annotations

import base64
import json

from docplatform.core.errors import InvalidCursor

_LONGEST = 4_000


def encode(parts: dict[str, str]) -> str:
    """The position for ``parts``: sort keys by name."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str) -> dict[str, str]:
    """The ``parts`` that ``encode`` was given. Raises InvalidCursor."""
    try:
        if len(cursor) > _LONGEST:
            raise ValueError
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(parts, dict) or not all(isinstance(value, str) for value in parts.values()):
            raise ValueError
    except (ValueError, RecursionError) as error:
        raise InvalidCursor("Use next_cursor of an earlier page of the same list.") from error
    return parts
