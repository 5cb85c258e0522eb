"""Mail through SES, in the tenant's region."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from docplatform.core.errors import MailNotSent

_INVITATION = """Hello,

you are invited to {organisation} on docplatform.

Choose your password here, within {days} days:

    {address}/accept-invitation?token={token}

or by program:

    curl -X POST {address}/v1/auth/invitations/accept -H 'Content-Type: application/json' \\
         -d '{{"token": "{token}", "name": "Your Name", "password": "a sentence is easy to remember"}}'

If you did not expect this mail, ignore it: nothing happens without the link.
"""

_OUTAGE = """Hello,

the identity provider that {organisation} logs in through has not answered docplatform since {since:%Y-%m-%d %H:%M} UTC.

While it does not, only the accounts that your admins have prepared for this can log in, with their password; each such log-in
is in the audit trail. Everybody who is logged in stays so.

What does not answer is told, step by step, to an admin who asks for POST /v1/sso-connection/test.
"""

_RESET = """Hello,

somebody, probably you, asked for a new password for {organisation} on docplatform.

Choose it here, within {minutes} minutes:

    {address}/reset-password?token={token}

or by program:

    curl -X POST {address}/v1/auth/password/reset -H 'Content-Type: application/json' \\
         -d '{{"token": "{token}", "password": "a sentence is easy to remember"}}'

If you did not ask for it, ignore this mail: your password stays as it is.
"""

_SECOND_FACTOR_RESET = """Hello,

an admin of {organisation} has removed the second factors of your account on docplatform.

Set up a new one when you log in the next time: {address}

If you did not expect this, tell your admin at once.
"""

_NEW_DEVICE = """Hello,

somebody has logged in to your account at {organisation} from a device that was not used before.

    When:   {at}
    Device: {agent}

If it was you, there is nothing to do. If not, set a new password and end your sessions: {address}
"""


class SesMail:
    def __init__(self, client: Any, sender: str) -> None:
        self._client, self._sender = client, sender

    def invite(self, email: str, *, organisation: str, address: str, token: str, days: int) -> None:
        """``address`` is the tenant's, without a slash at the end; ``token`` is good for ``days``. Raises MailNotSent."""
        text = _INVITATION.format(organisation=organisation, address=address, token=token, days=days)
        self._send(email, f"Your invitation to {organisation}", text)

    def sso_outage(self, email: str, *, organisation: str, since: datetime) -> None:
        """Raises MailNotSent."""
        text = _OUTAGE.format(organisation=organisation, since=since.astimezone(UTC))
        self._send(email, f"The sign-on of {organisation} does not answer", text)

    def reset_password(self, email: str, *, organisation: str, address: str, token: str, minutes: int) -> None:
        """Raises MailNotSent."""
        text = _RESET.format(organisation=organisation, address=address, token=token, minutes=minutes)
        self._send(email, f"Your password for {organisation}", text)

    def second_factor_reset(self, email: str, *, organisation: str, address: str) -> None:
        """Raises MailNotSent."""
        text = _SECOND_FACTOR_RESET.format(organisation=organisation, address=address)
        self._send(email, f"Your second factor for {organisation} was removed", text)

    def new_device(self, email: str, *, organisation: str, address: str, agent: str, at: datetime) -> None:
        """``agent`` is what the device says of itself, and printed without what could break a line. Raises MailNotSent."""
        shown = "".join(character for character in agent if character.isprintable())[:200] or "unknown"
        text = _NEW_DEVICE.format(
            organisation=organisation, address=address, agent=shown, at=f"{at:%Y-%m-%d %H:%M} UTC"
        )
        self._send(email, f"New log-in to {organisation}", text)

    def _send(self, email: str, subject: str, text: str) -> None:
        content = {
            "Simple": {
                "Subject": {"Data": subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
            }
        }
        try:
            self._client.send_email(
                FromEmailAddress=self._sender, Destination={"ToAddresses": [email]}, Content=content
            )
        except (BotoCoreError, ClientError) as error:
            raise MailNotSent("Try again in a moment.") from error
