"""The hash that is stored in place of a random secret."""

from __future__ import annotations

import hashlib


def digest(secret: str) -> str:
    """SHA-256 of a random secret, in hexadecimal. Unlike a password, a random secret needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
