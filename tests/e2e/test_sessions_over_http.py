"""Sessions on the running platform: refreshed, listed and ended; a second factor that an organisation requires; explanations of access."""

from __future__ import annotations

import pytest

from local.testing import Cloud
from tests.e2e.client import PASSWORD, Member, Session, TenantSite, create_tenant, problem, refreshed, sign_in
from tests.e2e.conftest import US
from tests.e2e.test_keys_over_http import program
from tests.e2e.test_live_over_websocket import is_deprovisioned, is_disabled, revokes_itself

WITHIN_A_MINUTE = 60.0


def is_out(member: Session) -> bool:
    return member.asks("GET", "/v1/me").status_code == 401


@pytest.fixture
def vi(acme: TenantSite) -> Member:
    return acme.invites("viewer")


def test_a_refresh_token_that_comes_twice_ends_the_whole_family(vi: Member) -> None:
    session = vi.session
    stolen = {"refresh_token": session.tokens["refresh_token"]}
    renewed = refreshed(session)
    assert problem(vi.site.ask("POST", "/v1/auth/refresh", json=stolen)) == (401, "invalid_refresh_token")
    after = {"refresh_token": renewed.tokens["refresh_token"]}
    assert problem(vi.site.ask("POST", "/v1/auth/refresh", json=after)) == (401, "invalid_refresh_token")
    assert is_out(renewed), "and its access token was never shown before"


def test_a_session_is_listed_and_ended_from_another(vi: Member) -> None:
    own = vi.session

    def listed() -> set[str]:
        return {each["id"] for each in own.asks("GET", "/v1/sessions").json()["items"]}

    before, lost = listed(), sign_in(vi.site, vi.email)
    (other,) = listed() - before
    assert own.asks("DELETE", f"/v1/sessions/{other}").status_code == 204
    assert is_out(lost), "the authorizer has not seen its token before"
    assert not is_out(own)


def test_who_is_disabled_gets_nothing_at_once_and_signs_in_no_more(acme: TenantSite, vi: Member) -> None:
    session = vi.session
    folder = acme.admin.creates_folder(f"Of {vi.user_id}")
    assert session.asks("GET", f"/v1/folders/{folder}").status_code == 200
    is_disabled(session, acme.admin)
    assert problem(session.asks("GET", f"/v1/folders/{folder}")) == (401, "unauthenticated")
    refused = vi.site.ask("POST", "/v1/auth/login", json={"email": vi.email, "password": PASSWORD})
    assert problem(refused) == (401, "invalid_credentials")


@pytest.fixture(scope="module")
def ended(acme: TenantSite) -> dict[str, Session]:
    """Tokens that the authorizer had just accepted when their access was ended, by the way in which it was."""
    admin = acme.admin
    lost, disabled, deprovisioned = (acme.invites("editor").session for _ in range(3))
    sessions = {
        "a session revoked": lost,
        "a user disabled": disabled,
        "a user deprovisioned": deprovisioned,
        "the key of a user deprovisioned": program(deprovisioned, "read"),
    }
    assert not [how for how, session in sessions.items() if is_out(session)]
    revokes_itself(lost, admin)
    is_disabled(disabled, admin)
    is_deprovisioned(deprovisioned, admin)
    return sessions


@pytest.mark.parametrize(
    "how",
    [
        "a session revoked",
        "a user disabled",
        "a user deprovisioned",
        "the key of a user deprovisioned",
    ],
)
def test_what_has_ended_is_refused_within_a_minute_although_it_was_accepted_before(
    how: str, ended: dict[str, Session]
) -> None:
    Cloud.eventually(lambda: is_out(ended[how]), WITHIN_A_MINUTE)


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
