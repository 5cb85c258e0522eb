"""Second factors: one-time passwords, recovery codes, passkeys; and the challenges that ask for them."""

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
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no two that look alike


class Method(StrEnum):
    """Authentication methods, by their names in RFC 8176 where it has one."""

    PASSWORD = "pwd"
    ONE_TIME_PASSWORD = "otp"
    RECOVERY_CODE = "recovery"
    PASSKEY = "pop"
    FEDERATED = "fed"  # by the organisation's identity provider; not in RFC 8176
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
    """A user's second factors. ``totp``: the encrypted secret of the one-time passwords; ``pending``: an encrypted
    secret that no code has confirmed yet; ``totp_step``: the newest time step whose code was used; ``recovery``: hashes
    of the recovery codes that are left; ``revision``: the number of writes."""

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
        """The kinds of factors that the user can present at sign-in."""
        held = {"totp": self.totp, "recovery_code": self.recovery, "passkey": self.passkeys}
        return [name for name, value in held.items() if value] if self.enrolled else []

    def passkey(self, credential_id: str) -> Passkey | None:
        return next((each for each in self.passkeys if each.credential_id == credential_id), None)


class ChallengePurpose(StrEnum):
    """The step that a challenge permits."""

    SECOND_FACTOR = "second-factor"
    ENROLMENT = "enrolment"
    PASSKEY_LOGIN = "passkey-login"
    PASSKEY_REGISTRATION = "passkey-registration"
    STEP_UP = "step-up"


@dataclass(frozen=True, slots=True)
class Challenge:
    """A ticket for the next step, valid once, for five minutes, for one purpose. Only the hash of its token is stored.
    ``user_id``: '' while no user is known; ``first``: the method that was used in the step before; ``session_ends``:
    that of the user when the step before was decided."""

    token_hash: str
    purpose: ChallengePurpose
    user_id: str
    expires_at: datetime
    first: Method = Method.PASSWORD
    session_ends: int = 0


def new_recovery_codes() -> tuple[str, ...]:
    """New codes of 79 random bits each. That is too many to guess, so a fast hash is enough to store them."""

    def code() -> str:
        return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))

    return tuple(code() for _ in range(RECOVERY_CODES))


def recovery_hash(code: str) -> str:
    """The hash of a recovery code as it was typed: capitals, blanks and hyphens do not count."""
    typed = "".join(character for character in code.lower() if character.isalnum())
    return hashlib.sha256(typed.encode()).hexdigest()
