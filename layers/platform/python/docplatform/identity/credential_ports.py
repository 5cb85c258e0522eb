"""What the use cases around passwords and second factors need from outside, beside ``identity.ports``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from docplatform.identity.attempts import AttemptCount
from docplatform.identity.factors import Challenge, Factors, Passkey, SecuritySettings
from docplatform.identity.model import Reset, User


class CredentialChanges(Protocol):
    """The part of UserChanges that is about what proves a person."""

    def expect_password(self, user_id: str, current: str, replacement: str) -> None:
        """That hash is still the user's; where ``anew`` is given, it takes its place. Raises InvalidCredentials when committed."""

    def set_password(self, user_id: str, password: str) -> None: ...

    def store_reset(self, reset: Reset) -> None: ...

    def use_reset(self, reset: Reset) -> None:
        """Raises InvalidReset when committed."""

    def issue(self, challenge: Challenge) -> None: ...

    def use(self, challenge: Challenge) -> None:
        """Raises InvalidChallenge when committed."""

    def keep_factors(self, user_id: str, before: Factors, after: Factors) -> None:
        """Raises InvalidCode when committed and somebody else has changed them, by showing the same code for instance."""

    def know_devices(self, user_id: str, devices: tuple[str, ...]) -> None: ...

    def reset_attempts(self, account: str) -> None: ...

    def count_failure(self, source: str, at: datetime) -> None: ...

    def set_security(self, settings: SecuritySettings) -> None: ...

    def forget_credentials(self, user_id: str) -> None: ...


class Attempts(Protocol):
    """Counters of failed attempts."""

    def counts(self, account: str, source: str, at: datetime) -> tuple[AttemptCount, int, int]:
        """The account's tally, and the failures in this window from the source and of the tenant."""

    def keep(self, account: str, count: AttemptCount, at: datetime) -> AttemptCount | None:
        """None when it was stored; otherwise the one that somebody faster has stored."""


class Secrets(Protocol):
    """Encryption by the tenant's key. ``about`` binds what is sealed to its place: it opens for nothing else."""

    def encrypt(self, secret: str, purpose: str) -> str: ...

    def decrypt(self, encrypted: str, purpose: str) -> str: ...


class OneTimeCodes(Protocol):
    """RFC 6238."""

    def new_secret(self) -> str: ...

    def uri(self, secret: str, *, account: str, issuer: str) -> str:
        """For the QR code."""

    def step_of(self, secret: str, code: str, at: datetime) -> int | None:
        """The time step that the code belongs to: this one, the one before or the one after; None when to none of them."""


class Passkeys(Protocol):
    """WebAuthn, for the tenant's host name."""

    def registration(self, user: User, known: tuple[Passkey, ...], challenge: str) -> dict[str, Any]:
        """Options for ``navigator.credentials.create``."""

    def registered(self, credential: dict[str, Any], challenge: str, name: str, at: datetime) -> Passkey:
        """Raises InvalidCode."""

    def request(self, known: tuple[Passkey, ...], challenge: str) -> dict[str, Any]:
        """Options for ``navigator.credentials.get``; without ``known`` ones the browser offers what it has."""

    def owner(self, credential: dict[str, Any]) -> str:
        """The id of the user that it says it is of; '' when it does not say."""

    def used(self, credential: dict[str, Any], challenge: str, known: tuple[Passkey, ...], at: datetime) -> Passkey:
        """The one that was shown, its sign counter advanced. Raises InvalidCode."""
