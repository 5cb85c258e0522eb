"""The mails of account administration, word for word."""

from __future__ import annotations

from docplatform.identity.adapters.mail import SesUserMail
from tests.support.outbox import Outbox

HOME = "https://acme.us.example"


def test_an_invitation() -> None:
    outbox = Outbox()
    SesUserMail(outbox.sender).invite(
        "bo@acme.example", organisation="Acme & Söhne", address=HOME, token="to-ken_1", days=7
    )
    assert outbox.mail == (
        "bo@acme.example",
        "Your invitation to Acme & Söhne",
        """Hello,

you are invited to Acme & Söhne on docplatform.

Choose your password here, within 7 days:

    https://acme.us.example/accept-invitation?token=to-ken_1

or by program:

    curl -X POST https://acme.us.example/v1/auth/invitations/accept -H 'Content-Type: application/json' \\
         -d '{"token": "to-ken_1", "name": "Your Name", "password": "a sentence is easy to remember"}'

If you did not expect this mail, ignore it: nothing happens without the link.
""",
    )


def test_second_factors_that_an_admin_removed() -> None:
    outbox = Outbox()
    SesUserMail(outbox.sender).second_factor_reset("bo@acme.example", organisation="Acme & Söhne", address=HOME)
    assert outbox.mail == (
        "bo@acme.example",
        "Your second factor for Acme & Söhne was removed",
        """Hello,

an admin of Acme & Söhne has removed the second factors of your account on docplatform.

Set up a new one when you log in the next time: https://acme.us.example

If you did not expect this, tell your admin at once.
""",
    )


def test_an_address_that_was_changed() -> None:
    outbox = Outbox()
    SesUserMail(outbox.sender).address_changed("bo@acme.example", organisation="Acme & Söhne", address=HOME, hours=24)
    to, subject, text = outbox.mail
    assert (to, subject) == ("bo@acme.example", "Your address for Acme & Söhne was changed")
    assert "For 24 hours no link to set a new password" in text and HOME in text
