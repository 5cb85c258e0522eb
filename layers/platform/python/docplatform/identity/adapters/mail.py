"""Mails of account administration: an invitation, and notices that second factors were removed or the address was
changed."""

from __future__ import annotations

from docplatform.infra.mail import SesSender

_INVITATION = """Hello,

you are invited to {organisation} on docplatform.

Choose your password here, within {days} days:

    {address}/accept-invitation?token={token}

or by program:

    curl -X POST {address}/v1/auth/invitations/accept -H 'Content-Type: application/json' \\
         -d '{{"token": "{token}", "name": "Your Name", "password": "a sentence is easy to remember"}}'

If you did not expect this mail, ignore it: nothing happens without the link.
"""

_SECOND_FACTOR_RESET = """Hello,

an admin of {organisation} has removed the second factors of your account on docplatform.

Set up a new one when you log in the next time: {address}

If you did not expect this, tell your admin at once.
"""

_ADDRESS_CHANGED = """Hello,

the e-mail address of your account at {organisation} on docplatform was changed. This is the last mail to the old one.

For {hours} hours no link to set a new password goes to the new address, unless an admin confirms it.

If you did not expect this, tell your admin at once: {address}
"""


class SesUserMail:
    def __init__(self, sender: SesSender) -> None:
        self._sender = sender

    def invite(self, email: str, *, organisation: str, address: str, token: str, days: int) -> None:
        """``address``: the tenant's, without a final slash; ``token`` is valid for ``days``. Raises MailNotSent."""
        text = _INVITATION.format(organisation=organisation, address=address, token=token, days=days)
        self._sender.send(email, f"Your invitation to {organisation}", text)

    def second_factor_reset(self, email: str, *, organisation: str, address: str) -> None:
        """Raises MailNotSent."""
        text = _SECOND_FACTOR_RESET.format(organisation=organisation, address=address)
        self._sender.send(email, f"Your second factor for {organisation} was removed", text)

    def address_changed(self, email: str, *, organisation: str, address: str, hours: int) -> None:
        """Raises MailNotSent."""
        text = _ADDRESS_CHANGED.format(organisation=organisation, address=address, hours=hours)
        self._sender.send(email, f"Your address for {organisation} was changed", text)
