"""Sign-in at the running platform through a tenant's own identity provider, and by password while the provider is down."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from local.testing import Cloud
from tests.e2e.client import (
    ANSWER,
    PASSWORD,
    Session,
    Site,
    TenantSite,
    create_tenant,
    problem,
    refreshed,
)
from tests.engines.node.providers import fills_in_pages, provider
from tests.engines.npm import NotInstalled
from tests.sso.providers.oidc import CLIENT, SECRET, FakeOidc, serving
from tests.sso.providers.pysaml import GROUPS, PySaml, document_of
from tests.sso.providers.saml import form, wrapped

US = "us-east-1"


@pytest.fixture
def own(cloud: Cloud) -> TenantSite:
    """A tenant for one test: a connection concerns the whole tenant."""
    return create_tenant(cloud, US, "standard")


@pytest.fixture
def oidc() -> Iterator[FakeOidc]:
    person = {"sub": f"ann-{secrets.token_hex(4)}", "email": "ann@acme.example", "name": "Ann", "groups": ["staff"]}
    with serving(FakeOidc(person=person)) as provider:
        yield provider


@pytest.fixture
def saml(own: TenantSite) -> Iterator[PySaml]:
    with serving(PySaml(service=own.site.ask("GET", "/v1/sso/metadata").text)) as provider:
        yield provider


@dataclass
class Browser:
    site: Site
    cookies: dict[str, str] = field(default_factory=dict)

    def opens_login(self, **query: str) -> str:
        """The address that the browser is redirected to."""
        port = self.site.cloud.ports[self.site.region]
        host = {"Host": f"{self.site.subdomain}.localhost:{port}"}
        url = f"http://127.0.0.1:{port}/v1/sso/login"
        answer = requests.get(url, params=query, headers=host, allow_redirects=False, timeout=ANSWER)
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


def connects(own: TenantSite, provider: FakeOidc | PySaml, **wish: object) -> None:
    if isinstance(provider, PySaml):
        metadata = f"{provider.address}/metadata"
        connects_to(own, kind="saml", issuer=provider.entity, metadata_url=metadata, groups_claim=GROUPS, **wish)
    else:
        connects_to(own, kind="oidc", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, **wish)


def connects_to(own: TenantSite, **wish: object) -> None:
    admin = own.admin.session  # from the first request on, passwords may not be taken any more
    answer = admin.asks("PUT", "/v1/sso-connection", json={"roles": {"staff": "editor"}, **wish})
    assert answer.status_code == 200, answer.text
    tested = admin.asks("POST", "/v1/sso-connection/test")
    assert tested.json()["ok"], tested.text


def is_ann(site: Site, answer: requests.Response) -> None:
    assert answer.status_code == 200, answer.text
    ann = Session(site, answer.json())
    user = ann.asks("GET", "/v1/me").json()["user"]
    assert (user["email"], user["role"]) == ("ann@acme.example", "editor")
    assert ann.creates_folder(f"Ann's {secrets.token_hex(4)}")
    assert refreshed(ann).token


def test_a_log_in_by_oidc_is_good_once(own: TenantSite, oidc: FakeOidc) -> None:
    connects(own, oidc)
    browser = Browser(own.site)
    reply = oidc.logs_in(browser.opens_login())
    is_ann(own.site, browser.comes_back(reply))
    assert problem(browser.comes_back(reply)) == (401, "sso_refused")
    reply = oidc.logs_in(Browser(own.site).opens_login())
    assert problem(browser.comes_back(reply)) == (401, "sso_refused")


@pytest.mark.engines
def test_a_log_in_at_a_provider_that_nobody_here_wrote(own: TenantSite) -> None:
    """Signs in on the pages of npm's oidc-provider, which is then killed."""
    back = f"http://{own.site.subdomain}.localhost:{own.site.cloud.ports[US]}/v1/sso/callback"
    with ExitStack() as running:
        try:
            facts, process = running.enter_context(provider("oidc.mjs", redirect=back, idToken=False))
        except NotInstalled as error:
            pytest.skip(f"no provider here: {error}")
        connects_to(own, kind="oidc", issuer=facts["issuer"], client_id=CLIENT, client_secret=SECRET)
        browser = Browser(own.site)
        reply = dict(parse_qsl(urlsplit(fills_in_pages(browser.opens_login(), f"{back}?")).query))
        is_ann(own.site, browser.comes_back(reply))
        assert problem(browser.comes_back(reply)) == (401, "sso_refused")
        process.kill()
        process.wait()
        assert problem(own.site.ask("GET", "/v1/sso/login")) == (503, "sso_unavailable")


