"""Single sign-on: how a tenant is connected with its identity provider, and what that provider says of a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from docplatform.core.actor import Role
from docplatform.core.errors import Invalid

ATTEMPT_LIFE = timedelta(minutes=10)
DRIFT = timedelta(seconds=60)  # between two clocks
MOST_GROUPS, MOST_DOMAINS, MOST_FALLBACK_USERS = 200, 100, 20

_FRESH = timedelta(seconds=60)
_QUIET = timedelta(hours=1)  # a provider that comes and goes is one outage to those who get the mails

_RANK = (Role.VIEWER, Role.EDITOR, Role.ADMIN)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1035 §2.3.1
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")


class ProviderUnavailable(Exception):
    """The provider, or what is needed from it, cannot be reached or does not work. The text holds no secret."""


class ProviderRefused(Exception):
    """What came is not proof of anybody. The text names the reason, for the audit trail."""


class Kind(StrEnum):
    OIDC = "oidc"  # OpenID Connect Core 1.0, authorization code with PKCE
    SAML = "saml"  # SAML 2.0, web browser SSO profile, AuthnRequest by redirect, Response by POST


@dataclass(frozen=True, slots=True)
class Connection:
    """A tenant has one at most. ``issuer`` is OIDC's issuer or SAML's entity id of the provider.

    ``sealed_secret``: OIDC's client secret, encrypted; '' for a public client. SAML's ``metadata`` is the provider's document
    itself, ``metadata_url`` where it is read anew at every log-in; one of the two is given.
    ``domains``: those e-mail domains for which the provider may speak of accounts that are here already.
    ``roles``: the provider's groups → role. ``default_role``: of who is in none of them; None keeps them out.
    ``follow_groups``: its groups bring people into ours of the same name, and out again.
    ``mfa``: the provider sees to second factors, so that the platform asks for none.
    ``enforced``: passwords and passkeys are refused. ``fallback_users`` may use theirs while the provider is down."""

    kind: Kind
    issuer: str
    client_id: str = ""
    sealed_secret: str = field(default="", repr=False)
    metadata_url: str = ""
    metadata: str = ""
    groups_claim: str = "groups"
    domains: tuple[str, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)
    default_role: Role | None = Role.VIEWER
    follow_groups: bool = False
    mfa: bool = False
    enforced: bool = False
    fallback_users: tuple[str, ...] = ()
    revision: int = 1

    @property
    def has_secret(self) -> bool:
        return bool(self.sealed_secret)

    def owns(self, email: str) -> bool:
        """Whether the address's domain is one of the connection's own; a subdomain is another domain."""
        return email.rpartition("@")[2] in self.domains

    def role_of(self, groups: tuple[str, ...]) -> Role | None:
        """The highest of the groups' roles, or the default."""
        mapped = [self.roles[group] for group in groups if group in self.roles]
        return max(mapped, key=_RANK.index) if mapped else self.default_role

    def role_at_return(self, before: Role, groups: tuple[str, ...]) -> Role | None:
        """Of somebody who is here already: as the groups say; as it was where the connection knows no groups."""
        return self.role_of(groups) if self.roles else before


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """What a provider vouches for. ``subject`` is stable at ``issuer``; ``email`` is '' where it gave none. ``email_refuted``: it says
    itself that it has not verified the address. ``authenticated_at``: when it last saw for itself who they are; None: it does not say.
    ``assertion``: a SAML assertion's id, worthless after ``expires_at``."""

    issuer: str
    subject: str
    email: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()
    email_refuted: bool = False
    authenticated_at: datetime | None = None
    assertion: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SsoAttempt:
    """One log-in under way, found by the hash of the state that travels with the browser, and used once.

    ``browser_hash``: of the cookie of the browser that began it (RFC 9700 §4.7.1). ``revision``: the connection's.
    ``request``: what the answer must speak of, OIDC's nonce or the AuthnRequest's id. ``verifier``: PKCE's (RFC 7636).
    ``provider``: what the provider said of itself when the log-in began. ``anew``: it was asked to see for itself who it is, whatever
    it remembers."""

    state_hash: str
    browser_hash: str
    revision: int
    request: str
    verifier: str
    provider: Mapping[str, str | list[str]]
    expires_at: datetime
    reauthenticate: bool = False

    def is_answered_by(self, identity: ExternalIdentity) -> bool:
        """Whether its person was authenticated as this log-in asks for it."""
        begun = self.expires_at - ATTEMPT_LIFE
        return not self.reauthenticate or (
            identity.authenticated_at is not None and identity.authenticated_at >= begun - DRIFT
        )


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """Where the browser is sent, and what the attempt must remember."""

    address: str
    request: str
    verifier: str
    provider: Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Health:
    """Of the provider, when it was last looked at. ``since``: of the outage. ``told_at``: when the admins had a mail last."""

    down: bool
    checked_at: datetime
    since: datetime | None = None
    told_at: datetime | None = None

    def is_fresh(self, at: datetime) -> bool:
        return at - self.checked_at < _FRESH

    def should_notify(self, at: datetime) -> bool:
        """Whether the admins are to be told."""
        return self.down and (self.told_at is None or at - self.told_at >= _QUIET)


def next_health(before: Health | None, *, down: bool, at: datetime) -> Health:
    since = (before.since if before and before.down else at) if down else None
    return Health(down, at, since, before.told_at if before else None)


@dataclass(frozen=True, slots=True)
class DiagnosisStep:
    """One thing that a test of the connection looked at. ``detail`` holds no secret and nothing of what the other side answered
    beyond its status."""

    name: str
    ok: bool
    detail: str


def clean_domain(domain: str) -> str:
    """Raises Invalid."""
    domain = domain.strip().lower()
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        raise Invalid("Give domains such as 'acme.example', without '@' or '*'.")
    return domain
