"""Log-ins through independent identity providers: oidc-provider and samlp."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from subprocess import Popen
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization

from tests.engines.node.providers import fills_in_pages, provider
from tests.engines.npm import NotInstalled
from tests.sso.harness import Browser, asks, connects
from tests.sso.providers.oidc import CLIENT, SECRET
from tests.sso.providers.saml import HONEST
from tests.support.mocked_aws import Answer
from tests.support.mocked_region import House

pytestmark = pytest.mark.engines


@dataclass
class Engine:
    facts: dict[str, str]
    process: Popen[str]


Starts = Callable[..., Engine]


@pytest.fixture
def starts() -> Iterator[Starts]:
    with ExitStack() as running:

        def start(script: str, **given: Any) -> Engine:
            try:
                return Engine(*running.enter_context(provider(script, **given)))
            except NotInstalled as error:
                pytest.skip(f"no provider here: {error}")

        yield start


@pytest.fixture
def admin(house: House) -> dict[str, str]:
    return house.moves_in()


def runs_oidc(starts: Starts, house: House, **given: Any) -> Engine:
    return starts("oidc.mjs", redirect=f"https://{house.host}/v1/sso/callback", **given)


def runs_saml(starts: Starts, house: House, *, assertion: bool, response: bool) -> Engine:
    key = HONEST.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    cert = HONEST.certificate.public_bytes(serialization.Encoding.PEM).decode()
    acs = f"https://{house.host}/v1/sso/acs"
    return starts("saml.mjs", key=key, cert=cert, acs=acs, assertion=assertion, response=response)


def connect(house: House, admin: dict[str, str], engine: Engine, **wish: Any) -> Answer:
    given = {"kind": "oidc", "issuer": engine.facts["issuer"], "client_id": CLIENT, "client_secret": SECRET}
    if "address" in engine.facts:
        given = {
            "kind": "saml",
            "issuer": engine.facts["issuer"],
            "metadata_url": f"{engine.facts['address']}/metadata",
        }
    answer = connects(house, admin, **given, **wish)
    assert answer.status == 200, answer
    return answer


def tries(house: House, admin: dict[str, str]) -> list[tuple[str, bool]]:
    answer = asks(house, "POST", "/v1/sso-connection/test", token=admin["access_token"])
    return [(step["name"], step["ok"]) for step in answer["steps"]]


def logs_in_by_oidc(house: House) -> Answer:
    browser = Browser(house)
    back = fills_in_pages(browser.opens_login().headers["Location"], f"https://{house.host}/v1/sso/callback?")
    return browser.comes_back(**dict(parse_qsl(urlsplit(back).query)))


def posted_by_saml(browser: Browser) -> dict[str, str]:
    page = requests.get(browser.opens_login().headers["Location"], timeout=10)
    assert page.status_code == 200, page.text
    action = re.search(r'action="([^"]+)"', page.text)
    assert action and html.unescape(action[1]) == f"https://{browser.house.host}/v1/sso/acs"
    found = {}
    for name in ("SAMLResponse", "RelayState"):
        value = re.search(rf'name="{name}"\s+value="([^"]*)"', page.text)
        assert value
        found[name] = html.unescape(value[1])
    return found


def who(house: House, entry: Answer) -> tuple[str, str, str]:
    assert entry.status == 200, [record["facts"] for record in house.trail[-2:]]
    user = house.asks("GET", "/v1/me", token=entry["access_token"])["user"]
    return user["email"], user["name"], user["role"]


@pytest.mark.parametrize("in_token", [False, True], ids=["userinfo", "id-token"])
def test_a_log_in_by_oidc(house: House, admin: dict[str, str], starts: Starts, in_token: bool) -> None:
    connect(house, admin, runs_oidc(starts, house, idToken=in_token), roles={"staff": "editor"})
    assert tries(house, admin) == [(name, True) for name in ("discovery", "keys", "pkce", "client")]
    assert who(house, logs_in_by_oidc(house)) == ("ann@acme.example", "Ann Example", "editor")
    assert who(house, logs_in_by_oidc(house)) == ("ann@acme.example", "Ann Example", "editor")
    assert house.actions.count("user.provisioned") == 1


def test_a_wrong_secret_is_found_by_the_test(house: House, admin: dict[str, str], starts: Starts) -> None:
    engine = runs_oidc(starts, house)
    connects(house, admin, kind="oidc", issuer=engine.facts["issuer"], client_id=CLIENT, client_secret="wrong")
    assert tries(house, admin)[-1] == ("client", False)
    assert logs_in_by_oidc(house)["code"] == "sso_refused"
    assert house.trail[-1]["facts"]["reason"] == "the token endpoint answers with invalid_client"


@pytest.mark.parametrize(("assertion", "response"), [(True, False), (False, True), (True, True)])
def test_a_log_in_by_saml(house: House, admin: dict[str, str], starts: Starts, assertion: bool, response: bool) -> None:
    engine = runs_saml(starts, house, assertion=assertion, response=response)
    groups = "http://schemas.passportjs.com/groups"
    connect(house, admin, engine, roles={"staff": "editor"}, groups_claim=groups)
    assert tries(house, admin) == [(name, True) for name in ("metadata", "certificates", "sign-on")]
    browser = Browser(house)
    posted = posted_by_saml(browser)
    assert who(house, browser.posts(**posted)) == ("ann@acme.example", "Ann Example", "editor")
    assert browser.posts(**posted)["code"] == "sso_refused"
    assert who(house, browser.posts(**posted_by_saml(browser)))[2] == "editor"
    assert house.actions.count("user.provisioned") == 1


def test_a_response_without_signature_signs_nobody_in(house: House, admin: dict[str, str], starts: Starts) -> None:
    connect(house, admin, runs_saml(starts, house, assertion=False, response=False))
    browser = Browser(house)
    assert browser.posts(**posted_by_saml(browser))["code"] == "sso_refused"


@pytest.mark.parametrize("kind", ["oidc", "saml"])
def test_a_provider_that_goes_down(house: House, admin: dict[str, str], starts: Starts, kind: str) -> None:
    engine = runs_oidc(starts, house) if kind == "oidc" else runs_saml(starts, house, assertion=True, response=False)
    user_id = house.asks("GET", "/v1/me", token=admin["access_token"])["user"]["id"]
    connect(house, admin, engine, enforced=True, fallback_users=[user_id])
    engine.process.kill()
    engine.process.wait()
    assert Browser(house).opens_login()["code"] == "sso_unavailable"
    assert house.logs_in().status == 200
    assert "sso.bypassed" in house.actions
