"""API keys and service accounts over HTTP, and in the authorizer."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.api_keys.model import FORM, key_text, parse_key
from docplatform.core.actor import PERMISSIONS, Permission, Role
from docplatform.core.time import rfc3339
from docplatform.http.openapi import operations
from docplatform.http.router import Router
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.runtime.spec import Auth
from docplatform.tenancy.adapters.keys import TenancyKeys
from tests.conftest import Environment
from tests.support.mocked_aws import ROOT, Answer, Cloud
from tests.support.mocked_region import PASSWORD, House, new_house

UNAUTHORIZED = "^Unauthorized$"


@pytest.fixture
def admin(house: House) -> str:
    return house.moves_in()["access_token"]


def in_days(days: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(days=days))


def makes_key(house: House, token: str, *scopes: str, key: str = "", **change: Any) -> Answer:
    body = {"name": "Nightly import", "scopes": list(scopes or ("read",)), "expires_at": in_days(30), **change}
    return house.asks("POST", "/v1/api-keys", body, token, headers={"Idempotency-Key": key} if key else None)


def makes_account(house: House, token: str, role: str = "editor", name: str = "Importer") -> str:
    answer = house.asks("POST", "/v1/service-accounts", {"name": name, "role": role}, token)
    assert answer.status == 201, answer
    return str(answer["id"])


def viewer_of(house: House, admin: str) -> str:
    house.invites("vi@x.example", admin)
    return house.moves_in("vi@x.example", "Vi")["access_token"]


# -- creation


def test_a_key_is_shown_once_and_kept_as_a_hash(house: House, admin: str) -> None:
    made = makes_key(house, admin, "read", "search")
    assert made.status == 201
    text, view = made["key"], made["api_key"]
    assert FORM.fullmatch(text) and text.startswith(view["prefix"] + "_")
    assert house.facts["id"] not in text and house.subdomain not in text
    _, secret = parse_key(text)  # type: ignore[misc]
    stored = house.keys(IdentityKeys).api_key(view["id"])
    (item,) = [item for item in house.cloud.items("data") if item["pk"] == stored.pk]
    assert item["secret_hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in json.dumps([house.cloud.items("data"), house.trail], default=str)
    (listed,) = house.asks("GET", "/v1/api-keys", token=admin)["items"]
    assert listed == view
    assert (listed["scopes"], listed["state"], listed["used_at"]) == (["read", "search"], "active", None)


def test_a_repetition_makes_no_second_key_and_does_not_show_the_first_again(house: House, admin: str) -> None:
    expires = in_days(5)
    first = makes_key(house, admin, key="k1", expires_at=expires)
    again = makes_key(house, admin, key="k1", expires_at=expires)
    assert (again.status, again["key"], again["api_key"]) == (201, None, first["api_key"])
    assert house.actions.count("api-key.created") == 1
    assert makes_key(house, admin, "write", key="k1", expires_at=expires)["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("days", [-1, 0, 367, 4000])
def test_a_key_lives_for_a_year_at_most(house: House, admin: str, days: float) -> None:
    refused = makes_key(house, admin, expires_at=in_days(days))
    assert (refused.status, refused["code"]) == (422, "invalid_expiry")


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"scopes": "read"},
        {"name": ""},
        {"name": "a\nb"},
        {"expires_at": "2030-01-01T00:00:00"},
        {"expires_at": "soon"},
        {"expires_at": None},
        {"secret": "mine"},
    ],
)
def test_invalid_values_are_refused(house: House, admin: str, change: dict[str, Any]) -> None:
    assert makes_key(house, admin, **change).status in (400, 422)
    assert "api-key.created" not in house.actions


def test_a_key_cannot_have_a_scope_that_its_owners_role_has_not(house: House, admin: str) -> None:
    viewer = viewer_of(house, admin)
    assert makes_key(house, viewer, "read", "search").status == 201
    assert makes_key(house, viewer, "read", "write")["code"] == "scope_not_held"
    account = makes_account(house, admin, "viewer")
    assert makes_key(house, admin, "delete", owner_id=account)["code"] == "scope_not_held"


def test_admins_make_keys_for_service_accounts_and_nobody_for_another_person(house: House, admin: str) -> None:
    viewer = viewer_of(house, admin)
    viewer_id = house.authorizes(viewer)["context"]["user_id"]
    account = makes_account(house, admin)
    assert makes_key(house, admin, owner_id=account).status == 201
    assert makes_key(house, admin, owner_id=viewer_id)["code"] == "service_account_not_found"
    assert makes_key(house, viewer, owner_id=account)["code"] == "forbidden"
    assert makes_key(house, admin, owner_id="usr_nobody")["code"] == "service_account_not_found"


# -- use


def test_a_key_acts_for_its_owner_within_role_and_scopes(house: House, admin: str) -> None:
    made = makes_key(house, admin, "read", "manage-users")
    context = house.authorizes(made["key"])["context"]
    assert (context["role"], context["scopes"], context["session_id"]) == (
        "admin",
        "manage-users read",
        made["api_key"]["id"],
    )
    assert house.asks("GET", "/v1/me", token=made["key"])["user"]["role"] == "admin"
    assert house.invites("bo@x.example", made["key"]).status == 201
    refused = house.asks("POST", "/v1/folders", {"name": "F", "parent_id": "root"}, made["key"])
    assert (refused.status, refused["code"]) == (403, "forbidden")
    assert "scope 'write'" in refused["detail"]
    assert house.trail[-1]["action"] == "access.refused"
    assert house.trail[-1]["session"] == made["api_key"]["id"]


def test_a_service_account_works_with_its_key(house: House, admin: str) -> None:
    account = makes_account(house, admin)
    key = makes_key(house, admin, "read", "write", owner_id=account)["key"]
    folder = house.asks("POST", "/v1/folders", {"name": "F", "parent_id": "root"}, key)
    assert (folder.status, house.trail[-1]["actor"]) == (201, account)
    me = house.asks("GET", "/v1/me", token=key)["user"]
    assert (me["kind"], me["email"], me["name"]) == ("service", "", "Importer")
    deleted = house.asks("DELETE", f"/v1/folders/{folder['id']}", token=key)
    assert "scope 'delete'" in deleted["detail"]


def test_keys_lose_the_permissions_that_their_owner_loses(house: House, admin: str) -> None:
    account = makes_account(house, admin)
    key = makes_key(house, admin, "read", "write", owner_id=account)["key"]
    house.sets(house.keys(IdentityKeys).user(account), role="viewer")
    refused = house.asks("POST", "/v1/folders", {"name": "F", "parent_id": "root"}, key)
    assert (refused.status, "role 'viewer'" in refused["detail"]) == (403, True)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/api-keys", {"name": "K", "scopes": ["read"], "expires_at": "2099-01-01T00:00:00Z"}),
        ("GET", "/v1/api-keys", None),
        ("DELETE", "/v1/api-keys/{key}", None),
        ("POST", "/v1/service-accounts", {"name": "S", "role": "admin"}),
        ("DELETE", "/v1/service-accounts/usr_x", None),
        ("GET", "/v1/sessions", None),
        ("DELETE", "/v1/sessions/ses_x", None),
    ],
)
def test_a_key_touches_no_key_and_no_session(
    house: House, admin: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    made = makes_key(house, admin, *Permission)
    refused = house.asks(method, path.format(key=made["api_key"]["id"]), body, made["key"])
    assert (refused.status, refused["code"]) == (403, "session_needed")
    assert house.trail[-1]["action"] == "access.refused"


def test_use_is_recorded_once_an_hour(house: House, admin: str) -> None:
    made = makes_key(house, admin)
    stored = house.keys(IdentityKeys).api_key(made["api_key"]["id"])

    def used_at() -> str | None:
        (listed,) = house.asks("GET", "/v1/api-keys", token=admin)["items"]
        return listed["used_at"]  # type: ignore[no-any-return]

    house.authorizes(made["key"])
    first = used_at()
    assert first
    recently, long_ago = (rfc3339(datetime.now(UTC) - timedelta(minutes=each)) for each in (59, 61))
    house.sets(stored, used_at=recently)
    house.authorizes(made["key"])
    assert used_at() == recently
    house.sets(stored, used_at=long_ago)
    house.authorizes(made["key"])
    assert (used_at() or "") >= first


# -- end


def refused_with(house: House, key: str, host: str = "") -> dict[str, Any]:
    """The record of the refusal."""
    before = house.actions.count("api-key.refused")
    with pytest.raises(Exception, match=UNAUTHORIZED):
        house.authorizes(key, host)
    assert house.actions.count("api-key.refused") == before + 1
    return house.trail[-1]


def test_a_revoked_key_is_refused_and_stays_listed(house: House, admin: str) -> None:
    made = makes_key(house, admin)
    for _ in range(2):
        assert house.asks("DELETE", f"/v1/api-keys/{made['api_key']['id']}", token=admin).status == 204
    assert house.actions.count("api-key.revoked") == 1
    record = refused_with(house, made["key"])
    assert (record["actor"], record["target"]) == (made["api_key"]["owner_id"], made["api_key"]["id"])
    assert record["facts"] == {"reason": "the key is revoked"}
    (listed,) = house.asks("GET", "/v1/api-keys", token=admin)["items"]
    assert listed["state"] == "revoked" and listed["revoked_at"]


def test_an_expired_key_is_refused(house: House, admin: str) -> None:
    made = makes_key(house, admin)
    house.sets(house.keys(IdentityKeys).api_key(made["api_key"]["id"]), expires_at=rfc3339(datetime.now(UTC)))
    assert refused_with(house, made["key"])["facts"] == {"reason": "the key is expired"}


def test_the_keys_of_a_retired_account_are_refused(house: House, admin: str) -> None:
    account = makes_account(house, admin)
    key = makes_key(house, admin, owner_id=account)["key"]
    for _ in range(2):
        assert house.asks("DELETE", f"/v1/service-accounts/{account}", token=admin).status == 204
    assert house.actions.count("service-account.retired") == 1
    assert refused_with(house, key)["facts"] == {"reason": "the key's owner is not active"}
    assert makes_key(house, admin, owner_id=account)["code"] == "service_account_not_found"
    (listed,) = house.asks("GET", "/v1/service-accounts", token=admin)["items"]
    assert listed["status"] == "disabled"


def test_the_keys_of_a_disabled_user_are_refused(house: House, admin: str) -> None:
    made = makes_key(house, admin)
    house.sets(house.keys(IdentityKeys).user(made["api_key"]["owner_id"]), status="disabled")
    refused_with(house, made["key"])


def test_a_key_of_another_tenant_is_unknown_here(house: House, admin: str, region: Cloud) -> None:
    other, made = new_house(region), makes_key(house, admin)
    record = refused_with(other, made["key"])
    assert (record["actor"], record["facts"]) == ("unknown", {"reason": "unknown key or wrong secret"})
    assert "api-key.refused" not in house.actions


@pytest.mark.slow
def test_a_wrong_key_is_refused_without_naming_a_user(house: House, admin: str) -> None:
    made = makes_key(house, admin)
    text, key_id = made["key"], made["api_key"]["id"]
    wrong = {
        "another secret": key_text(key_id, bytes(32)),
        "another id": key_text("key_" + "0" * 26, bytes(32)),
        "mistyped": text[:-1] + ("0" if text[-1] != "0" else "1"),
        "cut off": text[:-1],
        "too long": text + "0",
        "in capitals": "dpk_" + text[4:].upper(),
        "prefix only": "dpk_",
        "blank inside": text[:40] + " " + text[40:],
        "a snowman": "dpk_\N{SNOWMAN}",
        "endless": "dpk_" + "0" * 100_000,
    }
    for kind, sent in wrong.items():
        record = refused_with(house, sent)
        assert record["actor"] == "unknown", kind
        assert len(sent) < 10 or sent not in json.dumps(house.trail, default=str), kind


def test_a_key_works_even_if_its_use_cannot_be_recorded(
    house: House, admin: str, environment: Environment, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    from docplatform.api_keys.adapters.store import DynamoApiKeys

    def fails(*_: object) -> None:
        raise ConnectionError

    text = makes_key(house, admin)["key"]
    monkeypatch.setattr(DynamoApiKeys, "record_use", fails)
    capsys.readouterr()
    assert house.authorizes(text)["context"]["user_id"]
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert (line["level"], line["error"]) == ("ERROR", "ConnectionError")
    assert text not in json.dumps(line)


# -- permissions


def test_users_manage_their_own_keys_and_admins_all_keys(house: House, admin: str) -> None:
    viewer = viewer_of(house, admin)
    of_admin, of_viewer = makes_key(house, admin)["api_key"], makes_key(house, viewer)["api_key"]
    assert [each["id"] for each in house.asks("GET", "/v1/api-keys", token=viewer)["items"]] == [of_viewer["id"]]
    theirs = house.asks("GET", "/v1/api-keys", token=admin, owner_id=of_viewer["owner_id"])
    assert [each["id"] for each in theirs["items"]] == [of_viewer["id"]]
    assert house.asks("GET", "/v1/api-keys", token=viewer, owner_id=of_admin["owner_id"])["code"] == "forbidden"
    assert house.asks("GET", "/v1/api-keys", token=admin, owner_id="usr_x")["code"] == "user_not_found"
    strange = house.asks("DELETE", f"/v1/api-keys/{of_admin['id']}", token=viewer)
    missing = house.asks("DELETE", f"/v1/api-keys/key_{'0' * 26}", token=viewer)
    assert (strange.status, strange["code"]) == (missing.status, missing["code"]) == (404, "api_key_not_found")
    assert house.asks("DELETE", f"/v1/api-keys/{of_viewer['id']}", token=admin).status == 204


def test_lists_continue_at_their_cursor(house: House, admin: str) -> None:
    made = [makes_key(house, admin)["api_key"]["id"] for _ in range(3)]
    accounts = [makes_account(house, admin, name=f"A{number}") for number in range(3)]
    for path, expected in (("/v1/api-keys", set(made)), ("/v1/service-accounts", set(accounts))):
        first = house.asks("GET", path, token=admin, limit="2")
        rest = house.asks("GET", path, token=admin, limit="2", cursor=first["next_cursor"])
        assert {each["id"] for each in first["items"] + rest["items"]} == expected
        assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
        assert house.asks("GET", path, token=admin, cursor="e30")["code"] == "invalid_cursor"


# -- service accounts


def test_a_service_account_takes_no_seat_and_has_nothing_to_log_in_with(house: House, admin: str) -> None:
    def seats() -> int:
        (usage,) = [item for item in house.cloud.items("data") if item["pk"] == house.keys(TenancyKeys).usage().pk]
        return int(usage["users"])

    before = seats()
    account = makes_account(house, admin)
    assert seats() == before
    people = house.asks("GET", "/v1/users", token=admin)["items"]
    assert account not in [each["id"] for each in people]
    assert house.asks("GET", f"/v1/users/{account}", token=admin)["kind"] == "service"
    assert house.logs_in("", PASSWORD).status == 200
    assert house.asks("POST", "/v1/auth/login", {"email": "", "password": PASSWORD}).status == 401
    assert house.asks("POST", f"/v1/users/{account}/invitation", token=admin)["code"] == "conflict"


def test_only_admins_manage_service_accounts(house: House, admin: str) -> None:
    viewer, account = viewer_of(house, admin), makes_account(house, admin)
    for method, path, body in (
        ("POST", "/v1/service-accounts", {"name": "S", "role": "admin"}),
        ("GET", "/v1/service-accounts", None),
        ("GET", f"/v1/service-accounts/{account}", None),
        ("DELETE", f"/v1/service-accounts/{account}", None),
    ):
        assert house.asks(method, path, body, viewer)["code"] == "forbidden"
    person = house.authorizes(viewer)["context"]["user_id"]
    assert house.asks("DELETE", f"/v1/service-accounts/{person}", token=admin)["code"] == "service_account_not_found"
    assert house.asks("GET", "/v1/me", token=viewer).status == 200


def test_a_service_account_is_made_once(house: House, admin: str) -> None:
    body, headers = {"name": "S", "role": "viewer"}, {"Idempotency-Key": "k"}
    first, again = (house.asks("POST", "/v1/service-accounts", body, admin, headers=headers) for _ in range(2))
    assert first.body == again.body
    assert house.actions.count("service-account.created") == 1


def test_keys_are_good_where_a_function_says_so_and_nowhere_near_credentials() -> None:
    routes = [route for _, auth, route in operations(ROOT / "functions") if auth is Auth.TENANT]
    open_to_keys = {route.path.split("/")[2] for route in routes if route.api_keys_allowed}
    assert {"documents", "folders", "search", "me", "users"} <= open_to_keys
    for route in routes:
        if re.search("auth|session|password|key|service-account|mfa|passkey|sso", route.path):
            assert not route.api_keys_allowed, route.path
    silent = Router()
    silent.get("/v1/x")(lambda: None)
    assert not silent.routes[0].api_keys_allowed


def test_every_scope_is_a_permission_that_some_role_has() -> None:
    assert PERMISSIONS[Role.VIEWER] < PERMISSIONS[Role.EDITOR] < PERMISSIONS[Role.ADMIN] == set(Permission)
