"""What an identity provider says of a person: identifiers byte for byte, each claim with the source that vouches for it,
and groups that it does not say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sso.providers.oidc import FakeOidc, serving
from tests.sso.providers.saml import FakeSaml
from tests.sso.test_links import ANN, connect, is_refused, signs_in, user_of
from tests.support.mocked_region import House

Provider = FakeOidc | FakeSaml


@pytest.fixture
def idp() -> Iterator[FakeOidc]:
    with serving(FakeOidc()) as provider:
        yield provider


@pytest.fixture
def saml() -> Iterator[FakeSaml]:
    with serving(FakeSaml()) as provider:
        yield provider


@pytest.fixture(params=[FakeOidc, FakeSaml], ids=["oidc", "saml"])
def either(request: pytest.FixtureRequest) -> Iterator[Provider]:
    with serving(request.param()) as provider:
        yield provider


def reasons(house: House) -> list[Any]:
    return [record["facts"]["reason"] for record in house.trail if record["action"] == "sso.refused"]


def role_of(house: House, entry: Any) -> str:
    assert entry.status == 200, entry
    return str(house.asks("GET", "/v1/me", token=entry["access_token"])["user"]["role"])


def test_subjects_are_compared_byte_for_byte(house: House, either: Provider) -> None:
    connect(house, house.moves_in(), either)
    others = ("ann", "ann ", " ann", "ann\u00a0", "Ann", "a\u0301nn", "\u00e1nn", "ann\u200b", "ann\n")
    users = [user_of(house, signs_in(house, either, each, f"p{n}@acme.example")) for n, each in enumerate(others)]
    assert len(set(users)) == len(others)
    again = [user_of(house, signs_in(house, either, each, "x@acme.example")) for each in others]
    assert again == users


@pytest.mark.parametrize(
    ("token", "userinfo", "refused"),
    [
        ({"email": None}, {"email": ANN, "email_verified": True}, False),
        ({"email": None}, {"email": ANN, "email_verified": None}, True),
        ({"email": None, "email_verified": True}, {"email": ANN}, True),
        ({"email": None, "email_verified": True}, {"email": ANN, "email_verified": False}, True),
        ({"email": ANN, "email_verified": None}, {"email": "x@acme.example", "email_verified": True}, True),
    ],
)
def test_a_source_vouches_for_its_own_address_only(
    house: House, idp: FakeOidc, token: dict[str, Any], userinfo: dict[str, Any], refused: bool
) -> None:
    admin = house.moves_in()
    house.invites(ANN, admin["access_token"])
    connect(house, admin, idp, domains=["acme.example"], roles={"staff": "editor"})
    idp.userinfo = {"sub": "ann-at-idp", **userinfo}
    idp.person, idp.claims = {"sub": "ann-at-idp"}, token
    browser = signs_in_as(house, idp)
    assert is_refused(browser) if refused else browser.status == 200


def signs_in_as(house: House, idp: FakeOidc, **query: str) -> Any:
    from tests.sso.harness import Browser

    browser = Browser(house)
    return browser.comes_back(**idp.logs_in(browser.opens_login(**query).headers["Location"]))


def test_only_the_signed_token_says_when_somebody_was_authenticated(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    idp.person = {"sub": "ann-at-idp"}
    idp.userinfo = {"sub": "ann-at-idp", "email": ANN, "auth_time": int(time.time())}
    entry = signs_in_as(house, idp)
    assert house.asks("POST", "/v1/me/mfa/totp", token=entry["access_token"])["code"] == "step_up_required"
    idp.claims = {"auth_time": None}
    assert is_refused(signs_in_as(house, idp, prompt="login"))


@pytest.mark.parametrize("seconds", [3_600, 61 + 30, 10**9])
def test_an_authentication_that_is_to_come_is_refused(house: House, either: Provider, seconds: int) -> None:
    connect(house, house.moves_in(), either)
    if isinstance(either, FakeOidc):
        either.claims = {"auth_time": int(time.time()) + seconds}
    else:
        either.remembers = -seconds
    assert is_refused(signs_in(house, either))
    assert reasons(house) == ["the provider names a time of authentication that is to come"]


# -- groups that the provider does not say

MISSING: dict[str, dict[str, Any]] = {
    "absent": {"groups": None},
    "too many (Entra)": {"groups": None, "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "x"}}},
    "too many, implicit (Entra)": {"groups": None, "hasgroups": True},
}  # fmt: skip


@pytest.mark.parametrize("kind", MISSING)
def test_groups_that_are_not_said_change_nothing(house: House, idp: FakeOidc, kind: str) -> None:
    connect(house, house.moves_in(), idp, roles={"boss": "admin"}, follow_groups=True)
    idp.person["groups"] = ["boss"]
    assert role_of(house, signs_in(house, idp)) == "admin"
    idp.claims = MISSING[kind]
    assert role_of(house, signs_in(house, idp)) == "admin"
    idp.claims = {"groups": []}
    assert role_of(house, signs_in(house, idp)) == "viewer"


def test_in_saml_a_link_to_the_groups_is_not_an_empty_list(house: House, saml: FakeSaml) -> None:
    connect(house, house.moves_in(), saml, roles={"boss": "admin"})
    saml.attributes["groups"] = ["boss"]
    assert role_of(house, signs_in(house, saml)) == "admin"
    del saml.attributes["groups"]
    saml.attributes["http://schemas.microsoft.com/claims/groups.link"] = ["https://graph.example/x"]
    assert role_of(house, signs_in(house, saml)) == "admin"


def test_where_a_group_is_needed_the_reason_is_told(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp, roles={"boss": "admin"}, default_role=None)
    idp.person["groups"] = ["boss"]
    assert role_of(house, signs_in(house, idp)) == "admin"
    idp.claims = {"groups": None}
    assert is_refused(signs_in(house, idp))
    assert reasons(house)[0].startswith("the provider sends no groups; it may leave them out")
