"""A secret that signs somebody in, sent to another tenant's address: the answer is that to a made-up secret, and afterwards the secret
still works at its own tenant's."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyotp
import pytest
import requests

from tests.e2e.client import PASSWORD, Member, Site, TenantSite, create_tenant, mailed_token
from tests.e2e.conftest import US
from tests.e2e.operations import OPERATIONS
from tests.e2e.test_foreign_ids import same
from tests.support.authenticator import Authenticator

NEW = "another sentence to remember"


@dataclass(frozen=True)
class Secret:
    """``rest``: the other members of the body. ``expected``: the status with which its own tenant, at ``home``, answers."""

    home: Site
    path: str
    name: str
    value: str
    rest: dict[str, Any] = field(default_factory=dict)
    expected: int = 200

    def sent_to(self, site: Site, value: str = "") -> requests.Response:
        return site.ask("POST", self.path, json={self.name: value or self.value, **self.rest})

    def made_up(self) -> str:
        """Another secret of the same form, for the same person."""
        begin, dot, end = self.value.rpartition(".")
        return begin + dot + secrets.token_urlsafe(len(end))[: len(end)]


def mfa_challenge(member: Member) -> str:
    first = member.site.ask("POST", "/v1/auth/login", json={"email": member.email, "password": PASSWORD})
    assert first.status_code == 401, first.text
    return str(first.json()["challenge"])


def with_recovery_codes(tenant: TenantSite) -> tuple[Member, list[str]]:
    vi = tenant.invites("viewer")
    totp = pyotp.TOTP(vi.asks("POST", "/v1/me/mfa/totp").json()["secret"])
    confirmed = vi.asks("POST", "/v1/me/mfa/totp/confirm", json={"code": totp.now()})
    assert confirmed.status_code == 200, confirmed.text
    return vi, confirmed.json()["recovery_codes"]


def with_a_passkey(tenant: TenantSite) -> tuple[Member, Authenticator]:
    vi = tenant.invites("viewer")
    phone = Authenticator(f"http://{vi.site.subdomain}.localhost:{vi.site.cloud.ports[vi.site.region]}")
    asked = vi.asks("POST", "/v1/me/mfa/passkeys/options").json()
    body = {"challenge": asked["challenge"], "passkey": phone.creates(asked["public_key"]), "name": "Phone"}
    assert vi.asks("POST", "/v1/me/mfa/passkeys", json=body).status_code == 201
    return vi, phone


def refresh_token(tenant: TenantSite) -> Secret:
    return Secret(tenant.site, "/v1/auth/refresh", "refresh_token", tenant.invites("viewer").tokens["refresh_token"])


def log_out(tenant: TenantSite) -> Secret:
    return Secret(
        tenant.site, "/v1/auth/logout", "refresh_token", tenant.invites("viewer").tokens["refresh_token"], expected=204
    )


def invitation(tenant: TenantSite) -> Secret:
    email = f"new.{secrets.token_hex(4)}@{tenant.site.subdomain}.example"
    assert tenant.admin.asks("POST", "/v1/users", json={"email": email, "role": "viewer"}).status_code == 201
    token = mailed_token(tenant.site.cloud, email)
    return Secret(tenant.site, "/v1/auth/invitations/accept", "token", token, {"name": "New", "password": PASSWORD})


def reset(tenant: TenantSite) -> Secret:
    email, cloud = tenant.invites("viewer").email, tenant.site.cloud
    invited = mailed_token(cloud, email)
    assert tenant.site.ask("POST", "/v1/auth/password/forgot", json={"email": email}).status_code == 202
    token = mailed_token(cloud, email, other_than=invited)
    return Secret(tenant.site, "/v1/auth/password/reset", "token", token, {"password": NEW}, expected=204)


def second_factor(tenant: TenantSite) -> Secret:
    vi, codes = with_recovery_codes(tenant)
    return Secret(tenant.site, "/v1/auth/mfa", "challenge", mfa_challenge(vi), {"recovery_code": codes[0]})


def passkey_as_second_factor(tenant: TenantSite) -> Secret:
    vi, _ = with_a_passkey(tenant)
    return Secret(tenant.site, "/v1/auth/mfa/passkey-options", "challenge", mfa_challenge(vi))


def passkey(tenant: TenantSite) -> Secret:
    _, phone = with_a_passkey(tenant)
    asked = tenant.site.ask("POST", "/v1/auth/passkey/options").json()
    return Secret(
        tenant.site, "/v1/auth/passkey", "challenge", asked["challenge"], {"passkey": phone.gets(asked["public_key"])}
    )


def enrolment(neighbour: TenantSite) -> Secret:
    tenant = create_tenant(neighbour.site.cloud, US, "standard")
    vi = tenant.invites("viewer")
    assert tenant.admin.asks("PUT", "/v1/security-settings", json={"require_mfa": True}).status_code == 200
    return Secret(tenant.site, "/v1/auth/mfa/enrolment", "challenge", mfa_challenge(vi))


def confirmed_enrolment(neighbour: TenantSite) -> Secret:
    begun = enrolment(neighbour)
    made = begun.sent_to(begun.home)
    assert made.status_code == 200, made.text
    code = pyotp.TOTP(made.json()["secret"]).now()
    return Secret(begun.home, "/v1/auth/mfa/enrolment/confirm", "challenge", begun.value, {"code": code})


SECRETS: dict[str, Callable[[TenantSite], Secret]] = {
    "/v1/auth/refresh": refresh_token,
    "/v1/auth/logout": log_out,
    "/v1/auth/invitations/accept": invitation,
    "/v1/auth/password/reset": reset,
    "/v1/auth/mfa": second_factor,
    "/v1/auth/mfa/passkey-options": passkey_as_second_factor,
    "/v1/auth/passkey": passkey,
    "/v1/auth/mfa/enrolment": enrolment,
    "/v1/auth/mfa/enrolment/confirm": confirmed_enrolment,
}


def test_every_operation_that_is_open_to_everybody_and_takes_a_secret_is_tried() -> None:
    asks_for_a_name = {"/v1/auth/login", "/v1/auth/password/forgot", "/v1/auth/passkey/options"}
    of_a_provider = {"/v1/sso/acs"}  # tests/sso/test_saml.py
    open_ = {each.path for each in OPERATIONS if not each.schemes and each.method == "POST"}
    assert set(SECRETS) == open_ - asks_for_a_name - of_a_provider


@pytest.mark.parametrize("path", SECRETS)
def test_it_opens_its_own_tenant_and_no_other(path: str, acme: TenantSite, hooli: TenantSite) -> None:
    secret = SECRETS[path](hooli)  # made here: some are good for minutes
    assert secret.path == path
    made_up = secret.made_up()
    foreign, nothing = secret.sent_to(acme.site), secret.sent_to(acme.site, made_up)
    assert foreign.status_code == 401, foreign.text
    assert same(foreign, nothing, {secret.value: made_up}), (foreign.text, nothing.text)
    opened = secret.sent_to(secret.home)
    assert opened.status_code == secret.expected, opened.text
