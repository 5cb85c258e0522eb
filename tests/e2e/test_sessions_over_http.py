"""Sessions on the running platform: renewed once, listed, ended; and what an organisation asks of everybody."""

from __future__ import annotations

import pytest

from local.testing import Cloud
from tests.e2e.client import PASSWORD, Member, Site, TenantSite, create_tenant, problem
from tests.e2e.conftest import US

WITHIN_A_MINUTE = 60.0


def logs_in(site: Site, email: str) -> Member:
    answer = site.ask("POST", "/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return Member(site, email, answer.json())


def is_out(member: Member) -> bool:
    return member.asks("GET", "/v1/me").status_code == 401


@pytest.fixture
def vi(acme: TenantSite) -> Member:
    return acme.invites("viewer")


def test_a_refresh_token_that_comes_twice_ends_the_whole_family(vi: Member) -> None:
    stolen = {"refresh_token": vi.tokens["refresh_token"]}
    renewed = vi.site.ask("POST", "/v1/auth/refresh", json=stolen)
    assert renewed.status_code == 200
    assert problem(vi.site.ask("POST", "/v1/auth/refresh", json=stolen)) == (401, "invalid_refresh_token")
    after = {"refresh_token": renewed.json()["refresh_token"]}
    assert problem(vi.site.ask("POST", "/v1/auth/refresh", json=after)) == (401, "invalid_refresh_token")
    assert is_out(Member(vi.site, vi.email, renewed.json())), "and its access token was never shown before"


def test_a_session_is_listed_and_ended_from_another(vi: Member) -> None:
    lost = logs_in(vi.site, vi.email)
    listed = vi.asks("GET", "/v1/sessions").json()["items"]
    (other,) = [each["id"] for each in listed if not each["current"]]
    assert lost.asks("GET", "/v1/me").status_code == 200
    assert vi.asks("DELETE", f"/v1/sessions/{other}").status_code == 204
    Cloud.eventually(lambda: is_out(lost), WITHIN_A_MINUTE)
    assert vi.asks("GET", "/v1/me").status_code == 200


def test_who_is_disabled_is_out_within_a_minute_and_gets_nothing_at_once(acme: TenantSite, vi: Member) -> None:
    folder = acme.admin.creates_folder(f"Of {vi.user_id}")
    assert vi.asks("GET", f"/v1/folders/{folder}").status_code == 200
    assert acme.admin.asks("PATCH", f"/v1/users/{vi.user_id}", json={"disabled": True}).status_code == 200
    assert problem(vi.asks("GET", f"/v1/folders/{folder}")) == (401, "unauthenticated")
    Cloud.eventually(lambda: is_out(vi), WITHIN_A_MINUTE)
    refused = vi.site.ask("POST", "/v1/auth/login", json={"email": vi.email, "password": PASSWORD})
    assert problem(refused) == (401, "invalid_credentials")


def test_an_organisation_requires_a_second_factor(cloud: Cloud) -> None:
    own = create_tenant(cloud, US, "standard")
    vi = own.invites("viewer")
    required = own.admin.asks("PUT", "/v1/security-settings", json={"require_mfa": True})
    assert required.status_code == 200, required.text
    refused = vi.site.ask("POST", "/v1/auth/login", json={"email": vi.email, "password": PASSWORD})
    assert problem(refused) == (401, "mfa_enrolment_required")
    begun = vi.site.ask("POST", "/v1/auth/mfa/enrolment", json={"challenge": refused.json()["challenge"]})
    assert begun.status_code == 200 and begun.json()["secret"], begun.text


def test_an_answer_says_why_somebody_sees_something(acme: TenantSite, vi: Member) -> None:
    admin = acme.admin
    group = admin.asks("POST", "/v1/groups", json={"name": f"Group {vi.user_id}"}).json()["id"]
    admin.asks("PUT", f"/v1/groups/{group}/members/{vi.user_id}")
    vault = admin.creates_folder(f"Vault {vi.user_id}")
    inner = admin.creates_folder("Inner", vault)
    admin.asks("PUT", f"/v1/access/{vault}/inheritance", json={"inherits": False})
    why = {"user_id": vi.user_id}
    before = admin.asks("GET", f"/v1/access/{inner}/explanation", params=why).json()
    admin.asks("PUT", f"/v1/access/{vault}/grants/group:{group}", json={"role": "viewer"})
    after = admin.asks("GET", f"/v1/access/{inner}/explanation", params=why).json()
    assert (before["role"], after["role"]) == (None, "viewer")
    assert group in str(after) and vault in str(after), after
    assert vault in str(before), "where inheritance ends"

    (grant,) = admin.asks("GET", f"/v1/access/{inner}").json()["grants"]
    assert (grant["principal"], grant["granted_on"], grant["inherited"]) == (f"group:{group}", vault, True)

    def shared() -> list[str]:
        return [each["id"] for each in admin.asks("GET", "/v1/access", params=why).json()["items"]]

    assert shared() == [vault, "root"] and shared() == [
        each["id"] for each in vi.asks("GET", "/v1/access").json()["items"]
    ]
    assert admin.asks("DELETE", f"/v1/access/{vault}/grants/group:{group}").status_code == 204
    assert shared() == ["root"] and vi.asks("GET", f"/v1/folders/{inner}").status_code == 404
