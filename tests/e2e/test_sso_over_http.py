"""Log-ins at the running platform through a tenant's own identity provider, and what happens when that is down."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import requests

from local.testing import Cloud
from tests.e2e.client import PASSWORD, Member, Site, TenantSite, create_tenant, problem
from tests.providers.oidc import CLIENT, SECRET, FakeOidc, serving
from tests.providers.saml import FakeSaml, form, wrapped

US = "us-east-1"


@pytest.fixture
def own(cloud: Cloud) -> TenantSite:
    """Nobody else's: a connection is of the whole tenant."""
    return create_tenant(cloud, US, "standard")


@pytest.fixture
def oidc() -> Iterator[FakeOidc]:
    person = {"sub": f"ann-{secrets.token_hex(4)}", "email": "ann@acme.example", "name": "Ann", "groups": ["staff"]}
    with serving(FakeOidc(person=person)) as provider:
        yield provider


@pytest.fixture
def saml() -> Iterator[FakeSaml]:
    attributes = {"email": ["ann@acme.example"], "name": ["Ann"], "groups": ["staff"]}
    with serving(FakeSaml(attributes=attributes)) as provider:
        yield provider


@dataclass
class Browser:
    site: Site
    cookies: dict[str, str] = field(default_factory=dict)

    def opens_login(self) -> str:
        """Where it is sent."""
        port = self.site.cloud.ports[self.site.region]
        host = {"Host": f"{self.site.subdomain}.localhost:{port}"}
        url = f"http://127.0.0.1:{port}/v1/sso/login"
        answer = requests.get(url, headers=host, allow_redirects=False, timeout=60)
        assert answer.status_code == 302, answer.text
        name, _, value = answer.headers["Set-Cookie"].partition(";")[0].partition("=")
        self.cookies[name] = value
        return answer.headers["Location"]

    def comes_back(self, reply: dict[str, str]) -> requests.Response:
        return self.site.ask("GET", "/v1/sso/callback", params=reply, headers=self._headers())

    def posts(self, reply: dict[str, str]) -> requests.Response:
        prepared = requests.Request("POST", "http://x.example", data=reply).prepare()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        body = str(prepared.body)
        return self.site.ask("POST", "/v1/sso/acs", data=body, headers={**self._headers(), **kind})

    def _headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}


def connects(own: TenantSite, provider: FakeOidc | FakeSaml, **wish: object) -> None:
    given: dict[str, object] = {"roles": {"staff": "editor"}, **wish}
    if isinstance(provider, FakeSaml):
        given |= {"kind": "saml", "issuer": provider.entity, "metadata_url": f"{provider.address}/metadata"}
    else:
        given |= {"kind": "oidc", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET}
    answer = own.admin.asks("PUT", "/v1/sso-connection", json=given)
    assert answer.status_code == 200, answer.text
    tested = own.admin.asks("POST", "/v1/sso-connection/test")
    assert tested.json()["ok"], tested.text


def is_ann(site: Site, answer: requests.Response) -> None:
    assert answer.status_code == 200, answer.text
    ann = Member(site, "", answer.json())
    user = ann.asks("GET", "/v1/me").json()["user"]
    assert (user["email"], user["role"]) == ("ann@acme.example", "editor")
    assert ann.creates_folder(f"Ann's {secrets.token_hex(4)}")
    renewed = site.ask("POST", "/v1/auth/refresh", json={"refresh_token": ann.tokens["refresh_token"]})
    assert renewed.status_code == 200, renewed.text


def test_a_log_in_by_oidc_is_good_once(own: TenantSite, oidc: FakeOidc) -> None:
    connects(own, oidc)
    browser = Browser(own.site)
    reply = oidc.logs_in(browser.opens_login())
    is_ann(own.site, browser.comes_back(reply))
    assert problem(browser.comes_back(reply)) == (401, "sso_refused")
    reply = oidc.logs_in(Browser(own.site).opens_login())
    assert problem(browser.comes_back(reply)) == (401, "sso_refused")


def test_a_log_in_by_saml_is_good_once(own: TenantSite, saml: FakeSaml) -> None:
    connects(own, saml)
    browser = Browser(own.site)
    posted = saml.logs_in(browser.opens_login())
    is_ann(own.site, browser.posts(posted))
    assert problem(browser.posts(posted)) == (401, "sso_refused")
    tree, state = saml.response(browser.opens_login())
    forged = wrapped(saml.signed(tree), 3, "admin@acme.example")
    assert problem(browser.posts(form(forged, state))) == (401, "sso_refused")


def test_our_metadata_are_xml(own: TenantSite) -> None:
    answer = own.site.ask("GET", "/v1/sso/metadata")
    assert answer.headers["Content-Type"].startswith("application/samlmetadata+xml")
    assert f"{own.site.subdomain}.localhost" in answer.text and "/v1/sso/acs" in answer.text


def test_a_log_in_of_one_tenant_is_none_of_another(own: TenantSite, hooli: TenantSite, oidc: FakeOidc) -> None:
    connects(own, oidc)
    browser = Browser(own.site)
    reply = oidc.logs_in(browser.opens_login())
    assert problem(Browser(hooli.site, browser.cookies).comes_back(reply)) == (401, "sso_refused")


def test_while_the_provider_is_down_the_prepared_come_in_and_the_admins_are_told(
    own: TenantSite, oidc: FakeOidc
) -> None:
    member = own.invites("editor")
    connects(own, oidc, enforced=True, fallback_users=[own.admin.user_id])

    def by_password(email: str) -> requests.Response:
        return own.site.ask("POST", "/v1/auth/login", json={"email": email, "password": PASSWORD})

    assert problem(by_password(own.admin.email)) == (403, "sso_required")
    oidc.stops()
    answer = own.site.ask("GET", "/v1/sso/login")
    assert problem(answer) == (503, "sso_unavailable")
    assert by_password(own.admin.email).status_code == 200
    assert problem(by_password(member.email)) == (401, "invalid_credentials")

    def told() -> list[str]:
        return [str(mail) for mail in own.site.cloud.mailbox() if "has not answered" in str(mail)]

    own.site.cloud.eventually(lambda: any(own.admin.email in mail for mail in told()))
    assert sum(own.admin.email in mail for mail in told()) == 1
    assert not any(member.email in mail for mail in told())
