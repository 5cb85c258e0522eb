"""Mail through SES, in the tenant's region."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from docplatform.core.errors import MailNotSent


class SesSender:
    """Sends mails from the address ``sender``."""

    def __init__(self, client: Any, sender: str) -> None:
        self._client, self._sender = client, sender

    def send(self, email: str, subject: str, text: str) -> None:
        """Send a plain-text mail. Raises MailNotSent if SES does not accept it."""
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
