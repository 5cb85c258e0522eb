"""Sending a mail through SES."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from docplatform.core.errors import MailNotSent
from tests.support.outbox import SENDER, Outbox


def test_a_mail_is_plain_text_in_utf_8_from_our_address_to_one_other() -> None:
    outbox = Outbox()
    outbox.sender.send("ann@acme.example", "Grüße", "Hello,\n\nà bientôt.\n")
    assert outbox.requests == [
        {
            "FromEmailAddress": SENDER,
            "Destination": {"ToAddresses": ["ann@acme.example"]},
            "Content": {
                "Simple": {
                    "Subject": {"Data": "Grüße", "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": "Hello,\n\nà bientôt.\n", "Charset": "UTF-8"}},
                }
            },
        }
    ]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "MessageRejected", "Message": "no"}}, "SendEmail"),
        EndpointConnectionError(endpoint_url="https://email.example"),
    ],
)
def test_a_mail_that_ses_does_not_take_is_not_sent(error: Exception) -> None:
    with pytest.raises(MailNotSent):
        Outbox(error=error).sender.send("ann@acme.example", "Subject", "Text")
