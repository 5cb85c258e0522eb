"""Requests that need no log-in and cause work are counted, alike for what exists and what does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from docplatform.core.errors import TooManyAttempts
from docplatform.identity.request_limits import LimitedOperation, caps_of
from docplatform.runtime.tenant_access import clients
from docplatform.runtime.tenant_resolution import tenant_of
from tests.identity.harness import PASSWORD, Company
from tests.sso.harness import Browser, connects
from tests.sso.providers.oidc import CLIENT, SECRET, FakeOidc, serving
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Cloud
from tests.support.mocked_region import House

pytestmark = on_every_database

ANN, NOBODY = "ann@acme.example", "nobody@acme.example"


def asks(company: Company, email: str, *, address: str = "192.0.2.7", times: int = 1) -> None:
    for _ in range(times):
        company.asks_for_reset(email, address)


def waits(company: Company, email: str, *, address: str = "192.0.2.7") -> int:
    with pytest.raises(TooManyAttempts) as refused:
        asks(company, email, address=address)
    return int(str(refused.value.facts["retry_after"]))


@pytest.mark.parametrize("email", [ANN, NOBODY, "no address", " ANN@acme.example"])
def test_resets_for_one_address_are_capped_whether_it_is_there_or_not(
    company: Company, email: str, region: Cloud
) -> None:
    company.moves_in()
    asks(company, email, times=5)
    assert 0 < waits(company, email) <= 900
    assert 0 < waits(company, email, address="198.51.100.1") <= 900
    asks(company, "another@acme.example")
    company.clock.passes(minutes=15)
    asks(company, email)
    own = [item for item in region.items("audit") if item["pk"].startswith(company.tenant.id + "#")]
    refused = [item for item in own if item["facts"] == {"reason": "too many requests"}]
    assert [(item["action"], item["actor"]) for item in refused] == [("password.reset-refused", "unknown")] * 2


def test_resets_from_one_source_are_capped_and_use_up_nothing_of_others(company: Company) -> None:
    company.moves_in()
    for number in range(100):
        asks(company, f"n{number}@acme.example")
    assert waits(company, ANN)
    asks(company, ANN, address="198.51.100.1")
    assert [email for email, _ in company.mail.resets] == [ANN]


def test_resets_of_a_tenant_are_capped(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docplatform.identity.request_limits.tenant_cap", lambda _: 7)
    for number in range(7):
        asks(company, f"n{number}@acme.example", address=f"198.51.100.{number}")
    assert waits(company, ANN)


def test_who_asks_for_resets_too_often_keeps_nobody_from_signing_in(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.moves_in()
    asks(company, ANN, times=5)
    monkeypatch.setattr("docplatform.authentication.lockout.tenant_cap", lambda _: 1)
    monkeypatch.setattr("docplatform.authentication.lockout.SOURCE_FAILURES", 1)
    assert company.door.log_in(ANN, PASSWORD)


def test_no_counter_names_an_address_and_all_expire(company: Company, region: Cloud) -> None:
    asks(company, ANN)
    kept = [item for item in region.items("data") if item["pk"].startswith(f"{company.tenant.id}#requests#")]
    assert len(kept) == 3 and all(item["expires"] for item in kept)
    assert ANN not in str(kept) and "192.0.2.7" not in str(kept)


def test_a_refused_request_makes_as_few_calls_for_every_address(company: Company) -> None:
    company.moves_in()
    made: dict[str, list[str]] = {}
    for email in (ANN, NOBODY):
        asks(company, email, times=5)
        calls: list[str] = []
        events = clients(company.tenant).client("dynamodb").meta.events
        events.register("before-call.dynamodb", lambda model, c=calls, **_: c.append(model.name), unique_id="count")
        waits(company, email)
        events.unregister("before-call.dynamodb", unique_id="count")
        made[email] = calls
    assert made[ANN] == made[NOBODY] == ["UpdateItem", "UpdateItem", "PutItem"]


# -- log-ins at the provider


@pytest.fixture
def idp() -> Iterator[FakeOidc]:
    with serving(FakeOidc()) as provider:
        yield provider


def test_log_ins_that_are_begun_are_counted_before_the_provider_is_asked(
    house: House, idp: FakeOidc, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = house.moves_in()
    wish = {"kind": "oidc", "issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET}
    assert connects(house, admin, **wish, domains=["acme.example"]).status == 200
    caps = caps_of(LimitedOperation.SSO_LOGIN, tenant_of(f"{house.subdomain}.us.example"))
    assert (caps.of_subject, caps.from_source, caps.of_tenant) == (0, 1_000, 3_000)
    monkeypatch.setattr("docplatform.identity.request_limits.max", lambda *_: 2, raising=False)
    assert [Browser(house).opens_login().status for _ in range(2)] == [302, 302]
    asked: list[object] = []
    monkeypatch.setattr(
        "docplatform.sso.adapters.oidc.OidcProvider.authorization_request", lambda *a, **_: asked.append(a)
    )
    refused = Browser(house).opens_login()
    assert (refused.status, refused["code"]) == (429, "too_many_attempts") and refused.headers["Retry-After"]
    assert asked == [] and house.actions[-1] == "sso.refused"
