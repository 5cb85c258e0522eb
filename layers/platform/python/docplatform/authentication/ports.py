"""Ports of sign-in; ``identity.ports`` has those of users."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class SignInMail(Protocol):
    def reset_password(self, email: str, *, organisation: str, address: str, token: str, minutes: int) -> None:
        """Raises MailNotSent."""

    def new_device(self, email: str, *, organisation: str, address: str, agent: str, at: datetime) -> None:
        """Raises MailNotSent."""
