"""Mails about sign-in: the reset of a lost password, before and after it, and a sign-in from a new device."""

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

API keys of yours go on working. Add "end_api_keys": true to end them too.

If you did not ask for it, ignore this mail: your password stays as it is.
"""

_PASSWORD_RESET = """Hello,

a new password was set for your account at {organisation} on docplatform, with the link of a mail. You are logged out
everywhere. {keys}

If it was not you, tell your admin at once: {address}
"""
_KEYS_LEFT = "API keys of yours that go on working: {number}. Look through them, and revoke those that you do not know."
_NO_KEYS_LEFT = "No API key of yours works."

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

    def password_reset(self, email: str, *, organisation: str, address: str, api_keys: int) -> None:
        """Raises MailNotSent."""
        keys = _KEYS_LEFT.format(number=api_keys) if api_keys else _NO_KEYS_LEFT
        text = _PASSWORD_RESET.format(organisation=organisation, address=address, keys=keys)
        self._sender.send(email, f"Your new password for {organisation}", text)

    def new_device(self, email: str, *, organisation: str, address: str, agent: str, at: datetime) -> None:
        """``agent``: the user agent of the device; only its printable characters are used. Raises MailNotSent."""
        printable = "".join(character for character in agent if character.isprintable())[:200] or "unknown"
        text = _NEW_DEVICE.format(
            organisation=organisation, address=address, agent=printable, at=f"{at:%Y-%m-%d %H:%M} UTC"
        )
        self._sender.send(email, f"New log-in to {organisation}", text)
