"""Mails about sign-in: the reset of a lost password, and a sign-in from a new device."""

from __future__ import annotations

from datetime import datetime

from docplatform.infra.mail import SesSender

_RESET = """Hello,

somebody, probably you, asked for a new password for {organisation} on docplatform.

Choose it here, within {minutes} minutes:

    {address}/reset-password?token={token}

or by program:

    curl -X POST {address}/v1/auth/password/reset -H 'Content-Type: application/json' \\
         -d '{{"token": "{token}", "password": "a sentence is easy to remember"}}'

If you did not ask for it, ignore this mail: your password stays as it is.
"""

_NEW_DEVICE = """Hello,

somebody has logged in to your account at {organisation} from a device that was not used before.

    When:   {at}
    Device: {agent}

If it was you, there is nothing to do. If not, set a new password and end your sessions: {address}
"""


class SesSignInMail:
    def __init__(self, sender: SesSender) -> None:
        self._sender = sender

    def reset_password(self, email: str, *, organisation: str, address: str, token: str, minutes: int) -> None:
        """Raises MailNotSent."""
        text = _RESET.format(organisation=organisation, address=address, token=token, minutes=minutes)
        self._sender.send(email, f"Your password for {organisation}", text)

    def new_device(self, email: str, *, organisation: str, address: str, agent: str, at: datetime) -> None:
        """``agent``: the user agent of the device; only its printable characters are used. Raises MailNotSent."""
        printable = "".join(character for character in agent if character.isprintable())[:200] or "unknown"
        text = _NEW_DEVICE.format(
            organisation=organisation, address=address, agent=printable, at=f"{at:%Y-%m-%d %H:%M} UTC"
        )
        self._sender.send(email, f"New log-in to {organisation}", text)
