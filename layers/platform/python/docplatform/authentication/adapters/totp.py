"""Time-based one-time passwords (RFC 6238) with six digits, SHA-1 and 30 seconds, which every authenticator app
supports."""

from __future__ import annotations

import hmac
from datetime import datetime

_PERIOD = 30  # seconds


class Totp:
    def new_secret(self) -> str:
        """160 bits (RFC 4226 §4), in base 32."""
        import pyotp

        return pyotp.random_base32(32)

    def uri(self, secret: str, *, account: str, issuer: str) -> str:
        import pyotp

        return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer.replace(":", " "))

    def step_of(self, secret: str, code: str, at: datetime) -> int | None:
        """The time step that the code belongs to: the current one, the one before or the one after. None if it belongs
        to none of them."""
        import pyotp

        typed = code.replace(" ", "")
        if len(typed) != 6 or not typed.isascii() or not typed.isdigit():
            return None
        codes, now = pyotp.HOTP(secret), int(at.timestamp()) // _PERIOD
        matching = [step for step in (now - 1, now, now + 1) if hmac.compare_digest(codes.at(step), typed)]
        return max(matching, default=None)
