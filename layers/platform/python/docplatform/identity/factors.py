"""What proves a person beside the password: one-time passwords, recovery codes, passkeys."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

RECOVERY_CODES = 10
MOST_PASSKEYS = 10
CHALLENGE_LIFE = timedelta(minutes=5)
STEP_UP_LIFE = timedelta(minutes=10)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read for another


class Method(StrEnum):
    """How somebody was authenticated, in the words of RFC 8176 where it has one."""

    PASSWORD = "pwd"
    ONE_TIME_PASSWORD = "otp"
    RECOVERY_CODE = "recovery"
    PASSKEY = "pop"
    FEDERATED = "fed"  # by the organisation's identity provider; no word of RFC 8176
    SEVERAL = "mfa"


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential. ``credential_id`` and ``public_key`` (COSE) are base64url."""

    id: str
    name: str
    credential_id: str
    public_key: str
    sign_count: int
    created_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class Factors:
    """A user's second factors. ``totp`` is the encrypted secret, ``pending`` one that no code has confirmed; ``totp_step`` the newest
    time step whose code was used; ``recovery`` the hashes of the codes that are left. ``revision`` counts the writes."""

    totp: str = ""
    pending: str = ""
    totp_step: int = 0
    recovery: frozenset[str] = frozenset()
    passkeys: tuple[Passkey, ...] = ()
    revision: int = 0

    @property
    def enrolled(self) -> bool:
        return bool(self.totp or self.passkeys)

    @property
    def methods(self) -> list[str]:
        """What can be shown at log-in."""
        held = {"totp": self.totp, "recovery_code": self.recovery, "passkey": self.passkeys}
        return [name for name, value in held.items() if value] if self.enrolled else []

    def passkey(self, credential_id: str) -> Passkey | None:
        return next((each for each in self.passkeys if each.credential_id == credential_id), None)


class ChallengePurpose(StrEnum):
    """What a challenge is good for."""

    SECOND_FACTOR = "second-factor"
    ENROLMENT = "enrolment"
    PASSKEY_LOGIN = "passkey-login"
    PASSKEY_REGISTRATION = "passkey-registration"
    STEP_UP = "step-up"


@dataclass(frozen=True, slots=True)
class Challenge:
    """Good once, for five minutes, for its errand. Only the token's hash is kept. ``user_id`` is empty before anybody is known;
    ``first`` is what was shown before it."""

    token_hash: str
    purpose: ChallengePurpose
    user_id: str
    expires_at: datetime
    first: Method = Method.PASSWORD


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """A tenant's."""

    require_mfa: bool = False


def new_recovery_codes() -> tuple[str, ...]:
    """Of 79 bits each: too many to guess, so a quick hash is enough for what is kept."""

    def code() -> str:
        return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))

    return tuple(code() for _ in range(RECOVERY_CODES))


def recovery_hash(code: str) -> str:
    """The same however it is typed: capitals, blanks and hyphens do not count."""
    typed = "".join(character for character in code.lower() if character.isalnum())
    return hashlib.sha256(typed.encode()).hexdigest()
