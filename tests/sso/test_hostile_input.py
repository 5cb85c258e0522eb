"""Hostile input in every field that an identity provider or a browser fills: refused with the one answer, never a
fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from tests.sso.harness import Browser, asks
from tests.sso.providers.oidc import DISCOVERY_FIELDS, FakeOidc, serving
from tests.sso.providers.saml import A, FakeSaml, form
from tests.sso.test_links import connect, signs_in
from tests.support.mocked_region import House

SURROGATE = "\ud800"
VALUES: dict[str, Any] = {
    "a lone surrogate": SURROGATE,
    "long": "x" * 100_000,
    "NUL": "a\u0000b",
    "a number": 7,
    "a list": [[[]]],
    "deep": json.loads("[" * 400 + "]" * 400),
    "an object": {"a": 1},
    "true": True,
    "empty": "",
}
CLAIMS = ("sub", "email", "name", "groups", "email_verified", "auth_time", "nonce", "azp", "at_hash", "amr")


@pytest.fixture
def idp() -> Iterator[FakeOidc]:
    with serving(FakeOidc()) as provider:
        yield provider


@pytest.fixture
def saml() -> Iterator[FakeSaml]:
    with serving(FakeSaml()) as provider:
        yield provider


def no_fault(status: int) -> bool:
    return status in (200, 302, 400, 401, 503)


@pytest.mark.parametrize("kind", VALUES)
def test_claims_of_the_token_and_of_userinfo(house: House, idp: FakeOidc, kind: str) -> None:
    connect(house, house.moves_in(), idp, roles={"x": "editor"}, follow_groups=True)
    for claim in CLAIMS:
        idp.claims = {claim: VALUES[kind]}
        assert no_fault(signs_in(house, idp).status), claim
        idp.claims, idp.userinfo = {"email": None}, {"sub": "ann-at-idp", claim: VALUES[kind]}
        assert no_fault(signs_in(house, idp).status), claim
        idp.userinfo = None


@pytest.mark.parametrize("kind", VALUES)
def test_the_providers_description(house: House, idp: FakeOidc, kind: str) -> None:
    admin = house.moves_in()
    connect(house, admin, idp)
    for field in DISCOVERY_FIELDS:
        idp.discovery = {field: VALUES[kind]}
        assert no_fault(Browser(house).opens_login().status), field
        assert asks(house, "POST", "/v1/sso-connection/test", token=admin["access_token"]).status == 200, field


@pytest.mark.parametrize("kind", ["a lone surrogate", "long", "NUL", "empty"])
def test_what_the_browser_brings(house: House, idp: FakeOidc, kind: str) -> None:
    connect(house, house.moves_in(), idp)
    browser = Browser(house)
    honest = idp.logs_in(browser.opens_login().headers["Location"])
    for field in ("state", "code", "error", "iss", "unknown"):
        assert no_fault(browser.comes_back(**{**honest, field: VALUES[kind]}).status), field
    for cookie in (VALUES[kind], f"docplatform-sso={VALUES[kind]}", "=" * 9_000, ";" * 9_000, 'a="\\'):
        answer = asks(house, "GET", "/v1/sso/callback", query={"state": "x", "code": "y"}, headers={"Cookie": cookie})
        assert no_fault(answer.status)


def test_values_with_elements_in_them_are_no_roles(house: House, saml: FakeSaml) -> None:
    connect(house, house.moves_in(), saml, roles={"admin": "admin"})
    saml.attributes["groups"] = ["staff"]
    browser = Browser(house)
    tree, state = saml.response(browser.opens_login().headers["Location"])
    for attribute in tree.iter(f"{A}Attribute"):
        if attribute.get("Name") == "groups":
            value = attribute.find(f"{A}AttributeValue")
            value.text = "admin"
            etree.SubElement(value, f"{A}Note").tail = "istrators of nothing"
    entry = browser.posts(**form(saml.signed(tree), state))
    assert house.asks("GET", "/v1/me", token=entry["access_token"])["user"]["role"] == "viewer"


@pytest.mark.parametrize("place", ["EntityDescriptor", "IDPSSODescriptor"])
@pytest.mark.parametrize("until", ["2020-01-01T00:00:00Z", "yesterday", ""])
def test_metadata_that_have_ended_are_not_used(house: House, saml: FakeSaml, place: str, until: str) -> None:
    connect(house, house.moves_in(), saml)
    honest = saml.metadata()
    saml.metadata = lambda: honest.replace(f"<{place} ", f'<{place} validUntil="{until}" ', 1)  # type: ignore[method-assign]
    assert Browser(house).opens_login()["code"] == "sso_unavailable"
    saml.metadata = lambda: honest.replace(f"<{place} ", f'<{place} validUntil="2999-01-01T00:00:00Z" ', 1)  # type: ignore[method-assign]
    assert Browser(house).opens_login().status == 302


HOSTILE_XML = [
    "x",
    "PHg+",
    "//8=",
    "PHg+" * 60_000,
]


@pytest.mark.parametrize("response", HOSTILE_XML)
def test_what_is_no_response(house: House, saml: FakeSaml, response: str) -> None:
    connect(house, house.moves_in(), saml)
    browser = Browser(house)
    state = saml.logs_in(browser.opens_login().headers["Location"])["RelayState"]
    assert browser.posts(SAMLResponse=response, RelayState=state).status in (400, 401)
