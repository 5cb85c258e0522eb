"""The mail that tells admins of an outage of their identity provider."""

from __future__ import annotations

from datetime import UTC, datetime

from docplatform.infra.mail import SesSender

_OUTAGE = """Hello,

the identity provider that {organisation} logs in through has not answered docplatform since {since:%Y-%m-%d %H:%M} UTC.

While it does not, only the accounts that your admins have prepared for this can log in, with their password; each such log-in
is in the audit trail. Everybody who is logged in stays so.

What does not answer is told, step by step, to an admin who asks for POST /v1/sso-connection/test.
"""


class SesOutageMail:
    def __init__(self, sender: SesSender) -> None:
        self._sender = sender

    def sso_outage(self, email: str, *, organisation: str, since: datetime) -> None:
        """Raises MailNotSent."""
        text = _OUTAGE.format(organisation=organisation, since=since.astimezone(UTC))
        self._sender.send(email, f"The sign-on of {organisation} does not answer", text)
