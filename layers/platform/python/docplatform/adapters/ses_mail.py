"""Mail through SES, in the tenant's region."""

from __future__ import annotations

from typing import Any

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
        text = _INVITATION.format(organisation=organisation, address=address, token=token, days=days)
        self._client.send_email(
            FromEmailAddress=self._sender,
            Destination={"ToAddresses": [email]},
            Content={
                "Simple": {
                    "Subject": {"Data": f"Your invitation to {organisation}", "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
                }
            },
        )
