"""Mails that tell admins of an outage of their identity provider, and of people who were refused because of a link."""

from __future__ import annotations

from datetime import UTC, datetime

from docplatform.infra.mail import SesSender

_OUTAGE = """Hello,

the identity provider that {organisation} logs in through has not answered docplatform since {since:%Y-%m-%d %H:%M} UTC.

While it does not, only the accounts that your admins have prepared for this can log in, with their password; each such log-in
is in the audit trail. Everybody who is logged in stays so.

What does not answer is told, step by step, to an admin who asks for POST /v1/sso-connection/test.
"""

_CONFLICT = """Hello,

the identity provider of {organisation} has presented a person with the address of an account here. That account is linked to somebody else
at the provider, or the provider does not vouch for the address. The person was refused.

GET /v1/sso-connection/conflicts shows who it was. If it is the account's owner, an admin can link the account to the new subject:
PUT /v1/sso-connection/links/<user>. Otherwise look at the provider: somebody there may have entered a colleague's address.
"""


class SesOutageMail:
    def __init__(self, sender: SesSender) -> None:
        self._sender = sender

    def sso_outage(self, email: str, *, organisation: str, since: datetime) -> None:
        """Raises MailNotSent."""
        text = _OUTAGE.format(organisation=organisation, since=since.astimezone(UTC))
        self._sender.send(email, f"The sign-on of {organisation} does not answer", text)

    def sso_conflict(self, email: str, *, organisation: str) -> None:
        """Raises MailNotSent."""
        text = _CONFLICT.format(organisation=organisation)
        self._sender.send(email, f"Somebody could not log in to an account of {organisation}", text)
