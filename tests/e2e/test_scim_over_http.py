"""SCIM on the running platform: an identity system maintains users and groups with a service account's key."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
import requests
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from local.testing import Cloud
from tests.e2e.client import PASSWORD, Session, TenantSite, create_tenant, mailed_token, problem
from tests.e2e.conftest import US
from tests.e2e.test_keys_over_http import makes_key, program
from tests.support.http_server import STAYS_DISABLED, application

USER, GROUP, PATCH = (
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:core:2.0:Group",
    "urn:ietf:params:scim:api:messages:2.0:PatchOp",
)


@pytest.fixture(scope="module")
def idp(acme: TenantSite) -> Session:
    account = acme.admin.asks("POST", "/v1/service-accounts", json={"name": "Directory", "role": "admin"}).json()["id"]
    return program(acme.admin, "manage-users", owner_id=account)


def says(idp: Session, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
    headers = {"Content-Type": "application/scim+json", **headers}
    return idp.asks(method, f"/scim/v2/{path}", json=body, headers=headers)


def deactivates(idp: Session, user_id: str, **headers: str) -> requests.Response:
    operations = [{"op": "replace", "path": "active", "value": False}]
    return says(idp, "PATCH", f"Users/{user_id}", {"schemas": [PATCH], "Operations": operations}, **headers)


def joins(idp: Session, group: str, user_id: str) -> requests.Response:
    operations = [{"op": "add", "path": "members", "value": [{"value": user_id}]}]
    return says(idp, "PATCH", f"Groups/{group}", {"schemas": [PATCH], "Operations": operations})


def test_the_suite_of_scim2_tester_passes(cloud: Cloud) -> None:
    admin = create_tenant(cloud, US, "enterprise").admin

    def ask(method: str, path: str, query: dict[str, str], headers: dict[str, str], body: str) -> Any:
        answer = admin.site.ask(method, path, params=query, headers=headers, data=body, token=admin.token)
        return answer.status_code, answer.headers, answer.content

    address = f"http://{admin.site.subdomain}.localhost:{cloud.ports[US]}/scim/v2"
    results = check_server(WSGISCIMClient(application(ask), base_url=address))
    bad = [f"{each.title}: {each.reason}" for each in results if each.status not in (Status.SUCCESS, Status.SKIPPED)]
    assert set(bad) <= {STAYS_DISABLED}, "\n".join(bad)
    assert sum(each.status is Status.SUCCESS for each in results) > 100


def test_who_is_deprovisioned_is_out_with_session_key_and_grant_at_once(idp: Session, acme: TenantSite) -> None:
    bo = acme.invites("editor").session
    key = program(bo, "read")
    made = says(idp, "POST", "Groups", {"schemas": [GROUP], "displayName": f"Legal {bo.user_id}"})
    assert made.status_code == 201, made.text
    group = made.json()["id"]
    vault = acme.admin.creates_folder(f"Vault of {bo.user_id}")
    acme.admin.asks("PUT", f"/v1/access/{vault}/inheritance", json={"inherits": False})
    acme.admin.asks("PUT", f"/v1/access/{vault}/grants/group:{group}", json={"role": "viewer"})
    assert bo.asks("GET", f"/v1/folders/{vault}").status_code == 404
    assert joins(idp, group, bo.user_id).status_code == 200
    assert [each.asks("GET", f"/v1/folders/{vault}").status_code for each in (bo, key)] == [200, 200]

    assert deactivates(idp, bo.user_id).json()["active"] is False
    for each in (bo, key):
        assert problem(each.asks("GET", f"/v1/folders/{vault}")) == (401, "unauthenticated")
    renewed = bo.site.ask("POST", "/v1/auth/refresh", json={"refresh_token": bo.tokens["refresh_token"]})
    assert renewed.status_code == 401
    assert says(idp, "DELETE", f"Users/{bo.user_id}").status_code == 204
    assert says(idp, "GET", f"Users/{bo.user_id}").status_code == 404
    assert "members" not in says(idp, "GET", f"Groups/{group}").json()


def test_filters_pages_and_versions(idp: Session) -> None:
    name = f"bjensen-{secrets.token_hex(4)}"
    made = says(idp, "POST", "Users", {"schemas": [USER], "userName": name, "displayName": "Babs"})
    assert made.headers["ETag"] and made.headers["Location"].endswith(made.json()["id"])
    again = says(idp, "POST", "Users", {"schemas": [USER], "userName": name})
    assert (again.status_code, again.json()["scimType"]) == (409, "uniqueness")
    found = idp.asks("GET", "/scim/v2/Users", params={"filter": f'userName eq "{name}"', "count": "1"}).json()
    assert (found["totalResults"], found["Resources"][0]["displayName"]) == (1, "Babs")
    deactivates(idp, made.json()["id"])
    stale = deactivates(idp, made.json()["id"], **{"If-Match": made.headers["ETag"]})
    assert stale.status_code == 412


def test_who_is_provisioned_asks_for_a_first_password_by_mail(idp: Session, acme: TenantSite) -> None:
    email = f"babs.{secrets.token_hex(4)}@{acme.site.subdomain}.example"
    made = says(idp, "POST", "Users", {"schemas": [USER], "userName": email, "emails": [{"value": email}]})
    assert made.status_code == 201, made.text
    assert acme.site.ask("POST", "/v1/auth/password/forgot", json={"email": email}).status_code == 202
    body = {"token": mailed_token(acme.site.cloud, email), "password": PASSWORD}
    assert acme.site.ask("POST", "/v1/auth/password/reset", json=body).status_code == 204
    inside = acme.site.ask("POST", "/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert inside.status_code == 200, inside.text


def test_only_a_key_for_users_and_only_of_the_tenant_comes_in(
    idp: Session, acme: TenantSite, hooli: TenantSite
) -> None:
    reader: dict[str, Any] = makes_key(acme.admin, "read")
    assert says(Session(acme.site, {"access_token": reader["key"]}), "GET", "Users").status_code == 403
    assert says(Session(hooli.site, idp.tokens), "GET", "Users").status_code == 401
