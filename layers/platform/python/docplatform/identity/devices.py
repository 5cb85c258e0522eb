"""Known devices: browsers in which a user has signed in (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

A known device is counted by itself, so the failures of others neither lock its user out nor close the organisation's door
for it. The cookie holds a random secret for one user, and the database its hash: a stored hash can be revoked, and needs
no key and no call of KMS. The secret is renewed at each sign-in.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from docplatform.core.token_hash import digest

DEVICE_LIFE = timedelta(days=90)  # since the last sign-in


@dataclass(frozen=True, slots=True)
class DeviceClaim:
    """What a cookie claims: to be a known device of this user. Only the database says whether that is true."""

    user_id: str
    token_hash: str

    @property
    def counter(self) -> str:
        """The name of the device's own count of failed attempts. No e-mail address has this form."""
        return f"device:{self.token_hash}"


@dataclass(frozen=True, slots=True)
class Device:
    """A known device. Only the hash of its secret is stored. It ends with the user's sessions of that time."""

    user_id: str
    token_hash: str
    known_since: datetime
    expires_at: datetime


def new_device(user_id: str, at: datetime) -> tuple[str, Device]:
    """The value of the cookie, and the device to store."""
    secret = secrets.token_urlsafe(32)
    return f"{user_id}.{secret}", Device(user_id, digest(secret), at, at + DEVICE_LIFE)


def claim_of(cookie: str) -> DeviceClaim | None:
    """The claim of a cookie's value; None without one."""
    user_id, _, secret = cookie.partition(".")
    return DeviceClaim(user_id, digest(secret)) if user_id and secret else None
