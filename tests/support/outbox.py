"""A stand-in for SES's client, which keeps the mails that are sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from docplatform.infra.mail import SesSender

SENDER = "no-reply@docplatform.example"


@dataclass
class Outbox:
    requests: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None

    @property
    def sender(self) -> SesSender:
        return SesSender(self, SENDER)

    def send_email(self, **request: Any) -> None:
        if self.error:
            raise self.error
        self.requests.append(request)

    @property
    def mail(self) -> tuple[str, str, str]:
        """The only mail that was sent: recipient, subject and text."""
        (request,) = self.requests
        (to,), simple = request["Destination"]["ToAddresses"], request["Content"]["Simple"]
        return to, simple["Subject"]["Data"], simple["Body"]["Text"]["Data"]
