"""Log-ins through an OpenID Connect provider, as clients meet them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions.house import House
from tests.functions.sso import Browser, connects
from tests.providers.oidc import CLIENT, SECRET, FakeOidc, serving
from tests.world import Answer


@pytest.fixture
def idp() -> Iterator[FakeOidc]:
    with serving(FakeOidc()) as provider:
        yield provider


def connect(house: House, admin: dict[str, str], idp: FakeOidc, **wish: Any) -> Answer:
    given = {"kind": "oidc", "issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET, **wish}
    answer = connects(house, admin, **given)
    assert answer.status == 200, answer
    return answer


def log_in(house: House, idp: FakeOidc) -> Answer:
    browser = Browser(house)
    away = browser.opens_login()
    assert away.status == 302, away
    return browser.comes_back(**idp.logs_in(away.headers["Location"]))


def test_the_first_log_in_makes_a_member(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, roles={"staff": "editor"}, default_role="viewer")
    idp.person["groups"] = ["staff", "other"]
    entry = log_in(house, idp)
    assert entry.status == 200, entry
    me = house.asks("GET", "/v1/me", token=entry["access_token"])
    assert (me["user"]["email"], me["user"]["name"], me["user"]["role"]) == (
        "ann@acme.example",
        "Ann Example",
        "editor",
    )
    assert {"user.provisioned", "user.linked", "sso.succeeded"} <= set(house.actions)
