"""The connection with an identity provider: administration, and its effect on members."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest

from docplatform.core.time import rfc3339
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.sso.adapters.keys import SsoKeys
from tests.sso.harness import Browser, asks, connects
from tests.sso.providers.oidc import CLIENT, SECRET, FakeOidc, serving
from tests.sso.providers.saml import FakeSaml
from tests.support.mocked_aws import Answer, Cloud
from tests.support.mocked_region import House, new_house

pytestmark = pytest.mark.slow

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def idp() -> Iterator[FakeOidc]:
    with serving(FakeOidc()) as provider:
        yield provider


@pytest.fixture
def saml() -> Iterator[FakeSaml]:
    with serving(FakeSaml()) as provider:
        yield provider


@pytest.fixture
def admin(house: House) -> dict[str, str]:
    return house.moves_in()


def connect(house: House, admin: dict[str, str], idp: FakeOidc, **wish: Any) -> Answer:
    given = {"kind": "oidc", "issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET, **wish}
    return connects(house, admin, **{name: value for name, value in given.items() if value is not ...})


def reads(house: House, admin: dict[str, str]) -> Answer:
    return asks(house, "GET", "/v1/sso-connection", token=admin["access_token"])


def tries(house: House, admin: dict[str, str]) -> dict[str, tuple[bool, str]]:
    answer = asks(house, "POST", "/v1/sso-connection/test", token=admin["access_token"])
    assert answer.status == 200, answer
    assert SECRET not in str(answer.body)
    assert answer["ok"] is all(step["ok"] for step in answer["steps"])
    return {step["name"]: (step["ok"], step["detail"]) for step in answer["steps"]}


def log_in(house: House, idp: FakeOidc, **query: str) -> Answer:
    browser = Browser(house)
    away = browser.opens_login(**query)
    assert away.status == 302, away
    return browser.comes_back(**idp.logs_in(away.headers["Location"]))


def me(house: House, entry: Answer | dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = house.asks("GET", "/v1/me", token=entry["access_token"])["user"]
    return found


def joins(house: House, admin: dict[str, str], role: str) -> dict[str, str]:
    email = f"{role}@{house.subdomain}.example"
    house.invites(email, admin["access_token"], role=role)
    return house.moves_in(email)


# -- permissions


def test_a_new_tenant_has_no_connection(house: House, admin: dict[str, str]) -> None:
    assert reads(house, admin)["code"] == "sso_not_connected"
    assert Browser(house).opens_login()["code"] == "sso_not_connected"
    removed = asks(house, "DELETE", "/v1/sso-connection", token=admin["access_token"])
    assert removed["code"] == "sso_not_connected"


def test_a_connection_is_set_read_and_removed(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    wish = {"domains": ["ACME.example", "acme.example"], "roles": {"staff": "editor"}, "default_role": None}
    connected = connect(house, admin, idp, **wish)
    assert connected.status == 200, connected
    shown = reads(house, admin)
    assert shown.body == connected.body
    assert (shown["domains"], shown["has_secret"], shown["roles"]) == (["acme.example"], True, {"staff": "editor"})
    assert (shown["default_role"], shown["enforced"], shown["mfa"]) == (None, False, False)
    assert asks(house, "DELETE", "/v1/sso-connection", token=admin["access_token"]).status == 204
    assert Browser(house).opens_login()["code"] == "sso_not_connected"
    assert [action for action in house.actions if action.startswith("sso.")] == ["sso.connected", "sso.disconnected"]


@pytest.mark.parametrize("role", ["viewer", "editor"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/test")],
)
def test_only_admins_manage_the_connection(
    house: House, admin: dict[str, str], role: str, method: str, path: str
) -> None:
    member = joins(house, admin, role)
    body = {"kind": "oidc", "issuer": "https://x.example", "client_id": "x"} if method == "PUT" else None
    answer = asks(house, method, f"/v1/sso-connection{path}", body, member["access_token"])
    assert (answer.status, answer["code"]) == (403, "forbidden")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_changes_of_the_connection_require_step_up(
    house: House, admin: dict[str, str], idp: FakeOidc, method: str
) -> None:
    connect(house, admin, idp)
    session = house.authorizes(admin["access_token"])["context"]["session_id"]
    house.sets(house.keys(IdentityKeys).session(session), auth_time=rfc3339(datetime.now(UTC) - timedelta(minutes=11)))
    body = {"kind": "oidc", "issuer": idp.issuer, "client_id": CLIENT} if method == "PUT" else None
    answer = asks(house, method, "/v1/sso-connection", body, admin["access_token"])
    assert (answer.status, answer["code"]) == (403, "step_up_required")


def test_a_log_in_at_the_provider_counts_as_step_up(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    connect(house, admin, idp, default_role="admin")
    assert connect(house, log_in(house, idp).body, idp)["code"] == "step_up_required"
    assert connect(house, log_in(house, idp, prompt="login").body, idp).status == 200


def test_a_connection_is_of_one_tenant(house: House, admin: dict[str, str], idp: FakeOidc, region: Cloud) -> None:
    connect(house, admin, idp)
    other = new_house(region)
    assert reads(other, other.moves_in())["code"] == "sso_not_connected"


# -- valid settings


@pytest.mark.parametrize(
    "wish",
    [
        {"client_id": ""},
        {"metadata_url": "https://x.example/metadata"},
        {"domains": ["*.acme.example"]},
        {"domains": ["ann@acme.example"]},
        {"domains": ["acme"]},
        {"fallback_users": ["usr_unknown"]},
        {"roles": {f"group {number}": "viewer" for number in range(201)}},
        {"kind": "saml"},
        {"kind": "saml", "client_id": "", "client_secret": None},
        {
            "kind": "saml",
            "client_id": "",
            "client_secret": None,
            "metadata_url": "https://x.example",
            "metadata": "<x/>",
        },
    ],
)
def test_contradictory_settings_are_refused(
    house: House, admin: dict[str, str], idp: FakeOidc, wish: dict[str, Any]
) -> None:
    answer = connect(house, admin, idp, **wish)
    assert (answer.status, answer["code"]) == (422, "invalid")


def test_a_fallback_user_must_have_a_password(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    connect(house, admin, idp)
    user_id = me(house, log_in(house, idp))["id"]
    assert connect(house, admin, idp, fallback_users=[user_id])["code"] == "invalid"


def test_the_client_secret_is_never_shown_and_stored_encrypted(
    house: House, admin: dict[str, str], idp: FakeOidc
) -> None:
    shown = [connect(house, admin, idp), reads(house, admin)]
    assert SECRET not in str(shown)
    assert SECRET not in str(house.cloud.items("data")) and SECRET not in str(house.trail)


def test_the_client_secret_stays_when_none_is_given(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    connect(house, admin, idp)
    assert connect(house, admin, idp, client_secret=..., domains=["acme.example"])["has_secret"] is True
    assert log_in(house, idp).status == 200
    assert connect(house, admin, idp, client_secret="")["has_secret"] is False


def test_a_stored_client_secret_is_sent_to_no_other_provider(
    house: House, admin: dict[str, str], idp: FakeOidc
) -> None:
    """Otherwise an admin could have it sent to a server of their own."""
    connect(house, admin, idp)
    with serving(FakeOidc()) as other:
        for change in ({"issuer": other.issuer}, {"client_id": "another"}):
            answer = connect(house, admin, idp, client_secret=..., **change)
            assert (answer.status, answer["code"]) == (422, "invalid")


def test_a_secret_opens_for_its_own_tenant_only(
    house: House, admin: dict[str, str], idp: FakeOidc, region: Cloud
) -> None:
    """An attacker with access to the database copies the encrypted secret to another tenant."""
    connect(house, admin, idp)
    other = new_house(region)
    connect(other, other.moves_in(), idp, client_secret="another")
    sealed = {item["pk"]: item for item in region.items("data") if item["sk"] == "connection"}
    stolen = sealed[house.keys(SsoKeys).connection().pk]["sealed_secret"]
    other.sets(other.keys(SsoKeys).connection(), sealed_secret=stolen)
    browser = Browser(other)
    assert browser.comes_back(**idp.logs_in(browser.opens_login().headers["Location"])).status == 500


# -- the test of a connection


def test_everything_works(house: House, admin: dict[str, str], idp: FakeOidc, saml: FakeSaml) -> None:
    connect(house, admin, idp)
    steps = tries(house, admin)
    assert list(steps) == ["discovery", "keys", "pkce", "client"]
    assert all(ok for ok, _ in steps.values())
    connects(house, admin, kind="saml", issuer=saml.entity, metadata_url=f"{saml.address}/metadata")
    steps = tries(house, admin)
    assert list(steps) == ["metadata", "certificates", "sign-on"]
    assert all(ok for ok, _ in steps.values())
    assert house.actions.count("sso.tested") == 2


@pytest.mark.parametrize(
    ("change", "step", "detail"),
    [
        ({"broken": {DISCOVERY: 404}}, "discovery", "The discovery document is answered with status 404."),
        ({"discovery": {"issuer": "https://x.example"}}, "discovery", "The discovery document is of another issuer."),
        ({"discovery": {"jwks_uri": None}}, "discovery", "The discovery document lacks jwks_uri."),
        ({"discovery": {"jwks_uri": "http://10.0.0.1/"}}, "discovery", "An address does not begin with https://."),
        ({"discovery": {"token_endpoint": "https://10.0.0.1/"}}, "client", "10.0.0.1 is not a public address."),
        ({"keys": []}, "keys", "The key set has no key that signs."),
        ({"secret": "another"}, "client", "It does not accept the client: status 401, invalid_client."),
        ({"broken": {"/token": 500}}, "client", "The token endpoint answers with status 500."),
    ],
)
def test_a_test_names_what_is_wrong(
    house: House, admin: dict[str, str], idp: FakeOidc, change: dict[str, Any], step: str, detail: str
) -> None:
    connect(house, admin, idp)
    for name, value in change.items():
        setattr(idp, name, value)
    steps = tries(house, admin)
    assert steps[step] == (False, detail)
    assert [name for name, (ok, _) in steps.items() if not ok] == [step]


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"broken": {"/metadata": 404}}, "metadata"),
        ({"broken": {"/sso": 500}}, "sign-on"),
        ({"entity_says": "https://x.example"}, "metadata"),
    ],
)
def test_a_test_names_what_is_wrong_with_saml(
    house: House, admin: dict[str, str], saml: FakeSaml, change: dict[str, Any], step: str
) -> None:
    issuer = change.pop("entity_says", saml.entity)
    connects(house, admin, kind="saml", issuer=issuer, metadata_url=f"{saml.address}/metadata")
    for name, value in change.items():
        setattr(saml, name, value)
    assert [name for name, (ok, _) in tries(house, admin).items() if not ok] == [step]


def test_a_test_reports_an_unreachable_provider(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    connect(house, admin, idp)
    idp.stops()
    assert tries(house, admin) == {"discovery": (False, "127.0.0.1 does not answer.")}


# -- second factors


def requires_mfa(house: House, admin: dict[str, str]) -> None:
    answer = house.asks("PUT", "/v1/security-settings", {"require_mfa": True}, admin["access_token"])
    assert answer.status == 200, answer


def methods(house: House, entry: Answer) -> list[str]:
    listed = house.asks("GET", "/v1/sessions", token=entry["access_token"])["items"]
    return next(session["methods"] for session in listed if session["current"])


def test_no_second_factor_is_asked_when_the_provider_checks_it(
    house: House, admin: dict[str, str], idp: FakeOidc
) -> None:
    requires_mfa(house, admin)
    connect(house, admin, idp, mfa=True)
    entry = log_in(house, idp)
    assert (entry.status, methods(house, entry)) == (200, ["fed", "mfa"])


def test_otherwise_the_platform_asks_for_a_second_factor(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    requires_mfa(house, admin)
    connect(house, admin, idp)
    first = log_in(house, idp)
    assert (first.status, first["code"]) == (401, "mfa_enrolment_required")
    made = house.asks("POST", "/v1/auth/mfa/enrolment", {"challenge": first["challenge"]})
    totp = pyotp.TOTP(made["secret"])
    body = {"challenge": first["challenge"], "code": totp.now()}
    entry = house.asks("POST", "/v1/auth/mfa/enrolment/confirm", body)
    assert (entry.status, methods(house, entry)) == (200, ["fed", "otp", "mfa"])
    again = log_in(house, idp)
    assert (again.status, again["code"]) == (401, "mfa_required")
    code = totp.at(datetime.now(UTC) + timedelta(seconds=30))
    shown = house.asks("POST", "/v1/auth/mfa", {"challenge": again["challenge"], "code": code})
    assert (shown.status, methods(house, shown)) == (200, ["fed", "otp", "mfa"])
    assert house.actions.count("sso.accepted") == 2 and house.actions.count("user.provisioned") == 1


def test_no_second_factor_is_asked_when_none_is_required(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    connect(house, admin, idp)
    assert methods(house, log_in(house, idp)) == ["fed"]


# -- roles and accounts


def test_the_last_admin_stays_one_whatever_the_provider_says(
    house: House, admin: dict[str, str], idp: FakeOidc
) -> None:
    connect(house, admin, idp, domains=[f"{house.subdomain}.example"], roles={"boss": "admin"})
    idp.person |= {"email": house.admin_email, "groups": []}
    assert me(house, log_in(house, idp))["role"] == "admin"
    house.invites("bo@x.example", admin["access_token"], role="admin")
    house.moves_in("bo@x.example", "Bo")
    assert me(house, log_in(house, idp))["role"] == "viewer"


def test_a_deleted_user_is_refused_until_created_again(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    connect(house, admin, idp, domains=["acme.example"])
    user_id = me(house, log_in(house, idp))["id"]
    removed = house.asks("DELETE", f"/v1/users/{user_id}", token=admin["access_token"])
    assert removed.status == 204, removed
    refused = log_in(house, idp)
    assert (refused.status, refused["code"]) == (401, "sso_refused")
    house.invites("ann@acme.example", admin["access_token"], role="editor")
    reauthenticate = me(house, log_in(house, idp))
    assert reauthenticate["id"] != user_id and (reauthenticate["role"], reauthenticate["status"]) == (
        "editor",
        "active",
    )
    assert me(house, log_in(house, idp))["id"] == reauthenticate["id"]


# -- groups


def makes_group(house: House, admin: dict[str, str], name: str) -> str:
    group: str = asks(house, "POST", "/v1/groups", {"name": name}, admin["access_token"])["id"]
    return group


def members(house: House, admin: dict[str, str], group: str) -> list[str]:
    listed = asks(house, "GET", f"/v1/groups/{group}/members", token=admin["access_token"])
    return [user["id"] for user in listed["items"]]


def test_groups_of_the_same_name_are_synchronised(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    connect(house, admin, idp, follow_groups=True)
    legal, sales, by_hand = (makes_group(house, admin, name) for name in ("Legal", "Sales", "By hand"))
    idp.person["groups"] = ["legal", "sales", "unknown"]
    user_id = me(house, log_in(house, idp))["id"]
    asks(house, "PUT", f"/v1/groups/{by_hand}/members/{user_id}", token=admin["access_token"])
    assert [members(house, admin, group) for group in (legal, sales, by_hand)] == [[user_id]] * 3
    idp.person["groups"] = ["sales", "by hand"]
    log_in(house, idp)
    assert [members(house, admin, group) for group in (legal, sales, by_hand)] == [[], [user_id], [user_id]]
    idp.person["groups"] = []
    log_in(house, idp)
    assert [members(house, admin, group) for group in (legal, sales, by_hand)] == [[], [], [user_id]]
    assert house.actions.count("group-member.removed") == 2


def test_a_group_that_is_gone_keeps_nobody_out(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    connect(house, admin, idp, follow_groups=True)
    legal = makes_group(house, admin, "Legal")
    idp.person["groups"] = ["Legal"]
    log_in(house, idp)
    removed = asks(house, "DELETE", f"/v1/groups/{legal}", token=admin["access_token"])
    assert removed.status == 204, removed
    assert log_in(house, idp).status == 200
    again = makes_group(house, admin, "Legal")
    assert log_in(house, idp).status == 200
    assert len(members(house, admin, again)) == 1


def test_groups_are_not_synchronised_unless_configured(house: House, admin: dict[str, str], idp: FakeOidc) -> None:
    connect(house, admin, idp)
    legal = makes_group(house, admin, "Legal")
    idp.person["groups"] = ["Legal"]
    assert (log_in(house, idp).status, members(house, admin, legal)) == (200, [])
