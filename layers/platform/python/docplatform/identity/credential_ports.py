"""Ports of the use cases for passwords and second factors; ``identity.ports`` has the other ports of users."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from docplatform.identity.attempts import AttemptCount, Counts
from docplatform.identity.devices import Device, DeviceClaim
from docplatform.identity.factors import Challenge, Factors, Passkey
from docplatform.identity.model import Reset, User
from docplatform.identity.security_settings import SecuritySettings


class CredentialChanges(Protocol):
    """The part of UserChanges for passwords, second factors, challenges and failed attempts."""

    def expect_password(self, user_id: str, current: str, replacement: str) -> None:
        """Require that ``current`` is still the user's password hash. Store ``replacement`` in its place unless that is
        ''. Raises InvalidCredentials when committed."""

    def set_password(self, user_id: str, password: str) -> None: ...

    def store_reset(self, reset: Reset) -> None: ...

    def use_reset(self, reset: Reset) -> None:
        """Delete a used password reset. Raises InvalidReset when committed if it was used meanwhile."""

    def issue(self, challenge: Challenge) -> None: ...

    def use(self, challenge: Challenge) -> None:
        """Delete a used challenge. Raises InvalidChallenge when committed if it was used meanwhile."""

    def keep_factors(self, user_id: str, before: Factors, after: Factors) -> None:
        """Store the factors. Raises InvalidCode when committed if they were changed meanwhile, for example by the use
        of the same code."""

    def know_devices(self, user_id: str, devices: tuple[str, ...]) -> None: ...

    def know_device(self, device: Device, *, instead_of: DeviceClaim | None) -> None:
        """Store a known device. ``instead_of``: the earlier secret of the same device, which ends."""

    def reset_attempts(self, account: str) -> None: ...

    def count_failure(self, source: str, at: datetime) -> None: ...

    def set_security(self, before: SecuritySettings, after: SecuritySettings) -> None:
        """Raises ChangedMeanwhile when committed if the stored settings are not ``before``."""

    def forget_credentials(self, user_id: str) -> None: ...


class Attempts(Protocol):
    """Counters of failed sign-in attempts."""

    def counts(self, account: str, source: str, at: datetime, device: DeviceClaim | None = None) -> Counts:
        """The counts before an attempt at ``account``, an address or the name of another counter. One call."""

    def keep(self, account: str, count: AttemptCount, at: datetime) -> AttemptCount | None:
        """Optimistic write: returns None on success, else the count that another request has stored."""


class Secrets(Protocol):
    """Encryption with the tenant's key. ``purpose`` binds a secret to its place: decryption needs the same purpose."""

    def encrypt(self, secret: str, purpose: str) -> str: ...

    def decrypt(self, encrypted: str, purpose: str) -> str: ...


class OneTimeCodes(Protocol):
    """Time-based one-time passwords (RFC 6238)."""

    def new_secret(self) -> str: ...

    def uri(self, secret: str, *, account: str, issuer: str) -> str:
        """The ``otpauth`` URI for the QR code."""

    def step_of(self, secret: str, code: str, at: datetime) -> int | None:
        """The time step that the code belongs to: the current one, the one before or the one after. None if it belongs
        to none of them."""


class Passkeys(Protocol):
    """WebAuthn passkeys for the tenant's host name."""

    def registration(self, user: User, known: tuple[Passkey, ...], challenge: str) -> dict[str, Any]:
        """Options for ``navigator.credentials.create``."""

    def registered(self, credential: dict[str, Any], challenge: str, name: str, at: datetime) -> Passkey:
        """Verify a new passkey and return it. Raises InvalidCode."""

    def request(self, known: tuple[Passkey, ...], challenge: str) -> dict[str, Any]:
        """Options for ``navigator.credentials.get``. Without ``known`` passkeys the browser offers all that it has for
        the host."""

    def owner(self, credential: dict[str, Any]) -> str:
        """The id of the user whom the credential names; '' if it names none."""

    def used(self, credential: dict[str, Any], challenge: str, known: tuple[Passkey, ...], at: datetime) -> Passkey:
        """Verify a presented passkey and return it with its new sign counter. Raises InvalidCode."""
