"""HTTP routes for single sign-on: parse, delegate, present."""

from docplatform.authentication.sso_sign_in import SsoService, Start
from docplatform.authentication.views import Tokens, device_of, tokens_of
from docplatform.authentication.wiring.recent_login import require_recent_login
from docplatform.authentication.wiring.sso import connection, links, metadata, sign_on
from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action
from docplatform.core.tenant import Tenant
from docplatform.core.token_hash import digest
from docplatform.http.consequence import Consequence
from docplatform.http.cookies import cookie, set_cookie
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Response
from docplatform.identity.wiring.authority import authority_of
from docplatform.runtime.metrics import Metric, SignInMethod, count
from docplatform.sso.connection import ConnectionService
from docplatform.sso.links import AccountLinks
from docplatform.sso.model import ATTEMPT_LIFE, Kind

from .schemas import (
    Callback,
    ConflictList,
    ConflictView,
    ConnectionView,
    LinkView,
    Login,
    NewConnection,
    NewLink,
    SamlPost,
    TestResult,
)

api = Router(authorities=authority_of)

_COOKIE = "docplatform-sso"


def _sign_on(tenant: Tenant, request: Request) -> SsoService:
    device = device_of(tenant, request)
    return sign_on(tenant, request_id=request.id, address=request.address, agent=request.agent, device=device)


@api.get("/v1/sso/login", status=302, use_case=SsoService.begin)
def begin_sso(tenant: Tenant, query: Login, request: Request) -> Response:
    """Go to the organisation's identity provider. To be opened in a browser, which comes back within ten minutes."""
    start = _sign_on(tenant, request).begin(reauthenticate=query.prompt == "login")
    return Response(headers={"Location": start.address, "Set-Cookie": _cookie(tenant, start)})


@api.get("/v1/sso/callback", response=Tokens, use_case=SsoService.finish)
def finish_oidc(tenant: Tenant, query: Callback, request: Request) -> Response:
    """Where an OpenID Connect provider sends the browser back to."""
    reply = {"code": query.code, "error": query.error, "iss": query.iss}
    browser = cookie(tenant, request, _cookie_name(query.state))
    issued = _sign_on(tenant, request).finish(Kind.OIDC, query.state, browser, reply)
    count(Metric.SIGN_INS, by=SignInMethod.OIDC)
    return tokens_of(tenant, issued)


@api.post("/v1/sso/acs", response=Tokens, use_case=SsoService.finish)
def finish_saml(tenant: Tenant, body: SamlPost, request: Request) -> Response:
    """Where a SAML provider lets the browser post its response to."""
    reply, browser = {"SAMLResponse": body.SAMLResponse}, cookie(tenant, request, _cookie_name(body.RelayState))
    issued = _sign_on(tenant, request).finish(Kind.SAML, body.RelayState, browser, reply)
    count(Metric.SIGN_INS, by=SignInMethod.SAML)
    return tokens_of(tenant, issued)


@api.get("/v1/sso/metadata", response="application/samlmetadata+xml", audit_action=Action.SSO_METADATA_READ)
def sso_metadata(tenant: Tenant) -> Response:
    """The platform as a SAML service provider, for the provider's admin."""
    return Response(text=metadata(tenant))


@api.get(
    "/v1/sso-connection",
    response=ConnectionView,
    permission=Permission.MANAGE_USERS,
    use_case=ConnectionService.read,
    audit_action=Action.SSO_CONNECTION_READ,
)
def read_sso_connection(actor: Actor) -> ConnectionView:
    """The organisation's connection with its identity provider."""
    return ConnectionView.model_validate(connection(actor).read())


@api.put(
    "/v1/sso-connection",
    response=ConnectionView,
    permission=Permission.MANAGE_USERS,
    use_case=ConnectionService.connect,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def set_sso_connection(actor: Actor, body: NewConnection) -> ConnectionView:
    """Connect the organisation with its identity provider, in place of any connection there is."""
    return ConnectionView.model_validate(connection(actor).connect(body.connection, body.client_secret))


@api.delete(
    "/v1/sso-connection",
    status=204,
    permission=Permission.MANAGE_USERS,
    use_case=ConnectionService.disconnect,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def remove_sso_connection(actor: Actor) -> None:
    """End the connection. Members stay; who has no password cannot log in any more."""
    connection(actor).disconnect()


@api.post(
    "/v1/sso-connection/test",
    response=TestResult,
    permission=Permission.MANAGE_USERS,
    use_case=ConnectionService.test,
    consequence=Consequence.NONE,
)
def test_sso_connection(actor: Actor) -> TestResult:
    """Look at everything that a log-in would need, step by step."""
    return TestResult.of(connection(actor).test())


@api.get(
    "/v1/sso-connection/conflicts",
    response=ConflictList,
    permission=Permission.MANAGE_USERS,
)
def list_sso_conflicts(actor: Actor) -> ConflictList:
    """People who were refused because the account of their address is not linked to them, the newest first."""
    return ConflictList(items=[ConflictView.model_validate(each) for each in links(actor).conflicts()])


@api.put(
    "/v1/sso-connection/links/{user_id}",
    response=LinkView,
    permission=Permission.MANAGE_USERS,
    use_case=AccountLinks.move,
    step_up=require_recent_login,
    consequence=Consequence.CRITICAL,
)
def move_sso_link(actor: Actor, user_id: str, body: NewLink) -> LinkView:
    """Link an account to another person at the provider. The account's sessions end."""
    return LinkView.model_validate(links(actor).move(user_id, body.subject))


def _cookie(tenant: Tenant, start: Start) -> str:
    """The cookie that ties the attempt to the browser. The provider's page returns to the platform by a link
    (OIDC) or by a form (SAML)."""
    by_form = start.kind is Kind.SAML
    return set_cookie(tenant, _cookie_name(start.state), start.browser, ATTEMPT_LIFE, cross_site_form=by_form)


def _cookie_name(state: str) -> str:
    """The cookie's name, one for each attempt: log-ins begun in two tabs do not end each other."""
    return f"{_COOKIE}-{digest(state)[:16]}"


handler = api.handler
