"""Log-ins through a SAML provider, and every known way to forge one."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from lxml import etree
from minisignxml.config import SigningConfig

from tests.sso.harness import Browser, asks, connects
from tests.sso.providers.oidc import serving
from tests.sso.providers.saml import HONEST, STRANGER, A, D, FakeSaml, form, wrapped
from tests.support.mocked_aws import Answer
from tests.support.mocked_region import House

pytestmark = pytest.mark.slow


@pytest.fixture
def idp() -> Iterator[FakeSaml]:
    with serving(FakeSaml()) as provider:
        yield provider


@pytest.fixture
def admin(house: House, idp: FakeSaml) -> dict[str, str]:
    entry = house.moves_in()
    connect(house, entry, idp)
    return entry


def connect(house: House, entry: dict[str, str], idp: FakeSaml, **wish: Any) -> None:
    given = {"kind": "saml", "issuer": idp.entity, "metadata_url": f"{idp.address}/metadata", **wish}
    answer = connects(house, entry, **given)
    assert answer.status == 200, answer


def log_in(house: House, idp: FakeSaml) -> Answer:
    browser = Browser(house)
    away = browser.opens_login()
    assert away.status == 302, away
    return browser.posts(**idp.logs_in(away.headers["Location"]))


def reasons(house: House) -> list[Any]:
    return [record["facts"]["reason"] for record in house.trail if record["action"] == "sso.refused"]


def refused(answer: Answer) -> bool:
    return (answer.status, answer["code"]) == (401, "sso_refused")


# -- accepted


@pytest.mark.parametrize("signs", ["assertion", "response", "both"])
def test_the_first_log_in_makes_a_member(house: House, idp: FakeSaml, admin: dict[str, str], signs: str) -> None:
    connect(house, admin, idp, roles={"staff": "editor"})
    idp.attributes["groups"] = ["all", "staff"]
    idp.signs = signs
    entry = log_in(house, idp)
    assert entry.status == 200, reasons(house)
    me = house.asks("GET", "/v1/me", token=entry["access_token"])
    assert (me["user"]["email"], me["user"]["name"], me["user"]["role"]) == (
        "ann@acme.example",
        "Ann Example",
        "editor",
    )
    assert log_in(house, idp).status == 200
    assert house.actions.count("user.provisioned") == 1


@pytest.mark.parametrize("signs", ["assertion", "response"])
def test_types_of_values_are_signed_with_their_prefixes(
    house: House, idp: FakeSaml, admin: dict[str, str], signs: str
) -> None:
    """``InclusiveNamespaces PrefixList`` (Exclusive XML Canonicalization 1.0 §2.1), as Okta and Shibboleth write it."""
    idp.signs, idp.prefixes = signs, ("xs",)
    posted = idp.logs_in(Browser(house).opens_login().headers["Location"])
    assert b"InclusiveNamespaces" in base64.b64decode(posted["SAMLResponse"])
    assert log_in(house, idp).status == 200, reasons(house)


def test_metadata_can_be_given_as_a_document(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    connect(house, admin, idp, metadata_url="", metadata=idp.metadata())
    assert log_in(house, idp).status == 200


def test_an_address_as_name_id_is_the_address(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    idp.attributes, idp.subject = {}, "ann@acme.example"
    entry = log_in(house, idp)
    assert house.asks("GET", "/v1/me", token=entry["access_token"])["user"]["email"] == "ann@acme.example"


def test_our_metadata_tell_a_provider_where_to_post(house: House) -> None:
    answer = asks(house, "GET", "/v1/sso/metadata")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/samlmetadata+xml")
    entity = etree.fromstring(answer.body.encode())
    assert entity.get("entityID") == f"https://{house.host}/v1/sso/metadata"
    acs = entity.find(".//{*}AssertionConsumerService")
    assert acs.get("Location") == f"https://{house.host}/v1/sso/acs"
    assert entity.find("{*}SPSSODescriptor").get("WantAssertionsSigned") == "true"


def test_the_cookie_comes_back_with_a_form_of_another_site(house: House, admin: dict[str, str]) -> None:
    cookie = Browser(house).opens_login().headers["Set-Cookie"]
    assert {"SameSite=None", "Secure", "HttpOnly"} <= set(cookie.split("; "))


# -- refused


def test_a_response_is_good_once(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    browser = Browser(house)
    posted = idp.logs_in(browser.opens_login().headers["Location"])
    assert browser.posts(**posted).status == 200
    assert refused(browser.posts(**posted))


def test_an_assertion_is_good_once_even_for_another_request(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    """The provider gives two assertions the same id, the second one for a request of its own."""
    idp.change["id"] = "_one"
    assert log_in(house, idp).status == 200
    assert refused(log_in(house, idp))
    assert reasons(house) == ["the assertion has been used"]


def test_an_earlier_response_does_not_answer_a_new_request(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    browser = Browser(house)
    earlier = idp.logs_in(browser.opens_login().headers["Location"])
    state = idp.logs_in(browser.opens_login().headers["Location"])["RelayState"]
    assert refused(browser.posts(**{**earlier, "RelayState": state}))
    assert reasons(house) == ["the response is to another request"]


def test_an_unsolicited_response_is_refused(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    posted = idp.logs_in(Browser(house).opens_login().headers["Location"])
    assert refused(Browser(house).posts(**{**posted, "RelayState": "none"}))


@pytest.mark.parametrize(
    "change",
    [
        {"audience": "https://another.example"},
        {"acs": "https://another.example/acs"},
        {"destination": "https://another.example/acs"},
        {"request": "_another"},
        {"response_to": "_another"},
        {"issuer": "https://another.example"},
        {"begins": "2020-01-01T00:00:00Z", "ends": "2020-01-01T00:05:00Z"},
        {"begins": "2100-01-01T00:00:00Z", "ends": "2100-01-01T00:05:00Z"},
        {"confirmed": "2020-01-01T00:00:00Z"},
        {"confirmed": "soon"},
        {"method": "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"},
        {"status": "urn:oasis:names:tc:SAML:2.0:status:Responder"},
    ],
)
@pytest.mark.parametrize("signs", ["assertion", "response", "both"])
def test_a_wrong_statement_is_refused(
    house: House, idp: FakeSaml, admin: dict[str, str], change: dict[str, str], signs: str
) -> None:
    idp.change, idp.signs = change, signs
    assert refused(log_in(house, idp))


def test_a_transient_name_id_is_refused(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    idp.subject_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    assert refused(log_in(house, idp))


def tampered(house: House, idp: FakeSaml, change: Any) -> Answer:
    """``change`` takes the signed document as bytes and returns the document that is posted."""
    browser = Browser(house)
    tree, state = idp.response(browser.opens_login().headers["Location"])
    return browser.posts(**form(change(idp.signed(tree)), state))


@pytest.mark.parametrize("number", range(1, 9))
def test_signature_wrapping(house: House, idp: FakeSaml, admin: dict[str, str], number: int) -> None:
    idp.signs = "response" if number in (1, 2) else "assertion"
    assert refused(tampered(house, idp, lambda document: wrapped(document, number, "eve@evil.example")))
    assert reasons(house)[0] in (
        "the response must have one assertion, in its place",
        "the response must have one signature, in its place",
        "the signature is of something else",
    )


@pytest.mark.parametrize("number", range(3, 9))
def test_signature_wrapping_with_two_signatures(
    house: House, idp: FakeSaml, admin: dict[str, str], number: int
) -> None:
    idp.signs = "both"
    assert refused(tampered(house, idp, lambda document: wrapped(document, number, "eve@evil.example")))


def test_another_name_in_a_response_with_two_signatures(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    idp.signs = "both"
    assert refused(tampered(house, idp, lambda document: document.replace(b"ann-at-idp", b"eve-at-idp")))


def test_a_response_without_a_signature(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    assert refused(tampered(house, idp, _without_signature))


def _without_signature(document: bytes) -> bytes:
    root = etree.fromstring(document)
    signature = root.find(f".//{D}Signature")
    signature.getparent().remove(signature)
    return etree.tostring(root)


def test_a_strangers_signature(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    idp.signer = STRANGER
    assert refused(log_in(house, idp))


def test_a_strangers_signature_with_the_providers_certificate(
    house: House, idp: FakeSaml, admin: dict[str, str]
) -> None:
    idp.signer = STRANGER
    swap = (STRANGER.der.encode(), HONEST.der.encode())
    assert refused(tampered(house, idp, lambda document: document.replace(*swap)))


def test_sha1_is_no_proof(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    idp.config = SigningConfig(hashes.SHA1(), hashes.SHA1())
    assert refused(log_in(house, idp))


def test_another_name_in_the_signed_assertion(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    assert refused(tampered(house, idp, lambda document: document.replace(b"ann-at-idp", b"eve-at-idp")))


def test_a_comment_in_a_name(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    """Canonical XML has no comments, so the signature is still valid, but a reader may stop at the comment
    (CVE-2017-11427)."""
    idp.subject = "ann@acme.example.evil.example"
    name, split = b"ann@acme.example.evil.example", b"ann@acme.example<!---->.evil.example"
    assert refused(tampered(house, idp, lambda document: document.replace(name, split)))
    assert reasons(house) == ["the response has comments or processing instructions in it"]


def test_a_processing_instruction_in_a_name(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    assert refused(tampered(house, idp, lambda document: document.replace(b"ann-at", b"ann<?x?>-at")))


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
REMOTE = b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/evil.dtd">'


@pytest.mark.parametrize("head", [BOMB, REMOTE])
def test_a_document_type(house: House, idp: FakeSaml, admin: dict[str, str], head: bytes) -> None:
    assert refused(tampered(house, idp, lambda document: head + document))


@pytest.mark.parametrize("document", [b"", b"<", b"<x/>", b"\x00" * 9, b"<Response/>"])
def test_a_document_that_is_no_response_is_refused(
    house: House, idp: FakeSaml, admin: dict[str, str], document: bytes
) -> None:
    answer = tampered(house, idp, lambda _: document)
    assert answer.status == 400 if not document else refused(answer)


def test_malformed_base64_is_refused(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    browser = Browser(house)
    posted = idp.logs_in(browser.opens_login().headers["Location"])
    assert refused(browser.posts(**{**posted, "SAMLResponse": "<p:Response/>"}))


def test_an_encrypted_assertion_says_why(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    def encrypted(document: bytes) -> bytes:
        root = etree.fromstring(document)
        root.remove(root.find(f"{A}Assertion"))
        etree.SubElement(root, f"{A}EncryptedAssertion")
        return etree.tostring(root)

    assert refused(tampered(house, idp, encrypted))
    assert reasons(house) == ["the assertion is encrypted, which is not supported"]


def test_a_field_that_comes_twice(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    posted = list(idp.logs_in(Browser(house).opens_login().headers["Location"]).items())
    assert asks(house, "POST", "/v1/sso/acs", form=[*posted, posted[0]])["code"] == "malformed_request"


def test_an_oidc_answer_is_none_for_a_saml_connection(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    browser = Browser(house)
    state = idp.logs_in(browser.opens_login().headers["Location"])["RelayState"]
    assert refused(browser.comes_back(state=state, code="x"))


def test_nobodys_name_or_address_is_in_the_trail(house: House, idp: FakeSaml, admin: dict[str, str]) -> None:
    log_in(house, idp)
    tampered(house, idp, _without_signature)
    told = str(house.trail)
    assert "acme.example" not in told.replace(f"{house.subdomain}.example", "") and "Ann" not in told
    assert base64.b64encode(b"ann") not in told.encode()
