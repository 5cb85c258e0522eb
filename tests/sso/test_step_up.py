"""Step-up with single sign-on: a remembered session at the provider does not authenticate the user again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.sso.harness import Browser, asks, connects
from tests.sso.providers.oidc import CLIENT, SECRET, FakeOidc, serving
from tests.sso.providers.saml import FakeSaml
from tests.support.mocked_aws import Answer
from tests.support.mocked_region import House

pytestmark = pytest.mark.slow

Provider = FakeOidc | FakeSaml


@pytest.fixture(params=[FakeOidc, FakeSaml], ids=["oidc", "saml"])
def idp(request: pytest.FixtureRequest) -> Iterator[Provider]:
    with serving(request.param()) as provider:
        yield provider


@pytest.fixture
def admin(house: House, idp: Provider) -> dict[str, str]:
    entry = house.moves_in()
    if isinstance(idp, FakeOidc):
        wish = {"kind": "oidc", "issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET}
    else:
        wish = {"kind": "saml", "issuer": idp.entity, "metadata_url": f"{idp.address}/metadata"}
    assert connects(house, entry, **wish).status == 200
    return entry


def logs_in(house: House, idp: Provider, **query: str) -> Answer:
    browser = Browser(house)
    back = idp.logs_in(browser.opens_login(**query).headers["Location"])
    return browser.comes_back(**back) if isinstance(idp, FakeOidc) else browser.posts(**back)


def may_do_what_cannot_be_undone(house: House, entry: Answer) -> bool:
    answer = house.asks("POST", "/v1/me/mfa/totp", token=entry["access_token"])
    assert answer.status == 200 or answer["code"] == "step_up_required", answer
    return answer.status == 200


def proved_at(house: House, entry: Answer) -> str | None:
    (session,) = house.asks("GET", "/v1/sessions", token=entry["access_token"])["items"]
    found: str | None = session["authenticated_at"]
    return found


@pytest.mark.usefixtures("admin")
def test_a_user_with_a_session_at_the_provider_is_authenticated_again(house: House, idp: Provider) -> None:
    remembered = logs_in(house, idp)
    assert remembered.status == 200
    assert not may_do_what_cannot_be_undone(house, remembered)
    assert may_do_what_cannot_be_undone(house, logs_in(house, idp, prompt="login"))
    started = [record["facts"]["anew"] for record in house.trail if record["action"] == "sso.started"]
    assert started == [False, True]


@pytest.mark.usefixtures("admin")
def test_a_recent_authentication_at_the_provider_is_enough(house: House, idp: Provider) -> None:
    idp.remembers = 60
    if isinstance(idp, FakeOidc):
        idp.claims = {"auth_time": int(datetime.now(UTC).timestamp()) - idp.remembers}
    assert may_do_what_cannot_be_undone(house, logs_in(house, idp))


@pytest.mark.usefixtures("admin")
def test_a_provider_that_does_not_authenticate_again_is_refused(house: House, idp: Provider) -> None:
    idp.lazy = True
    answer = logs_in(house, idp, prompt="login")
    assert (answer.status, answer["code"]) == (401, "sso_refused")
    assert house.trail[-1]["facts"]["reason"] == "the provider has not asked again who it is"


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("claim", [None, "now", True, 10**20, -1])
def test_a_provider_that_does_not_say_when_is_refused(house: House, idp: Provider, claim: object) -> None:
    if isinstance(idp, FakeSaml):
        idp.change = {"instant": str(claim)}
    else:
        idp.claims = {"auth_time": claim}
    assert logs_in(house, idp, prompt="login")["code"] == "sso_refused"


def test_a_log_in_counts_from_its_own_time(house: House, idp: Provider, admin: dict[str, str]) -> None:
    """Ended sessions stay ended. The next one is valid, however long the provider has had a session of the user."""
    first = logs_in(house, idp)
    me = house.asks("GET", "/v1/me", token=first["access_token"])["user"]["id"]
    assert house.asks("DELETE", f"/v1/users/{me}/sessions", token=admin["access_token"]).status == 204
    assert house.refreshes(first.body)["code"] == "invalid_refresh_token"
    again = logs_in(house, idp)
    assert house.refreshes(again.body).status == 200
    said = proved_at(house, again)
    if isinstance(idp, FakeOidc):
        assert said is None
    else:
        assert said and datetime.now(UTC) - datetime.fromisoformat(said) > timedelta(minutes=59)


@pytest.mark.usefixtures("admin")
def test_no_other_prompt_is_known(house: House) -> None:
    answer = asks(house, "GET", "/v1/sso/login", query={"prompt": "none"})
    assert (answer.status, answer["code"]) == (400, "invalid_request")
