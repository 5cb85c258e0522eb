"""Mail through SES, in the tenant's region."""

from __future__ import annotations

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


class SesMail:
    def __init__(self, client: Any, sender: str) -> None:
        self._client, self._sender = client, sender

    def invite(self, email: str, *, organisation: str, address: str, token: str, days: int) -> None:
        """``address`` is the tenant's, without a slash at the end; ``token`` is good for ``days``. Raises MailNotSent."""
        text = _INVITATION.format(organisation=organisation, address=address, token=token, days=days)
        content = {
            "Simple": {
                "Subject": {"Data": f"Your invitation to {organisation}", "Charset": "UTF-8"},
                "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
            }
        }
        try:
            self._client.send_email(
                FromEmailAddress=self._sender, Destination={"ToAddresses": [email]}, Content=content
            )
        except (BotoCoreError, ClientError) as error:
            raise MailNotSent("Try again in a moment.") from error