def test_a_log_in_by_saml_is_good_once(own: TenantSite, saml: PySaml) -> None:
    connects(own, saml)
    browser = Browser(own.site)
    posted = saml.logs_in(browser.opens_login())
    is_ann(own.site, browser.posts(posted))
    assert problem(browser.posts(posted)) == (401, "sso_refused")


def test_what_somebody_makes_of_a_saml_response_is_refused(own: TenantSite, saml: PySaml) -> None:
    connects(own, saml)
    browser = Browser(own.site)

    def brings(change: Callable[[bytes], bytes]) -> requests.Response:
        posted = saml.logs_in(browser.opens_login())
        return browser.posts(form(change(document_of(posted)), posted["RelayState"]))

    for number in range(3, 9):
        wrap = partial(wrapped, number=number, evil="admin@acme.example")
        assert problem(brings(wrap)) == (401, "sso_refused"), number
    assert problem(brings(lambda document: document.replace(b"ann@", b"eve@"))) == (401, "sso_refused")
    saml.signs = "nothing"
    assert problem(brings(lambda document: document)) == (401, "sso_refused")
    saml.signs = "response"
    is_ann(own.site, brings(lambda document: document))


def test_who_the_provider_remembers_shows_again_who_they_are(own: TenantSite, saml: PySaml) -> None:
    connects(own, saml)
    browser = Browser(own.site)

    def sets_up_a_factor(**query: str) -> requests.Response:
        entry = browser.posts(saml.logs_in(browser.opens_login(**query))).json()
        return Session(own.site, entry).asks("POST", "/v1/me/mfa/totp")

    assert problem(sets_up_a_factor()) == (403, "step_up_required")
    assert sets_up_a_factor(prompt="login").status_code == 200


def test_our_metadata_are_xml(own: TenantSite) -> None:
    answer = own.site.ask("GET", "/v1/sso/metadata")
    assert answer.headers["Content-Type"].startswith("application/samlmetadata+xml")
    assert f"{own.site.subdomain}.localhost" in answer.text and "/v1/sso/acs" in answer.text


def test_a_log_in_of_one_tenant_is_none_of_another(own: TenantSite, hooli: TenantSite, oidc: FakeOidc) -> None:
    connects(own, oidc)
    browser = Browser(own.site)
    reply = oidc.logs_in(browser.opens_login())
    assert problem(Browser(hooli.site, browser.cookies).comes_back(reply)) == (401, "sso_refused")


@pytest.mark.parametrize("kind", ["oidc", "saml"])
def test_while_the_provider_is_down_the_prepared_come_in_and_the_admins_are_told(
    own: TenantSite, request: pytest.FixtureRequest, kind: str
) -> None:
    provider: FakeOidc | PySaml = request.getfixturevalue(kind)
    member = own.invites("editor")
    connects(own, provider, enforced=True, fallback_users=[own.admin.user_id])

    def by_password(email: str) -> requests.Response:
        return own.site.ask("POST", "/v1/auth/login", json={"email": email, "password": PASSWORD})

    provider.stops()  # before anybody has asked: that it works would count for a minute
    answer = own.site.ask("GET", "/v1/sso/login")
    assert problem(answer) == (503, "sso_unavailable")
    assert by_password(own.admin.email).status_code == 200
    assert problem(by_password(member.email)) == (401, "invalid_credentials")

    def told() -> list[str]:
        return [str(mail) for mail in own.site.cloud.mailbox() if "has not answered" in str(mail)]

    own.site.cloud.eventually(lambda: any(own.admin.email in mail for mail in told()))
    assert sum(own.admin.email in mail for mail in told()) == 1
    assert not any(member.email in mail for mail in told())
