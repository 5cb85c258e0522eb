"""Ports of sign-in; ``identity.ports`` has those of users."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class ResetQueue(Protocol):
    def send(self, message: str) -> None:
        """Queue a message in the tenant's group."""


class SignInMail(Protocol):
    def reset_password(self, email: str, *, organisation: str, address: str, token: str, minutes: int) -> None:
        """Raises MailNotSent."""

    def password_reset(self, email: str, *, organisation: str, address: str, api_keys: int) -> None:
        """``api_keys``: how many of the user's own go on working. Raises MailNotSent."""

    def new_device(self, email: str, *, organisation: str, address: str, agent: str, at: datetime) -> None:
        """Raises MailNotSent."""
