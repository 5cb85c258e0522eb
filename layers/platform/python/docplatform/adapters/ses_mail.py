"""Mail through SES, in the tenant's region."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from docplatform.domain.errors import MailNotSent

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
