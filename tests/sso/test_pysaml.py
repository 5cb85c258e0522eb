"""Log-ins through an independent SAML provider, pysaml2, and attacks that change its responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from tests.sso.harness import Browser, ages, asks, connects
from tests.sso.providers.oidc import serving
from tests.sso.providers.pysaml import GROUPS, SHA1, SHA256, SHA512, PySaml, document_of
from tests.sso.providers.saml import HONEST, STRANGER, form, wrapped
from tests.support.mocked_aws import Answer, Cloud
from tests.support.mocked_region import House, new_house

pytestmark = pytest.mark.slow

Change = Callable[[bytes], bytes]


@pytest.fixture
def idp(house: House) -> Iterator[PySaml]:
    with serving(PySaml(service=metadata_of(house))) as provider:
        yield provider


@pytest.fixture
def admin(house: House, idp: PySaml) -> dict[str, str]:
    entry = house.moves_in()
    assert connect(house, entry, idp).status == 200
    return entry


def metadata_of(house: House) -> str:
    return str(asks(house, "GET", "/v1/sso/metadata").body)


def connect(house: House, admin: dict[str, str], idp: PySaml, **wish: object) -> Answer:
    about = {"kind": "saml", "issuer": idp.entity, "metadata_url": f"{idp.address}/metadata", "groups_claim": GROUPS}
    return connects(house, admin, **about, roles={"staff": "editor"}, **wish)


def logs_in(house: House, idp: PySaml, change: Change = lambda document: document, **query: str) -> Answer:
    browser = Browser(house)
    posted = idp.logs_in(browser.opens_login(**query).headers["Location"])
    return browser.posts(**form(change(document_of(posted)), posted["RelayState"]))


def refused(answer: Answer) -> bool:
    return (answer.status, answer["code"]) == (401, "sso_refused")


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("signs", ["assertion", "response", "both"])
@pytest.mark.parametrize("algorithms", [SHA256, SHA512], ids=["sha256", "sha512"])
def test_the_first_log_in_makes_a_member_and_the_second_finds_them(
    house: House, idp: PySaml, signs: str, algorithms: tuple[str, str]
) -> None:
    idp.signs, idp.algorithms = signs, algorithms
    people = []
    for _ in range(2):
        entry = logs_in(house, idp)
        assert entry.status == 200, house.trail[-1]["facts"]
        people.append(house.asks("GET", "/v1/me", token=entry["access_token"])["user"])
    assert people[0] == people[1]
    assert [people[0][name] for name in ("email", "name", "role")] == ["ann@acme.example", "Ann Example", "editor"]
    assert house.actions.count("user.provisioned") == 1


def test_the_connection_is_tested_step_by_step(house: House, admin: dict[str, str]) -> None:
    answer = asks(house, "POST", "/v1/sso-connection/test", token=admin["access_token"])
    assert [(step["name"], step["ok"]) for step in answer["steps"]] == [
        (name, True) for name in ("metadata", "certificates", "sign-on")
    ]


@pytest.mark.usefixtures("admin")
def test_a_response_is_good_once(house: House, idp: PySaml) -> None:
    browser = Browser(house)
    posted = idp.logs_in(browser.opens_login().headers["Location"])
    assert browser.posts(**posted).status == 200
    assert refused(browser.posts(**posted))
    later = idp.logs_in(browser.opens_login().headers["Location"])
    assert refused(browser.posts(**{**posted, "RelayState": later["RelayState"]}))


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("signs", ["assertion", "response", "both"])
def test_no_character_of_a_response_may_change(house: House, idp: PySaml, signs: str) -> None:
    idp.signs = signs
    for old, new in ((b"ann@acme", b"eve@acme"), (b"ann-at-pysaml", b"eve-at-pysaml"), (b">staff<", b">Staff<")):
        assert refused(logs_in(house, idp, lambda document, old=old, new=new: document.replace(old, new)))  # type: ignore[misc]


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("number", range(1, 9))
def test_signature_wrapping(house: House, idp: PySaml, number: int) -> None:
    idp.signs = "response" if number in (1, 2) else "assertion"
    assert refused(logs_in(house, idp, lambda document: wrapped(document, number, "eve@evil.example")))
    assert house.actions.count("user.provisioned") == 0


@pytest.mark.usefixtures("admin")
def test_signed_by_somebody_else_or_not_at_all_or_weakly(house: House, idp: PySaml) -> None:
    idp.signer = STRANGER
    assert refused(logs_in(house, idp))
    idp.signer, idp.signs = HONEST, "nothing"
    assert refused(logs_in(house, idp))
    idp.signs, idp.algorithms = "assertion", SHA1
    assert refused(logs_in(house, idp))
    idp.algorithms = SHA256
    assert logs_in(house, idp).status == 200


@pytest.mark.usefixtures("admin")
def test_a_response_to_another_tenant(house: House, idp: PySaml, region: Cloud) -> None:
    neighbour = new_house(region)
    assert connect(neighbour, neighbour.moves_in(), idp).status == 200
    theirs, ours = Browser(neighbour), Browser(house)
    ours.opens_login()
    idp.service = metadata_of(neighbour)
    posted = idp.logs_in(theirs.opens_login().headers["Location"])
    assert refused(ours.posts(**posted))
    idp.service = metadata_of(house)
    own = idp.logs_in(ours.opens_login().headers["Location"])
    assert refused(ours.posts(**{**posted, "RelayState": own["RelayState"]}))


@pytest.mark.usefixtures("admin")
def test_the_keys_of_the_provider_change(house: House, idp: PySaml) -> None:
    idp.publishes = [HONEST, STRANGER]
    assert logs_in(house, idp).status == 200
    idp.signer = STRANGER
    assert logs_in(house, idp).status == 200
    idp.publishes = [STRANGER]
    assert logs_in(house, idp).status == 200
    idp.signer = HONEST
    assert refused(logs_in(house, idp))


@pytest.mark.usefixtures("admin")
def test_a_remembered_session_is_no_recent_authentication(house: House, idp: PySaml) -> None:
    codes = []
    for query in ({}, {"prompt": "login"}):
        entry = logs_in(house, idp, **query)
        codes.append(house.asks("POST", "/v1/me/mfa/totp", token=entry["access_token"]).status)
    assert codes == [403, 200]


def test_a_provider_goes_down_and_comes_back(house: House, idp: PySaml, admin: dict[str, str]) -> None:
    user_id = house.asks("GET", "/v1/me", token=admin["access_token"])["user"]["id"]
    assert connect(house, admin, idp, enforced=True, fallback_users=[user_id]).status == 200
    assert house.logs_in()["code"] == "sso_required"
    idp.stops()
    ages(house, checked_at=timedelta(seconds=61))
    assert Browser(house).opens_login()["code"] == "sso_unavailable"
    assert house.logs_in().status == 200
    assert "sso.bypassed" in house.actions
    with serving(idp):
        assert logs_in(house, idp).status == 200
