"""The hash under which a random secret is kept."""

from __future__ import annotations

import hashlib


def digest(secret: str) -> str:
    """Of a random secret; unlike a password it needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
