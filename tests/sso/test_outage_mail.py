"""The mail about an identity provider that does not answer, word for word."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from docplatform.sso.adapters.mail import SesOutageMail
from tests.support.outbox import Outbox


def test_the_mail_gives_the_time_in_utc() -> None:
    outbox, west = Outbox(), timezone(timedelta(hours=-2))
    SesOutageMail(outbox.sender).sso_outage(
        "ann@acme.example", organisation="Acme & Söhne", since=datetime(2026, 3, 1, 23, 5, tzinfo=west)
    )
    assert outbox.mail == (
        "ann@acme.example",
        "The sign-on of Acme & Söhne does not answer",
        """Hello,

the identity provider that Acme & Söhne logs in through has not answered docplatform since 2026-03-02 01:05 UTC.

While it does not, only the accounts that your admins have prepared for this can log in, with their password; each such log-in
is in the audit trail. Everybody who is logged in stays so.

What does not answer is told, step by step, to an admin who asks for POST /v1/sso-connection/test.
""",
    )
