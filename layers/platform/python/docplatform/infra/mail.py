"""Mail through SES, in the tenant's region."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from docplatform.core.errors import MailNotSent


class SesSender:
    """``sender`` is the address that mails come from."""

    def __init__(self, client: Any, sender: str) -> None:
        self._client, self._sender = client, sender

    def send(self, email: str, subject: str, text: str) -> None:
        """Raises MailNotSent."""
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
