"""Outages of the identity provider: fallback users, mails to admins, and the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from docplatform.core.errors import MailNotSent
from docplatform.sso.adapters.mail import SesOutageMail
from tests.sso.harness import Browser, ages, connects
from tests.sso.providers.oidc import CLIENT, SECRET, FakeOidc, serving
from tests.support.mocked_aws import Answer
from tests.support.mocked_region import House, mails

pytestmark = pytest.mark.slow

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def idp() -> Iterator[FakeOidc]:
    with serving(FakeOidc()) as provider:
        yield provider


def connect(house: House, admin: dict[str, str], idp: FakeOidc, **wish: Any) -> Answer:
    given = {"kind": "oidc", "issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET, **wish}
    return connects(house, admin, **given)


def me(house: House, entry: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = house.asks("GET", "/v1/me", token=entry["access_token"])["user"]
    return found


@pytest.fixture
def enforced(house: House, idp: FakeOidc) -> dict[str, str]:
    """The first admin, a fallback user; Bo is none."""
    admin = house.moves_in()
    house.invites(f"bo@{house.subdomain}.example", admin["access_token"], role="admin")
    house.moves_in(f"bo@{house.subdomain}.example", "Bo")
    connected = connect(house, admin, idp, enforced=True, fallback_users=[me(house, admin)["id"]])
    assert connected.status == 200, connected
    return admin


def bo_logs_in(house: House) -> Answer:
    return house.logs_in(f"bo@{house.subdomain}.example")


def outage_mails(house: House, who: str = "admin") -> list[str]:
    return [mail for mail in mails(f"{who}@{house.subdomain}.example") if "has not answered" in mail]


# -- while the provider works


def test_an_enforced_connection_takes_no_password(house: House, enforced: dict[str, str]) -> None:
    answer = house.logs_in()
    assert (answer.status, answer["code"]) == (403, "sso_required")
    assert house.logs_in(password="wrong password")["code"] == "sso_required"
    assert house.logs_in("nobody@x.example")["code"] == "sso_required"
    assert "sso.bypassed" not in house.actions


def test_an_enforced_connection_takes_no_passkey_and_no_invitation(house: House, enforced: dict[str, str]) -> None:
    challenge = house.asks("POST", "/v1/auth/passkey/options")["challenge"]
    shown = {"challenge": challenge, "passkey": {"id": "x"}}
    assert house.asks("POST", "/v1/auth/passkey", shown)["code"] == "sso_required"
    house.invites("new@acme.example", enforced["access_token"])
    assert house.accepts(house.cloud.invitation("new@acme.example"))["code"] == "sso_required"


def test_a_connection_that_is_not_enforced_leaves_passwords_alone(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    assert connect(house, admin, idp).status == 200
    idp.broken[DISCOVERY] = 500
    assert house.logs_in().status == 200
    assert "sso.bypassed" not in house.actions


def test_the_provider_is_checked_once_a_minute(house: House, enforced: dict[str, str], idp: FakeOidc) -> None:
    idp.asked.clear()
    for _ in range(3):
        house.logs_in()
    assert idp.asked.count(DISCOVERY) == 1
    ages(house, checked_at=timedelta(seconds=61))
    house.logs_in()
    assert idp.asked.count(DISCOVERY) == 2


def test_a_provider_that_does_not_work_cannot_be_enforced(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    idp.broken["/jwks"] = 500
    answer = connect(house, admin, idp, enforced=True)
    assert (answer.status, answer["code"]) == (422, "invalid")
    assert house.logs_in().status == 200


# -- while it is down


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks"])
def test_who_was_prepared_comes_in_with_the_password(
    house: House, enforced: dict[str, str], idp: FakeOidc, path: str
) -> None:
    idp.broken[path] = 503
    entry = house.logs_in()
    assert entry.status == 200, entry
    assert (bo_logs_in(house).status, bo_logs_in(house)["code"]) == (401, "invalid_credentials")
    bypasses = [record for record in house.trail if record["action"] == "sso.bypassed"]
    assert [record["target"] for record in bypasses] == [me(house, enforced)["id"]]
    assert house.logs_in(password="wrong password").status == 401
    assert house.actions.count("sso.bypassed") == 1


def test_an_unreachable_provider_counts_as_down(house: House, enforced: dict[str, str], idp: FakeOidc) -> None:
    idp.stops()
    assert house.logs_in().status == 200
    assert [bo_logs_in(house).status, len(outage_mails(house))] == [401, 1]


def test_all_admins_have_one_mail_of_an_outage(house: House, enforced: dict[str, str], idp: FakeOidc) -> None:
    house.invites(f"vi@{house.subdomain}.example", enforced["access_token"], role="viewer")
    idp.broken[DISCOVERY] = 500
    for _ in range(3):
        house.logs_in()
        Browser(house).opens_login()
        ages(house, checked_at=timedelta(seconds=61))
    assert [len(outage_mails(house, who)) for who in ("admin", "bo", "vi")] == [1, 1, 0]
    assert house.actions.count("sso-outage.found") == 1


def test_a_provider_that_comes_and_goes_is_one_outage_within_the_hour(
    house: House, enforced: dict[str, str], idp: FakeOidc
) -> None:
    for broken in ({DISCOVERY: 500}, {}, {DISCOVERY: 500}):
        idp.broken = broken
        house.logs_in()
        ages(house, checked_at=timedelta(seconds=61))
    assert len(outage_mails(house)) == 1
    outage = [action for action in house.actions if action.startswith("sso-outage")]
    assert outage == ["sso-outage.found", "sso-outage.ended", "sso-outage.found"]
    ages(house, checked_at=timedelta(hours=2), told_at=timedelta(hours=1))
    house.logs_in()
    assert len(outage_mails(house)) == 2


def test_passwords_are_refused_again_when_it_is_back(house: House, enforced: dict[str, str], idp: FakeOidc) -> None:
    idp.broken[DISCOVERY] = 500
    assert house.logs_in().status == 200
    idp.broken.clear()
    assert house.logs_in().status == 200  # the result of a check holds for a minute
    ages(house, checked_at=timedelta(seconds=61))
    assert house.logs_in()["code"] == "sso_required"
    browser = Browser(house)
    assert browser.comes_back(**idp.logs_in(browser.opens_login().headers["Location"])).status == 200


def test_a_log_in_that_works_ends_the_outage_at_once(house: House, enforced: dict[str, str], idp: FakeOidc) -> None:
    idp.broken[DISCOVERY] = 500
    house.logs_in()
    idp.broken.clear()
    ages(house, checked_at=timedelta(seconds=61))
    Browser(house).opens_login()
    assert house.actions.count("sso-outage.ended") == 1
    assert house.logs_in()["code"] == "sso_required"


def test_starting_a_log_in_detects_the_outage(house: House, enforced: dict[str, str], idp: FakeOidc) -> None:
    idp.broken[DISCOVERY] = 500
    answer = Browser(house).opens_login()
    assert (answer.status, answer["code"]) == (503, "sso_unavailable")
    assert len(outage_mails(house)) == 1


def test_finishing_a_log_in_detects_the_outage(house: House, enforced: dict[str, str], idp: FakeOidc) -> None:
    browser = Browser(house)
    reply = idp.logs_in(browser.opens_login().headers["Location"])
    idp.broken |= {"/token": 502, DISCOVERY: 502}
    answer = browser.comes_back(**reply)
    assert (answer.status, answer["code"]) == (503, "sso_unavailable")
    assert "sso-outage.found" in house.actions


PROVOKED: dict[str, dict[str, Any]] = {
    **{f"token endpoint: {status}": {"broken": {"/token": status}} for status in (429, 500, 502, 503)},
    **{f"userinfo: {status}": {"broken": {"/userinfo": status}, "userinfo": {}} for status in (429, 500)},
    "oversized userinfo": {"userinfo": {"sub": "ann-at-idp", "email": "x" * 1_000_001}},
    "userinfo that is no JSON": {"userinfo": b"<html>"},
}


@pytest.mark.parametrize("kind", PROVOKED)
def test_what_one_person_provokes_opens_no_password(
    house: House, enforced: dict[str, str], idp: FakeOidc, kind: str
) -> None:
    idp.person.pop("email")
    idp.userinfo = PROVOKED[kind].get("userinfo")
    browser = Browser(house)
    reply = idp.logs_in(browser.opens_login().headers["Location"])
    idp.broken = PROVOKED[kind].get("broken", {})
    assert browser.comes_back(**reply)["code"] == "sso_unavailable"
    assert house.logs_in()["code"] == "sso_required"
    assert not {"sso-outage.found", "sso.bypassed"} & set(house.actions)
    assert outage_mails(house) == []


@pytest.mark.parametrize(("failures", "down"), [(1, False), (2, False), (3, True)])
def test_several_probes_in_a_row_must_fail(
    house: House, enforced: dict[str, str], idp: FakeOidc, failures: int, down: bool
) -> None:
    answers, left = idp.answers, [failures]

    def fails_at_first(method: str, path: str, form: dict[str, str], headers: Any) -> tuple[int, Any]:
        if path == DISCOVERY and left[0]:
            left[0] -= 1
            return 500, {}
        return answers(method, path, form, headers)

    idp.answers = fails_at_first  # type: ignore[method-assign]
    assert (house.logs_in().status == 200) is down
    assert left == [0]


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks"])
def test_a_provider_that_counts_our_requests_is_not_down(
    house: House, enforced: dict[str, str], idp: FakeOidc, path: str
) -> None:
    """Anybody can make it count: by beginning many log-ins."""
    idp.broken[path] = 429
    assert house.logs_in()["code"] == "sso_required"
    assert "sso-outage.found" not in house.actions


def test_a_mail_that_fails_keeps_nobody_out(
    house: House, enforced: dict[str, str], idp: FakeOidc, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fails(_: object, email: str, **__: object) -> None:
        tried.append(email)
        raise MailNotSent("It did not work.")

    monkeypatch.setattr(SesOutageMail, "sso_outage", fails)
    idp.broken[DISCOVERY] = 500
    assert house.logs_in().status == 200
    assert len(tried) == 2


def test_a_fallback_user_is_asked_for_a_second_factor(house: House, enforced: dict[str, str], idp: FakeOidc) -> None:
    house.asks("PUT", "/v1/security-settings", {"require_mfa": True}, enforced["access_token"])
    idp.broken[DISCOVERY] = 500
    assert house.logs_in()["code"] == "mfa_enrolment_required"


def test_the_reason_is_on_record_and_no_address(house: House, enforced: dict[str, str], idp: FakeOidc) -> None:
    idp.broken[DISCOVERY] = 500
    house.logs_in()
    found = next(record for record in house.trail if record["action"] == "sso-outage.found")
    assert found["facts"]["reason"] == "the discovery document is answered with status 500"


# -- step-up


def steps_up(house: House, entry: dict[str, str]) -> Answer:
    return house.asks("POST", "/v1/auth/step-up", {"password": "correct horse battery staple"}, entry["access_token"])


def test_a_password_is_no_fresh_proof_where_it_is_no_log_in(
    house: House, enforced: dict[str, str], idp: FakeOidc
) -> None:
    assert (steps_up(house, enforced).status, steps_up(house, enforced)["code"]) == (403, "sso_required")
    idp.broken[DISCOVERY] = 500
    ages(house, checked_at=timedelta(seconds=61))
    assert steps_up(house, enforced).status == 204
    assert "sso.bypassed" in house.actions


def test_while_it_is_down_only_the_fallback_users_step_up(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    house.invites(f"bo@{house.subdomain}.example", admin["access_token"], role="admin")
    bo = house.moves_in(f"bo@{house.subdomain}.example", "Bo")
    connect(house, admin, idp, enforced=True, fallback_users=[me(house, admin)["id"]])
    idp.broken[DISCOVERY] = 500
    assert (steps_up(house, bo).status, steps_up(house, admin).status) == (403, 204)
