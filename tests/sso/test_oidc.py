"""Log-ins through an OpenID Connect provider, over HTTP."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from docplatform.core.token_hash import digest
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.sso.adapters.keys import SsoKeys
from docplatform.tenancy.adapters.keys import TenancyKeys
from tests.sso.harness import Browser, connects
from tests.sso.providers.oidc import CLIENT, EC, RSA, SECRET, STRANGER, FakeOidc, serving
from tests.support.mocked_aws import Answer, Cloud
from tests.support.mocked_region import House, mails, new_house

pytestmark = pytest.mark.slow

ANN = "ann@acme.example"  # the user at the provider
UNSIGNED = ("no key of the provider has signed the ID token", "the ID token cannot be read")


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
        ANN,
        "Ann Example",
        "editor",
    )
    assert {"user.provisioned", "user.linked", "sso.succeeded"} <= set(house.actions)


def reasons(house: House) -> list[Any]:
    return [record["facts"]["reason"] for record in house.trail if record["action"] == "sso.refused"]


def refused(answer: Answer) -> bool:
    return (answer.status, answer["code"]) == (401, "sso_refused")


# -- accepted


def test_the_second_log_in_is_the_same_member_whatever_the_address(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    first = log_in(house, idp)
    idp.person["email"] = "ann.married@acme.example"
    again = log_in(house, idp)
    users = [house.asks("GET", "/v1/me", token=entry["access_token"])["user"] for entry in (first, again)]
    assert users[0]["id"] == users[1]["id"]
    assert house.actions.count("user.provisioned") == 1


def test_the_role_follows_the_groups_at_every_log_in(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp, roles={"boss": "admin", "staff": "editor"})
    roles = []
    for groups in (["staff", "boss"], ["staff"], [], "boss"):
        idp.person["groups"] = groups
        roles.append(house.asks("GET", "/v1/me", token=log_in(house, idp)["access_token"])["user"]["role"])
    assert roles == ["admin", "editor", "viewer", "admin"]
    assert house.actions.count("role.changed") == 3


@pytest.mark.parametrize("enforced", [False, True])
def test_a_first_password_comes_by_mail_where_passwords_are_taken(house: House, idp: FakeOidc, enforced: bool) -> None:
    admin = house.moves_in()
    connect(house, admin, idp)
    assert log_in(house, idp).status == 200
    connect(house, admin, idp, enforced=enforced)
    before = len(mails(ANN))
    assert house.asks("POST", "/v1/auth/password/forgot", {"email": ANN}).status == 202
    assert len(mails(ANN)) - before == (0 if enforced else 1)
    assert ("password.reset-refused" in house.actions) is enforced


def test_a_user_in_no_group_is_refused_without_a_default_role(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp, roles={"staff": "editor"}, default_role=None)
    idp.person["groups"] = []
    assert refused(log_in(house, idp))
    assert reasons(house) == ["no group gives a role"]


def test_a_password_account_is_not_taken_over(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    idp.person["email"] = house.admin_email
    assert refused(log_in(house, idp))
    assert house.logs_in().status == 200


def test_it_is_linked_where_the_domain_is_the_connections_own(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, domains=[f"{house.subdomain}.example"])
    idp.person["email"] = house.admin_email.upper()
    me = house.asks("GET", "/v1/me", token=log_in(house, idp)["access_token"])
    assert (me["user"]["email"], me["user"]["role"]) == (house.admin_email, "admin")
    assert house.actions.count("user.linked") == 1


@pytest.mark.parametrize("domain", ["example", "other.example"])
def test_another_domain_or_a_parent_domain_does_not_link(house: House, idp: FakeOidc, domain: str) -> None:
    admin = house.moves_in()
    domains = [domain] if "." in domain else [f"x.{house.subdomain}.example"]
    connect(house, admin, idp, domains=domains)
    idp.person["email"] = house.admin_email
    assert refused(log_in(house, idp))


def test_an_unverified_address_is_not_used(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp, domains=[f"{house.subdomain}.example"])
    idp.person |= {"email": house.admin_email, "email_verified": False}
    assert refused(log_in(house, idp))


def test_somebody_invited_comes_in_without_a_password(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    house.invites(ANN, admin["access_token"], role="editor")
    connect(house, admin, idp, domains=["acme.example"])
    me = house.asks("GET", "/v1/me", token=log_in(house, idp)["access_token"])
    assert (me["user"]["status"], me["user"]["role"], me["user"]["name"]) == ("active", "editor", "Ann Example")


def test_a_disabled_member_stays_out(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    user = house.asks("GET", "/v1/me", token=log_in(house, idp)["access_token"])["user"]
    house.sets(house.keys(IdentityKeys).user(user["id"]), status="disabled")
    assert refused(log_in(house, idp))
    assert reasons(house) == ["the user is disabled"]


def test_a_new_member_takes_a_seat(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    house.sets(house.keys(TenancyKeys).usage(), users=100)
    assert (log_in(house, idp).status, reasons(house)) == (402, ["the plan's users are used up"])


def test_claims_that_are_not_in_the_token_come_from_userinfo(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    idp.userinfo = dict(idp.person)
    idp.person = {"sub": "ann-at-idp"}
    assert log_in(house, idp).status == 200
    idp.userinfo["sub"] = "somebody-else"
    assert refused(log_in(house, idp))


# -- refused


def test_a_state_is_good_once(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    browser = Browser(house)
    reply = idp.logs_in(browser.opens_login().headers["Location"])
    assert browser.comes_back(**reply).status == 200
    assert refused(browser.comes_back(**reply))


def test_a_log_in_ends_in_the_browser_that_began_it(house: House, idp: FakeOidc) -> None:
    """Otherwise a link could log a user in as somebody else (RFC 9700 §4.7)."""
    connect(house, house.moves_in(), idp)
    reply = idp.logs_in(Browser(house).opens_login().headers["Location"])
    victim = Browser(house)
    victim.opens_login()
    assert refused(victim.comes_back(**reply))


def test_a_cookie_is_for_this_host_alone(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    cookie = Browser(house).opens_login().headers["Set-Cookie"]
    assert cookie.startswith("__Host-docplatform-sso-")
    assert {"Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=600"} <= set(cookie.split("; "))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_log_ins_begun_in_two_tabs_both_succeed(house: House, idp: FakeOidc, order: tuple[int, int]) -> None:
    connect(house, house.moves_in(), idp)
    browser = Browser(house)
    replies = [idp.logs_in(browser.opens_login().headers["Location"]) for _ in range(2)]
    assert [browser.comes_back(**replies[tab]).status for tab in order] == [200, 200]


def test_an_attempt_is_too_old_after_ten_minutes(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    browser = Browser(house)
    reply = idp.logs_in(browser.opens_login().headers["Location"])
    attempt = house.keys(SsoKeys).attempt(digest(reply["state"]))
    house.sets(attempt, expires_at="2020-01-01T00:00:00.000Z")
    assert refused(browser.comes_back(**reply))


def test_another_connection_ends_the_log_ins_under_way(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    connect(house, admin, idp)
    browser = Browser(house)
    reply = idp.logs_in(browser.opens_login().headers["Location"])
    connect(house, admin, idp, default_role="admin")
    assert refused(browser.comes_back(**reply))


def test_an_attempt_of_another_tenant_is_none(house: House, region: Cloud, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    other = new_house(region)
    connect(other, other.moves_in(), idp)
    browser = Browser(house)
    reply = idp.logs_in(browser.opens_login().headers["Location"])
    assert refused(Browser(other, browser.cookies).comes_back(**reply))


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        {"iss": "https://another.example"},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": 7},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": str(int(time.time()) + 300)},
        {"exp": True},
        {"iat": float("nan")},
        {"nbf": "tomorrow"},
        {"aud": []},
        {"aud": [[CLIENT]]},
        {"iss": ["https://another.example"]},
        {"at_hash": "of another access token"},
        {"auth_time": "now"},
        {"amr": "pwd"},
    ],
)
def test_a_claim_that_does_not_fit(house: House, idp: FakeOidc, claims: dict[str, Any]) -> None:
    connect(house, house.moves_in(), idp)
    idp.claims = claims
    assert refused(log_in(house, idp))
    assert reasons(house)[0].startswith(("a claim of the ID token does not fit", "the subject is"))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _unsigned(claims: dict[str, Any]) -> str:
    return ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "none"}, claims)) + "."


def _by_public_key(claims: dict[str, Any]) -> str:
    """The public key, used as the secret of an HMAC."""
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "rsa-1"}, claims))
    return f"{signed}.{_encoded(hmac.digest(RSA.as_pem(private=False), signed.encode(), 'sha256'))}"


def _own_key_inside(claims: dict[str, Any]) -> str:
    header = {"alg": "RS256", "jwk": STRANGER.as_dict(private=False)}
    return jwt.encode(header, claims, STRANGER)


@pytest.mark.parametrize(
    "token",
    [
        lambda claims: jwt.encode({"alg": "RS256", "kid": "rsa-1"}, claims, STRANGER),
        lambda claims: jwt.encode({"alg": "RS256"}, claims, STRANGER),
        lambda claims: jwt.encode({"alg": "RS256", "kid": "unknown"}, claims, RSA),
        lambda claims: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET.ljust(32, "."))),
        _unsigned,
        _by_public_key,
        _own_key_inside,
        lambda claims: "no token",
        lambda claims: None,
    ],
)
def test_a_token_that_the_provider_has_not_signed(house: House, idp: FakeOidc, token: Any) -> None:
    connect(house, house.moves_in(), idp)
    idp.token = token
    assert refused(log_in(house, idp))
    assert reasons(house)[0] in UNSIGNED


def test_keys_of_both_kinds_sign_and_one_without_a_name_is_found(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    for header, key in (({"alg": "ES256", "kid": "ec-1"}, EC), ({"alg": "RS256"}, RSA), ({"alg": "PS256"}, RSA)):
        idp.token = lambda claims, header=header, key=key: jwt.encode(header, claims, key, [header["alg"]])
        assert log_in(house, idp).status == 200


def test_an_answer_of_another_provider_is_refused(house: House, idp: FakeOidc) -> None:
    """Mix-up attack (RFC 9207)."""
    connect(house, house.moves_in(), idp)
    browser = Browser(house)
    reply = idp.logs_in(browser.opens_login().headers["Location"])
    assert refused(browser.comes_back(**reply, iss="https://another.example"))
    idp.discovery["authorization_response_iss_parameter_supported"] = True
    assert refused(log_in(house, idp))


def test_an_error_of_the_provider_is_recorded_as_its_code_only(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    for error in ("access_denied", "<b>ann@acme.example</b>"):
        browser = Browser(house)
        state = idp.logs_in(browser.opens_login().headers["Location"])["state"]
        assert refused(browser.comes_back(state=state, error=error))
    assert reasons(house) == [
        "the provider answers with access_denied",
        "the provider answers with an unknown error",
    ]


def test_the_answer_is_one_for_every_reason(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    browser = Browser(house)
    unknown = browser.comes_back(state="unknown", code="x")
    idp.claims = {"nonce": "another"}
    wrong = log_in(house, idp)
    told = [{k: v for k, v in answer.body.items() if k != "request_id"} for answer in (unknown, wrong)]
    assert told[0] == told[1]
