"""Schemas of single sign-on."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from docplatform.core.actor import Role
from docplatform.http.schemas import Form, LenientSchema, Schema, Timestamp, View
from docplatform.sso.model import Connection, DiagnosisStep, Kind

Address = Annotated[str, Field(max_length=2000)]
Printable = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[\x21-\x7e]*$")]
State = Annotated[str, Field(min_length=1, max_length=200)]
Claim = Annotated[str, Field(min_length=1, max_length=300)]


class Login(Schema):
    """``prompt``: ``login`` has the provider ask anew who it is (OpenID Connect Core 1.0 §3.1.2.1; SAML's ForceAuthn)."""

    prompt: Literal["login"] | None = None


class Callback(LenientSchema):
    """RFC 6749 §4.1.2, RFC 9207."""

    state: State
    code: Annotated[str, Field(max_length=4000)] = ""
    error: Annotated[str, Field(max_length=200)] = ""
    iss: Address = ""


class SamlPost(Form):
    """saml-bindings-2.0-os §3.5."""

    SAMLResponse: Annotated[str, Field(min_length=1, max_length=400_000)]
    RelayState: State


class NewConnection(Schema):
    """``issuer``: OIDC's issuer, or the SAML provider's entity id. OIDC: ``client_id`` and, unless the client is public,
    ``client_secret``; without it the one that is kept stays. SAML: ``metadata_url``, or ``metadata`` itself.

    ``domains``: e-mail domains of accounts that are here already and may be taken over by the provider, if it says that it has
    verified the address. ``authoritative_domains``: the same, where nobody at the provider can have another person's address, so
    that it need not say so. ``roles``: the provider's
    groups (claim or attribute ``groups_claim``) → role, applied at every log-in; ``default_role`` for who is in none, null keeps
    them out. ``follow_groups``: the groups also bring people into those of the same name here, and out again. ``mfa``: the provider
    sees to second factors, and the platform asks for none. ``enforced``: passwords and passkeys are refused, except that
    ``fallback_users`` may use theirs while the provider is down."""

    kind: Kind
    issuer: Annotated[str, Field(min_length=1, max_length=1000, examples=["https://login.acme.example"])]
    client_id: Printable = ""
    client_secret: Printable | None = None
    metadata_url: Address = ""
    metadata: Annotated[str, Field(max_length=100_000)] = ""
    groups_claim: Claim = "groups"
    domains: list[Annotated[str, Field(max_length=253)]] = []
    authoritative_domains: list[Annotated[str, Field(max_length=253)]] = []
    roles: dict[Claim, Role] = {}
    default_role: Role | None = Role.VIEWER
    follow_groups: bool = False
    mfa: bool = False
    enforced: bool = False
    fallback_users: list[Annotated[str, Field(max_length=40)]] = []

    @property
    def connection(self) -> Connection:
        """The connection without the client secret, which is encrypted separately."""
        fields = self.model_dump(exclude={"client_secret"})
        lists = ("domains", "authoritative_domains", "fallback_users")
        return Connection(**fields | {name: tuple(fields[name]) for name in lists})


class ConnectionView(View):
    """The secret is never shown; ``has_secret`` says whether there is one."""

    kind: Kind
    issuer: str
    client_id: str
    has_secret: bool
    metadata_url: str
    metadata: str
    groups_claim: str
    domains: list[str]
    authoritative_domains: list[str]
    roles: dict[str, Role]
    default_role: Role | None
    follow_groups: bool
    mfa: bool
    enforced: bool
    fallback_users: list[str]


class StepView(View):
    name: str
    ok: bool
    detail: str


class TestResult(Schema):
    ok: bool
    steps: list[StepView]

    @staticmethod
    def of(steps: tuple[DiagnosisStep, ...]) -> "TestResult":
        views = [StepView.model_validate(step) for step in steps]
        return TestResult(ok=all(view.ok for view in views), steps=views)


class ConflictView(View):
    """A person whom the provider has authenticated with the address of an account (``user_id``), and who was refused."""

    user_id: str
    subject: str
    email: str
    reason: str
    at: Timestamp


class ConflictList(Schema):
    items: list[ConflictView]


class NewLink(Schema):
    """``subject``: the person's identifier at the provider, exactly as it sends it: OIDC's ``sub``, SAML's NameID."""

    subject: Annotated[str, Field(min_length=1, max_length=1000)]


class LinkView(View):
    user_id: str
    linked_at: Timestamp
