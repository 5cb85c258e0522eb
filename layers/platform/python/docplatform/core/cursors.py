"""Opaque cursors: where the next page begins, without the partition, which is always rebuilt from the actor's tenant."""

from __future__ import annotations

import base64
import json

from docplatform.core.errors import InvalidCursor

_LONGEST = 4_000


def encode(parts: dict[str, str]) -> str:
    """``parts`` are sort keys by name."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str) -> dict[str, str]:
    """Raises InvalidCursor."""
    try:
        if len(cursor) > _LONGEST:
            raise ValueError
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(parts, dict) or not all(isinstance(value, str) for value in parts.values()):
            raise ValueError
    except (ValueError, RecursionError) as error:
        raise InvalidCursor("Use next_cursor of an earlier page of the same list.") from error
    return parts
