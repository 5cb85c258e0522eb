"""API keys: their format, what they allow and how long they are valid.

A key is ``dpk_<id>_<secret><check>``: 26 characters of a ULID, 43 of a 256-bit secret, and 6 of a CRC-32 over
everything before it. Secret and check are in base 62. By this form and the check, secret scanners recognise a key
without asking a server. A key does not name its tenant; the host name does.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from docplatform.api_keys.errors import InvalidExpiry, ScopeNotHeld
from docplatform.core import ids
from docplatform.core.actor import PERMISSIONS, Permission, Role
from docplatform.core.errors import Invalid

PREFIX = "dpk_"
SECRET_BYTES = 32
LONGEST_LIFE = timedelta(days=366)  # the same day of the next year, leap years included
USE_RECORDED_EVERY = timedelta(hours=1)

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET, _CHECK = 43, 6  # characters that 256 and 32 bits take in base 62
FORM = re.compile(rf"dpk_([0-9a-hjkmnp-tv-z]{{26}})_([0-9A-Za-z]{{{_SECRET}}})([0-9A-Za-z]{{{_CHECK}}})")


class KeyState(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key. Only the hash of its secret is stored. ``used_at`` is accurate to one hour."""

    id: str
    owner_id: str
    name: str
    scopes: frozenset[Permission]
    secret_hash: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None
    key_ends: int = 0
    """That of its owner when it was made."""

    @property
    def prefix(self) -> str:
        """The beginning of the key. It tells keys apart and gives no access."""
        return f"{PREFIX}{_serial(self.id)}"

    def state(self, at: datetime) -> KeyState:
        if self.revoked_at:
            return KeyState.REVOKED
        return KeyState.EXPIRED if self.expires_at <= at else KeyState.ACTIVE

    def should_record_use(self, at: datetime) -> bool:
        return self.used_at is None or at - self.used_at >= USE_RECORDED_EVERY


def looks_like_a_key(text: str) -> bool:
    """Whether the text has the prefix of a key; ``parse_key`` checks the rest."""
    return text.startswith(PREFIX)


def key_text(key_id: str, secret: bytes) -> str:
    """The key as text, which is shown once."""
    body = f"{PREFIX}{_serial(key_id)}_{_base62(int.from_bytes(secret), _SECRET)}"
    return body + _check(body)


def parse_key(text: str) -> tuple[str, str] | None:
    """The key's id and its secret; None if the text is not a well-formed key."""
    found = FORM.fullmatch(text)
    if found is None or _check(text[:-_CHECK]) != found[3]:
        return None
    return f"{ids.API_KEY}_{found[1]}", found[2]


def check_scopes(scopes: frozenset[Permission], role: Role) -> frozenset[Permission]:
    """Check that the owner's role has all scopes: a key that could never use a scope would mislead. Raises Invalid,
    ScopeNotHeld."""
    if not scopes:
        raise Invalid("Name at least one scope.")
    if missing := scopes - PERMISSIONS[role]:
        raise ScopeNotHeld(f"The owner's role '{role}' does not have: {', '.join(sorted(missing))}.")
    return scopes


def check_expiry(expires_at: datetime, at: datetime) -> datetime:
    """Raises InvalidExpiry."""
    if not at < expires_at <= at + LONGEST_LIFE:
        raise InvalidExpiry("Name a moment to come, at most one year from now.")
    return expires_at


def _serial(key_id: str) -> str:
    return key_id.removeprefix(f"{ids.API_KEY}_")


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK)


def _base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits.rjust(width, "0")
