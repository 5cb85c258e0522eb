"""Passwords, second factors, step-up and accounts over HTTP."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from botocore.client import BaseClient

from docplatform.core.time import rfc3339
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.credentials import own_client
from docplatform.runtime.tenant_access import clients
from docplatform.runtime.tenant_resolution import tenant_of
from tests.support.authenticator import Authenticator
from tests.support.mocked_aws import ROOT, Answer, Cloud
from tests.support.mocked_region import PASSWORD, House, mails, new_house

NEW = "another sentence to remember"


def reset_token(house: House) -> str:
    found = re.search(r"reset-password\?token=([\w.-]+)", mails(house.admin_email)[-1])
    assert found
    return found[1]


@contextmanager
def calls_of_aws(house: House) -> Iterator[list[str]]:
    """The operations that a route calls with the tenant's credentials, and of SQS; not those of a queue's consumer."""
    made: list[str] = []
    asking = [True]
    watched = [clients(tenant_of(f"{house.subdomain}.us.example")).client("dynamodb"), own_client("sqs")]
    for client in watched:
        client.meta.events.register(
            "before-call", lambda model, **_: made.append(model.name) if asking else None, unique_id="count"
        )
    delivers = house.cloud.delivers_resets

    def consumer() -> list[dict[str, Any]]:
        asking.clear()
        return delivers()

    house.cloud.delivers_resets = consumer  # type: ignore[method-assign]
    try:
        yield made
    finally:
        del house.cloud.delivers_resets  # type: ignore[attr-defined]
        for client in watched:
            client.meta.events.unregister("before-call", unique_id="count")


def ages(house: House, token: str, **time: float) -> None:
    """Set how long ago the session was authenticated."""
    session_id = house.authorizes(token)["context"]["session_id"]
    house.sets(house.keys(IdentityKeys).session(session_id), auth_time=rfc3339(datetime.now(UTC) - timedelta(**time)))


def enrols(house: House, token: str) -> tuple[pyotp.TOTP, list[str]]:
    made = house.asks("POST", "/v1/me/mfa/totp", token=token)
    totp = pyotp.TOTP(made["secret"])
    confirmed = house.asks("POST", "/v1/me/mfa/totp/confirm", {"code": totp.now()}, token)
    assert confirmed.status == 200, confirmed
    return totp, confirmed["recovery_codes"]


# -- passwords


def test_a_lost_password_is_reset(house: House) -> None:
    entry = house.moves_in()
    asked = house.asks("POST", "/v1/auth/password/forgot", {"email": house.admin_email})
    assert (asked.status, asked.body) == (202, None)
    token = reset_token(house)
    weak = house.asks("POST", "/v1/auth/password/reset", {"token": token, "password": "password1234"})
    assert (weak.status, weak["code"]) == (422, "weak_password")
    assert house.asks("POST", "/v1/auth/password/reset", {"token": token, "password": NEW}).status == 204
    again = house.asks("POST", "/v1/auth/password/reset", {"token": token, "password": NEW})
    assert (again.status, again["code"]) == (401, "invalid_reset_token")
    with pytest.raises(Exception, match="^Unauthorized$"):
        house.authorizes(entry["access_token"])
    assert house.logs_in().status == 401
    assert house.logs_in(password=NEW).status == 200
    assert {"password.reset-asked", "password.reset"} <= set(house.actions)


def test_a_reset_request_does_not_reveal_who_has_an_account(house: House, region: Cloud) -> None:
    """The answer and the calls of AWS are the same: three counters, one message and one record."""
    house.moves_in()
    answers = []
    for email in (house.admin_email, "nobody@x.example", "no address"):
        with calls_of_aws(house) as calls:
            answer = house.asks("POST", "/v1/auth/password/forgot", {"email": email})
        answers.append((answer.status, answer.body, {**answer.headers, "X-Request-Id": ""}, calls))
    assert answers[0][3] == ["UpdateItem"] * 3 + ["SendMessageBatch", "PutItem"]
    assert answers[0] == answers[1] == answers[2]


def test_a_reset_token_of_another_tenant_is_refused(house: House, region: Cloud) -> None:
    house.moves_in()
    house.asks("POST", "/v1/auth/password/forgot", {"email": house.admin_email})
    foreign = new_house(region).asks("POST", "/v1/auth/password/reset", {"token": reset_token(house), "password": NEW})
    assert foreign["code"] == "invalid_reset_token"


def test_a_password_is_changed_with_the_old_one(house: House) -> None:
    other, own = house.moves_in(), house.logs_in().body
    body = {"old_password": "wrong", "new_password": NEW}
    refused = house.asks("POST", "/v1/me/password", body, own["access_token"])
    assert (refused.status, refused["code"]) == (403, "proof_refused")
    changed = house.asks("POST", "/v1/me/password", body | {"old_password": PASSWORD}, own["access_token"])
    assert changed.status == 204
    assert house.refreshes(own).status == 200
    assert house.refreshes(other).status == 401


# -- lock-out


@pytest.mark.parametrize("there", [True, False])
def test_a_lock_out_is_429_with_the_seconds_to_wait(house: House, there: bool) -> None:
    house.moves_in()
    email = house.admin_email if there else "nobody@x.example"
    answers = [house.logs_in(email, "wrong password") for _ in range(11)]
    assert [answer.status for answer in answers] == [401] * 10 + [429]
    right = house.logs_in(email)
    assert (right.status, right["code"]) == (429, "too_many_attempts")
    assert 0 < int(right.headers["Retry-After"]) <= 60
    assert right.headers["Retry-After"] == str(right["retry_after"])
    assert house.actions.count("account.locked") == 1


# -- two steps


def test_log_in_in_two_steps(house: House) -> None:
    totp, codes = enrols(house, house.moves_in()["access_token"])
    first = house.logs_in()
    assert (first.status, first["code"], first["expires_in"]) == (401, "mfa_required", 300)
    assert first["methods"] == ["totp", "recovery_code"]
    assert "access_token" not in first.body
    reused = house.asks("POST", "/v1/auth/mfa", {"challenge": first["challenge"], "code": totp.now()})
    assert (reused.status, reused["code"]) == (401, "invalid_code")  # it has confirmed the enrolment
    inside = house.asks("POST", "/v1/auth/mfa", {"challenge": first["challenge"], "recovery_code": codes[0]})
    assert inside.status == 200
    assert house.authorizes(inside["access_token"])["context"]["user_id"]
    used = house.asks("POST", "/v1/auth/mfa", {"challenge": first["challenge"], "recovery_code": codes[1]})
    assert (used.status, used["code"]) == (401, "invalid_challenge")
    (newest, *_) = house.asks("GET", "/v1/sessions", token=inside["access_token"])["items"]
    assert newest["methods"] == ["pwd", "recovery", "mfa"]
    mine = house.asks("GET", "/v1/me/mfa", token=inside["access_token"])
    assert mine.body == {"totp": True, "recovery_codes": 9, "passkeys": []}
    kept = json.dumps([house.cloud.items(table) for table in ("data", "audit")], default=str)
    assert not [secret for secret in (totp.secret, first["challenge"], *codes) if secret in kept]


@pytest.mark.parametrize(
    "shown", [{}, {"code": "1", "recovery_code": "2"}, {"passkey": "x"}, {"code": "1", "passkey": {}}]
)
def test_exactly_one_factor_is_presented(house: House, shown: dict[str, Any]) -> None:
    assert house.asks("POST", "/v1/auth/mfa", {"challenge": "x", **shown}).status == 400


def test_a_challenge_is_valid_in_one_tenant(house: House, region: Cloud) -> None:
    enrols(house, house.moves_in()["access_token"])
    challenge = house.logs_in()["challenge"]
    foreign = new_house(region).asks("POST", "/v1/auth/mfa", {"challenge": challenge, "code": "123456"})
    assert foreign["code"] == "invalid_challenge"


def test_an_organisation_requires_a_second_factor(house: House) -> None:
    token = house.moves_in()["access_token"]
    assert not house.asks("GET", "/v1/security-settings", token=token)["require_mfa"]
    put = house.asks("PUT", "/v1/security-settings", {"require_mfa": True}, token)
    assert (put.status, put["require_mfa"]) == (200, True)
    due = house.logs_in()
    assert (due.status, due["code"]) == (401, "mfa_enrolment_required")
    made = house.asks("POST", "/v1/auth/mfa/enrolment", {"challenge": due["challenge"]})
    code = pyotp.TOTP(made["secret"]).now()
    inside = house.asks("POST", "/v1/auth/mfa/enrolment/confirm", {"challenge": due["challenge"], "code": code})
    assert (inside.status, len(inside["recovery_codes"])) == (200, 10)
    kept = house.asks("DELETE", "/v1/me/mfa/totp", token=inside["access_token"])
    assert (kept.status, kept["code"]) == (409, "mfa_is_required")


def test_passkeys_over_http(house: House) -> None:
    token = house.moves_in()["access_token"]
    device = Authenticator(f"https://{house.host}")
    asked = house.asks("POST", "/v1/me/mfa/passkeys/options", token=token)
    body = {"challenge": asked["challenge"], "passkey": device.creates(asked["public_key"]), "name": "Phone"}
    made = house.asks("POST", "/v1/me/mfa/passkeys", body, token)
    assert (made.status, made["passkey"]["name"], len(made["recovery_codes"])) == (201, "Phone", 10)
    options = house.asks("POST", "/v1/auth/passkey/options")
    shown = {"challenge": options["challenge"], "passkey": device.gets(options["public_key"])}
    inside = house.asks("POST", "/v1/auth/passkey", shown)
    assert inside.status == 200, inside
    second = house.logs_in()["challenge"]
    options = house.asks("POST", "/v1/auth/mfa/passkey-options", {"challenge": second})
    shown = {"challenge": second, "passkey": device.gets(options["public_key"])}
    assert house.asks("POST", "/v1/auth/mfa", shown).status == 200
    ages(house, token, minutes=11)
    assert house.asks("POST", "/v1/me/mfa/totp", token=token)["code"] == "step_up_required"
    options = house.asks("POST", "/v1/auth/step-up/passkey-options", token=token)
    shown = {"challenge": options["challenge"], "passkey": device.gets(options["public_key"])}
    assert house.asks("POST", "/v1/auth/step-up", shown, token).status == 204
    gone = house.asks("DELETE", f"/v1/me/mfa/passkeys/{made['passkey']['id']}", token=token)
    assert gone.status == 204
    assert house.logs_in().status == 200


# -- step-up


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/v1/me/mfa/totp", None),
        ("PUT", "/v1/security-settings", {"require_mfa": True}),
        ("POST", "/v1/me/password", {"old_password": PASSWORD, "new_password": NEW}),
        ("DELETE", "/v1/users/{me}/sessions", None),
        ("DELETE", "/v1/users/{me}/mfa", None),
        ("POST", "/v1/me/mfa/totp", None),
    ],
)
def test_irreversible_actions_require_step_up(house: House, method: str, path: str, body: object) -> None:
    token = house.moves_in()["access_token"]
    path = path.replace("{me}", house.authorizes(token)["context"]["user_id"])
    ages(house, token, minutes=10, seconds=1)
    stale = house.asks(method, path, body, token)
    assert (stale.status, stale["code"]) == (403, "step_up_required")
    wrong = house.asks("POST", "/v1/auth/step-up", {"password": "wrong"}, token)
    assert (wrong.status, wrong["code"]) == (403, "proof_refused")
    assert house.asks(method, path, body, token)["code"] == "step_up_required"
    assert house.asks("POST", "/v1/auth/step-up", {"password": PASSWORD}, token).status == 204
    answer = house.asks(method, path, body, token)
    assert answer.status != 403, answer
    assert {"session.stepped-up", "step-up.refused"} <= set(house.actions)


def test_step_up_takes_the_second_factor_too(house: House) -> None:
    token = house.moves_in()["access_token"]
    _, codes = enrols(house, token)
    ages(house, token, hours=1)
    alone = house.asks("POST", "/v1/auth/step-up", {"password": PASSWORD}, token)
    assert alone["code"] == "proof_refused"
    both = house.asks("POST", "/v1/auth/step-up", {"password": PASSWORD, "recovery_code": codes[0]}, token)
    assert both.status == 204


# -- accounts


def joins(house: House, admin: str, email: str, role: str = "viewer") -> tuple[str, str]:
    invited: Answer = house.invites(email, admin, role=role)
    return invited["id"], house.moves_in(email, "Vi")["access_token"]


def test_admins_change_and_delete_accounts(house: House) -> None:
    admin = house.moves_in()["access_token"]
    user_id, viewer = joins(house, admin, f"vi@{house.subdomain}.example")
    promoted = house.asks("PATCH", f"/v1/users/{user_id}", {"role": "editor"}, admin)
    assert (promoted.status, promoted["role"]) == (200, "editor")
    assert house.authorizes(viewer)["context"]["role"] == "editor"
    disabled = house.asks("PATCH", f"/v1/users/{user_id}", {"disabled": True}, admin)
    assert disabled["status"] == "disabled"
    with pytest.raises(Exception, match="^Unauthorized$"):
        house.authorizes(viewer)
    assert house.asks("DELETE", f"/v1/users/{user_id}", token=admin).status == 204
    assert house.asks("GET", f"/v1/users/{user_id}", token=admin).status == 404
    me = house.authorizes(admin)["context"]["user_id"]
    last = house.asks("PATCH", f"/v1/users/{me}", {"role": "viewer"}, admin)
    assert (last.status, last["code"]) == (409, "last_admin")


def test_admins_end_sessions_and_reset_factors(house: House) -> None:
    admin, email = house.moves_in()["access_token"], f"vi@{house.subdomain}.example"
    user_id, viewer = joins(house, admin, email)
    enrols(house, viewer)
    (session,) = house.asks("GET", f"/v1/users/{user_id}/sessions", token=admin)["items"]
    assert house.asks("DELETE", f"/v1/users/{user_id}/sessions/{session['id']}", token=admin).status == 204
    with pytest.raises(Exception, match="^Unauthorized$"):
        house.authorizes(viewer)
    assert house.logs_in(email)["code"] == "mfa_required"
    assert house.asks("DELETE", f"/v1/users/{user_id}/mfa", token=admin).status == 204
    assert "second factors" in mails(email)[-1]
    back = house.logs_in(email)
    assert back.status == 200
    assert house.asks("DELETE", f"/v1/users/{user_id}/sessions", token=admin).status == 204
    assert house.refreshes(back.body).status == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/v1/users/{admin}", {"role": "viewer"}),
        ("DELETE", "/v1/users/{admin}", None),
        ("GET", "/v1/users/{admin}/sessions", None),
        ("DELETE", "/v1/users/{admin}/sessions", None),
        ("DELETE", "/v1/users/{admin}/sessions/ses_x", None),
        ("DELETE", "/v1/users/{admin}/mfa", None),
        ("GET", "/v1/security-settings", None),
        ("PUT", "/v1/security-settings", {"require_mfa": True}),
    ],
)
def test_viewers_manage_nobody(house: House, method: str, path: str, body: object) -> None:
    admin = house.moves_in()["access_token"]
    _, viewer = joins(house, admin, f"vi@{house.subdomain}.example")
    path = path.replace("{admin}", house.authorizes(admin)["context"]["user_id"])
    refused = house.asks(method, path, body, viewer)
    assert (refused.status, refused["code"]) == (403, "forbidden")


def test_my_other_sessions_end_together(house: House) -> None:
    other, own = house.moves_in(), house.logs_in().body
    assert house.asks("DELETE", "/v1/sessions", token=own["access_token"]).status == 204
    assert house.refreshes(other).status == 401
    assert house.refreshes(own).status == 200


# -- what it costs


def test_a_failed_log_in_costs_the_same_for_an_unknown_address(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.moves_in()
    calls: list[str] = []
    ask = BaseClient._make_api_call

    def counted(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        calls.append(operation)
        return ask(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    seen = []
    for email in (house.admin_email, "nobody@x.example"):
        house.logs_in(email, "wrong password")
        seen.append(tuple(calls))
        calls.clear()
    assert seen[0] == seen[1]
    assert seen[0] == ("BatchGetItem", "BatchGetItem", "PutItem", "GetItem", "BatchGetItem", "TransactWriteItems")


def test_rarely_used_libraries_are_imported_when_needed() -> None:
    program = "import sys, identity.handler; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{ROOT}/layers/platform/python:{ROOT}/functions", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"webauthn", "pyotp", "zxcvbn", "cbor2"} & set(found)  # botocore imports cryptography where pyOpenSSL is
