"""Passwords and second factors on the running platform. A factor's secret is encrypted with the tenant's credentials, which IAM checks."""

import time

import pyotp

from local.testing import Cloud
from tests.e2e.client import PASSWORD, Session, TenantSite, create_tenant, mailed_token, problem
from tests.e2e.conftest import US
from tests.support.authenticator import Authenticator

NEW = "another sentence to remember"


def test_log_in_takes_two_steps_once_a_factor_is_set_up(hooli: TenantSite) -> None:
    vi = hooli.invites("viewer")
    made = vi.asks("POST", "/v1/me/mfa/totp")
    assert made.status_code == 200, made.text
    totp = pyotp.TOTP(made.json()["secret"])
    confirmed = vi.asks("POST", "/v1/me/mfa/totp/confirm", json={"code": totp.now()})
    assert confirmed.status_code == 200, confirmed.text
    first = vi.site.ask("POST", "/v1/auth/login", json={"email": vi.email, "password": PASSWORD})
    assert problem(first) == (401, "mfa_required")
    body = {"challenge": first.json()["challenge"], "recovery_code": confirmed.json()["recovery_codes"][0]}
    inside = vi.site.ask("POST", "/v1/auth/mfa", json=body)
    assert inside.status_code == 200, inside.text
    again = Session(vi.site, inside.json())
    assert again.asks("GET", "/v1/me/mfa").json()["recovery_codes"] == 9
    proof = {"password": PASSWORD, "code": totp.at(time.time(), counter_offset=1)}
    assert again.asks("POST", "/v1/auth/step-up", json=proof).status_code == 204


def test_a_passkey_logs_in_by_itself(hooli: TenantSite) -> None:
    vi = hooli.invites("viewer")
    port = vi.site.cloud.ports[vi.site.region]
    phone = Authenticator(f"http://{vi.site.subdomain}.localhost:{port}")
    asked = vi.asks("POST", "/v1/me/mfa/passkeys/options").json()
    body = {"challenge": asked["challenge"], "passkey": phone.creates(asked["public_key"]), "name": "Phone"}
    made = vi.asks("POST", "/v1/me/mfa/passkeys", json=body)
    assert made.status_code == 201, made.text
    asked = vi.site.ask("POST", "/v1/auth/passkey/options").json()
    shown = {"challenge": asked["challenge"], "passkey": phone.gets(asked["public_key"])}
    inside = vi.site.ask("POST", "/v1/auth/passkey", json=shown)
    assert inside.status_code == 200, inside.text


def test_no_answer_tells_who_has_an_account(hooli: TenantSite) -> None:
    vi, site = hooli.invites("viewer"), hooli.site

    def told(path: str, email: str, **more: str) -> tuple[int, object]:
        answer = site.ask("POST", path, json={"email": email, **more})
        body = answer.json() if answer.text else {}
        return answer.status_code, {name: value for name, value in body.items() if name != "request_id"}

    for path, more in (("/v1/auth/login", {"password": "a wrong sentence"}), ("/v1/auth/password/forgot", {})):
        assert told(path, vi.email, **more) == told(path, "nobody@hooli.example", **more)


def test_a_password_that_everybody_knows_is_refused_and_the_old_one_stays(hooli: TenantSite) -> None:
    vi = hooli.invites("viewer")
    for weak in ("password1234", "short", "abcdefghijkl", vi.email):
        answer = vi.asks("POST", "/v1/me/password", json={"old_password": PASSWORD, "new_password": weak})
        assert problem(answer) == (422, "weak_password"), weak
    again = vi.site.ask("POST", "/v1/auth/login", json={"email": vi.email, "password": PASSWORD})
    assert again.status_code == 200, again.text


def test_guessing_is_ended_by_a_lock_out_and_a_mail_ends_the_lock_out(cloud: Cloud) -> None:
    tenant = create_tenant(cloud, US, "standard")
    admin, site = tenant.admin, tenant.site
    wrong = {"email": admin.email, "password": "a wrong sentence"}
    for _ in range(10):
        assert problem(site.ask("POST", "/v1/auth/login", json=wrong)) == (401, "invalid_credentials")
    locked = site.ask("POST", "/v1/auth/login", json={"email": admin.email, "password": PASSWORD})
    assert problem(locked) == (429, "too_many_attempts")
    assert 0 < int(locked.headers["Retry-After"]) <= 60
    invited = mailed_token(cloud, admin.email)
    asked = site.ask("POST", "/v1/auth/password/forgot", json={"email": admin.email})
    assert (asked.status_code, asked.text) == (202, "")
    body = {"token": mailed_token(cloud, admin.email, other_than=invited), "password": NEW}
    assert site.ask("POST", "/v1/auth/password/reset", json=body).status_code == 204
    inside = site.ask("POST", "/v1/auth/login", json={"email": admin.email, "password": NEW})
    assert inside.status_code == 200
    me = Session(site, inside.json()).asks("GET", "/v1/me").json()["user"]["id"]
    trail = set(cloud.audit_actions(US, tenant.id, me))
    assert {"account.locked", "login.throttled", "password.reset"} <= trail
