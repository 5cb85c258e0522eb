"""The mails about sign-in, word for word."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from docplatform.authentication.adapters.mail import SesSignInMail
from tests.support.outbox import Outbox

HOME = "https://acme.us.example"
AT = datetime(2026, 3, 1, 23, 5, tzinfo=UTC)


def test_a_lost_password() -> None:
    outbox = Outbox()
    SesSignInMail(outbox.sender).reset_password(
        "bo@acme.example", organisation="Acme & Söhne", address=HOME, token="to-ken_1", minutes=60
    )
    assert outbox.mail == (
        "bo@acme.example",
        "Your password for Acme & Söhne",
        """Hello,

somebody, probably you, asked for a new password for Acme & Söhne on docplatform.

Choose it here, within 60 minutes:

    https://acme.us.example/reset-password?token=to-ken_1

or by program:

    curl -X POST https://acme.us.example/v1/auth/password/reset -H 'Content-Type: application/json' \\
         -d '{"token": "to-ken_1", "password": "a sentence is easy to remember"}'

API keys of yours go on working. Add "end_api_keys": true to end them too.

If you did not ask for it, ignore this mail: your password stays as it is.
""",
    )


@pytest.mark.parametrize(("keys", "said"), [(0, "No API key of yours works."), (2, "that go on working: 2.")])
def test_a_password_that_was_reset(keys: int, said: str) -> None:
    outbox = Outbox()
    mail = SesSignInMail(outbox.sender)
    mail.password_reset("bo@acme.example", organisation="Acme & Söhne", address=HOME, api_keys=keys)
    to, subject, text = outbox.mail
    assert (to, subject) == ("bo@acme.example", "Your new password for Acme & Söhne")
    assert said in text and HOME in text


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11) {curly}", "Mozilla/5.0 (X11) {curly}"),
        ("curl\r\nIf not, open: https://evil.example\x07", "curlIf not, open: https://evil.example"),
        ("y" * 300, "y" * 200),
        ("\n", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_new_device(agent: str, shown: str) -> None:
    outbox = Outbox()
    SesSignInMail(outbox.sender).new_device(
        "bo@acme.example", organisation="Acme & Söhne", address=HOME, agent=agent, at=AT
    )
    assert outbox.mail == (
        "bo@acme.example",
        "New log-in to Acme & Söhne",
        f"""Hello,

somebody has logged in to your account at Acme & Söhne from a device that was not used before.

    When:   2026-03-01 23:05 UTC
    Device: {shown}

If it was you, there is nothing to do. If not, set a new password and end your sessions: https://acme.us.example
""",
    )
