"""Encrypted cursors: the position of the next page, encrypted for the one list and the one caller that it was made for.

A position holds sort keys, which are names and ids, also of things that the caller may not see. So a client gets it
encrypted and authenticated (AES-256-GCM, NIST SP 800-38D). The router encrypts and decrypts the cursors of every
operation with an actor; a use case and a store know the position only (``core.cursors``).

An encrypted cursor is base64url of ``version (1 byte) | time of issue (4 bytes, seconds since 1970) | nonce (12) | ciphertext | tag (16)``.
The key is derived for the tenant, the user and the day of issue from one secret of the region, so that no key encrypts more than one user's
cursors of one day: a random nonce is safe for 2^32 messages (§8.3). The tag also covers the operation, its path and its other parameters.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from docplatform.core.errors import InvalidCursor

LIFE = timedelta(hours=24)
_VERSION = 1
_HEADER = struct.Struct(">BI")
_NONCE, _TAG = 12, 16  # bytes
_BLOCK = 256  # bytes; a position is padded to a multiple, so that the length of a name does not show
_LONGEST = 8_000  # characters; a position has at most 4,000
_DAY = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a cursor is for. ``operation``: method and path of the route. ``parameters``: everything that decides which list it is a
    position in: parameters of the path and of the query, without ``cursor`` and ``limit``."""

    tenant_id: str
    user_id: str
    operation: str
    parameters: Mapping[str, Any]


class PageCursors:
    """``secret`` returns the region's secret, 32 bytes; it is called only when a cursor is encrypted or decrypted."""

    def __init__(self, secret: Callable[[], bytes], now: Callable[[], datetime]) -> None:
        self._secret, self._now = secret, now

    def encrypt(self, position: str, purpose: Purpose) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        issued = int(self._now().timestamp())
        header, nonce = _HEADER.pack(_VERSION, issued), os.urandom(_NONCE)
        content = position.encode()
        content += b"\0" * (-len(content) % _BLOCK)
        sealed = AESGCM(self._key(purpose, issued)).encrypt(nonce, content, _bound_to(header, purpose))
        return _text(header + nonce + sealed)

    def decrypt(self, cursor: str, purpose: Purpose) -> str:
        """The position. Raises InvalidCursor for a cursor that was altered, has expired, or was made for another purpose; the answer
        does not tell these apart."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            header, nonce, sealed = _parts(cursor)
            version, issued = _HEADER.unpack(header)
            age = self._now().timestamp() - issued
            if version != _VERSION or not -60 <= age <= LIFE.total_seconds():  # clocks differ a little
                raise ValueError
            content = AESGCM(self._key(purpose, issued)).decrypt(nonce, sealed, _bound_to(header, purpose))
        except (ValueError, InvalidTag) as error:
            raise InvalidCursor(
                f"Use next_cursor of an earlier page of the same list, within {LIFE // timedelta(hours=1)} hours; "
                "or begin again without a cursor."
            ) from error
        return content.rstrip(b"\0").decode()

    def _key(self, purpose: Purpose, issued: int) -> bytes:
        """HMAC as key derivation (NIST SP 800-108 §4.1): one key for each tenant, user and day."""
        context = json.dumps(["cursor", purpose.tenant_id, purpose.user_id, issued // _DAY])
        return hmac.digest(self._secret(), context.encode(), hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _parts(cursor: str) -> tuple[bytes, bytes, bytes]:
    """Header, nonce, and ciphertext with tag. Raises ValueError."""
    if len(cursor) > _LONGEST:
        raise ValueError
    raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    if len(raw) < _HEADER.size + _NONCE + _TAG or _text(raw) != cursor:  # base64 has spare bits at its end
        raise ValueError
    begin = _HEADER.size + _NONCE
    return raw[: _HEADER.size], raw[_HEADER.size : begin], raw[begin:]


def _bound_to(header: bytes, purpose: Purpose) -> bytes:
    parts = [purpose.tenant_id, purpose.user_id, purpose.operation, dict(purpose.parameters)]
    return header + json.dumps(parts, sort_keys=True, default=str).encode()
