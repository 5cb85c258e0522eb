"""Verification of second factors against the stored ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from docplatform.identity.credential_ports import OneTimeCodes, Passkeys, Secrets
from docplatform.identity.errors import InvalidCode
from docplatform.identity.factors import Factors, Method, Passkey, recovery_hash


@dataclass(frozen=True, slots=True)
class PresentedFactor:
    """A second factor as the user presents it: at most one of the fields is set. ``passkey``: the credential that the
    browser gave (WebAuthn §5.1)."""

    code: str = ""
    recovery_code: str = ""
    passkey: dict[str, Any] | None = None


class FactorVerifier:
    def __init__(self, secrets: Secrets, codes: OneTimeCodes, passkeys: Passkeys) -> None:
        self.passkeys = passkeys
        self._secrets, self._codes = secrets, codes

    def accept(
        self, user_id: str, factors: Factors, presented: PresentedFactor, challenge: str, at: datetime
    ) -> tuple[Factors, Method]:
        """Verify a second factor. Returns the factors after this use, and the method. Raises InvalidCode."""
        if presented.passkey is not None:
            used = self.passkeys.used(presented.passkey, challenge, factors.passkeys, at)
            return with_passkey(factors, used), Method.PASSKEY
        if presented.recovery_code:
            hashed = recovery_hash(presented.recovery_code)
            if hashed not in factors.recovery:
                raise _invalid_code()
            return replace(factors, recovery=factors.recovery - {hashed}), Method.RECOVERY_CODE
        if not (presented.code and factors.totp):
            raise _invalid_code()
        step = self._step(user_id, factors.totp, presented.code, at)
        if step is None or step <= factors.totp_step:
            raise _invalid_code()
        return replace(factors, totp_step=step), Method.ONE_TIME_PASSWORD

    def new_totp(self, user_id: str, factors: Factors, account: str, issuer: str) -> tuple[Factors, str, str]:
        """Create a secret. Returns the factors with it (no code has confirmed it yet), the secret, and its URI."""
        secret = self._codes.new_secret()
        encrypted = self._secrets.encrypt(secret, _purpose(user_id))
        return replace(factors, pending=encrypted), secret, self._codes.uri(secret, account=account, issuer=issuer)

    def confirm_totp(self, user_id: str, factors: Factors, code: str, at: datetime) -> Factors:
        """Return the factors with the pending secret made valid. Raises InvalidCode."""
        step = self._step(user_id, factors.pending, code, at) if factors.pending else None
        if step is None:
            raise _invalid_code()
        return replace(factors, totp=factors.pending, pending="", totp_step=step)

    def _step(self, user_id: str, encrypted: str, code: str, at: datetime) -> int | None:
        return self._codes.step_of(self._secrets.decrypt(encrypted, _purpose(user_id)), code, at)


def with_passkey(factors: Factors, used: Passkey) -> Factors:
    return replace(factors, passkeys=tuple(used if each.id == used.id else each for each in factors.passkeys))


def _purpose(user_id: str) -> str:
    return f"totp:{user_id}"


def _invalid_code() -> InvalidCode:
    return InvalidCode("Show a fresh code, or one of your recovery codes.")
