"""The hash that is stored in place of a random secret."""

from __future__ import annotations

import hashlib


def digest(secret: str) -> str:
    """SHA-256 of a random secret, in hexadecimal. Unlike a password, a random secret needs no slow hash. A lone
    surrogate, which a query can hold, is hashed too: no secret has one."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
