"""The rules for an e-mail address, a name and a password."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docplatform.core.errors import Invalid, InvalidName
from docplatform.identity.errors import WeakPassword
from docplatform.identity.model import check_password, clean_display_name, clean_email


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("ann@acme.example", "ann@acme.example"),
        (" Ann.Lee+Files@Sub.Acme.Example ", "ann.lee+files@sub.acme.example"),
        ("o'hara@acme.example", "o'hara@acme.example"),
        ("ann@xn--mller-kva.de", "ann@xn--mller-kva.de"),
        ("a" * 64 + "@x.example", "a" * 64 + "@x.example"),
    ],
)
def test_addresses_are_compared_in_lower_case(given_: str, kept: str) -> None:
    assert clean_email(given_) == kept


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ann",
        "@acme.example",
        "ann@",
        "ann@acme",
        "ann@acme.e",
        "ann@-acme.example",
        "ann@acme..example",
        "ann@1.2.3.4",
        "ann@[1.2.3.4]",
        ".ann@acme.example",
        "ann..lee@acme.example",
        "a" * 65 + "@acme.example",
        "ann@" + "x" * 64 + ".example",
        "ann@" + "x." * 130 + "com",
        "ann lee@acme.example",
        "ann@acme.example,eve@x.example",
        "Ann <ann@acme.example>",
        '"ann"@acme.example',
        "ann@acme.example\nBcc: eve@x.example",
        "ann@acme.example\x00",
        "änn@acme.example",
        "ann@müller.de",
    ],
)
def test_an_address_without_delivery_is_refused(email: str) -> None:
    with pytest.raises(Invalid):
        clean_email(email)


@given(st.text(alphabet="a1.-@_+ \n\u00e4<,", max_size=300))
def test_an_address_is_safe_wherever_it_goes(text: str) -> None:
    try:
        email = clean_email(text)
    except Invalid:
        return
    assert email == clean_email(email)
    assert email.isascii() and email.isprintable() and " " not in email and "," not in email
    assert email.count("@") == 1 and len(email) <= 254


@pytest.mark.parametrize(
    ("name", "kept"), [(" Ann ", "Ann"), ("Zoe\u0308", "Zo\u00eb"), ("李小龍", "李小龍"), ("O'Hara", "O'Hara")]
)
def test_a_name_is_kept_as_it_is_written(name: str, kept: str) -> None:
    assert clean_display_name(name) == kept


@pytest.mark.parametrize("name", ["", " ", "\t", "a\nb", "a\r\nBcc: x", "a\x00b", "a\x1b[31m", "a\u2028b", "a\ud800"])
def test_a_name_is_one_line(name: str) -> None:
    with pytest.raises(InvalidName):
        clean_display_name(name)


@pytest.mark.parametrize(
    ("password", "email"),
    [
        ("twelve chars", "ann@acme.example"),
        ("a sentence is easy to remember", "easy@acme.example"),
        ("jumping jack", "j@acme.example"),  # one letter occurs in every sentence
        ("abcde" + "x" * 251, "ann@acme.example"),
        ("пять слов о погоде", "ann@acme.example"),
    ],
)
def test_length_is_what_makes_a_password(password: str, email: str) -> None:
    check_password(password, email=email)


@pytest.mark.parametrize(
    ("password", "email"),
    [
        ("", "ann@acme.example"),
        ("elevenchars", "ann@acme.example"),
        ("x" * 257, "ann@acme.example"),
        ("abcd" * 10, "ann@acme.example"),
        ("            ", "ann@acme.example"),
        ("Annabelle-123", "annabelle@acme.example"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str, email: str) -> None:
    with pytest.raises(WeakPassword):
        check_password(password, email=email)
