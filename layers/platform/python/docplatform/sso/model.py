"""Single sign-on: the connection of a tenant with its identity provider, sign-ins under way, and the identities that
the provider asserts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from docplatform.core.actor import Role
from docplatform.core.errors import Invalid

ATTEMPT_LIFE = timedelta(minutes=10)
DRIFT = timedelta(seconds=60)  # that two clocks may differ
MOST_GROUPS, MOST_DOMAINS, MOST_FALLBACK_USERS = 200, 100, 20

_FRESH = timedelta(seconds=60)
_QUIET = timedelta(hours=1)  # at most one mail in this time, even if the provider comes and goes

_RANK = (Role.VIEWER, Role.EDITOR, Role.ADMIN)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1035 §2.3.1
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")


class ProviderUnavailable(Exception):
    """The provider, or something that it needs, cannot be reached or does not work. The text contains no secret."""


class ProviderBusy(ProviderUnavailable):
    """The provider answers that it has too many requests. It works, so this is no outage."""


class ProviderRefused(Exception):
    """The provider's answer authenticates nobody. The text names the reason, for the audit trail."""


class Kind(StrEnum):
    OIDC = "oidc"  # OpenID Connect Core 1.0, authorization code with PKCE
    SAML = "saml"  # SAML 2.0, web browser SSO profile, AuthnRequest by redirect, Response by POST


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection of a tenant with its identity provider; a tenant has at most one.

    ``issuer``: OIDC's issuer, or the entity id of the SAML provider. ``sealed_secret``: OIDC's client secret,
    encrypted; '' for a public client. SAML has either ``metadata`` (the provider's document itself) or ``metadata_url``
    (the document is fetched at every sign-in).

    ``domains``: e-mail domains in which the provider may take over accounts that exist already. In a domain that is in
    ``authoritative_domains`` too, or only there, the provider's addresses need no ``email_verified``: the organisation
    says that nobody can have another person's address there. ``roles``: the roles of the provider's groups.
    ``default_role``: the role of users in none of these groups; None refuses them.
    ``follow_groups``: users join and leave the groups here that have the names of their groups at the provider.

    ``mfa``: the provider asks for second factors itself, and the platform asks for none. ``enforced``: passwords and
    passkeys are refused. ``fallback_users`` may use theirs while the provider is down. ``links_complete``: every linked
    account of the tenant has the item that names its subject; earlier versions stored only the subject's item.
    """

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
    authoritative_domains: tuple[str, ...] = ()
    links_complete: bool = False

    @property
    def has_secret(self) -> bool:
        return bool(self.sealed_secret)

    def vouches(self, email: str, verified: bool | None) -> bool:
        """Whether an account with this address may be linked by it. A subdomain is another domain. ``verified``: what
        the provider says of the address, None if it says nothing. SAML has no word for it: there the ``domains`` are
        the organisation's statement that the provider's addresses are right."""
        domain = email.rpartition("@")[2]
        if verified is False:
            return False
        if domain in self.authoritative_domains:
            return True
        return domain in self.domains and (verified is True or self.kind is Kind.SAML)

    def role_of(self, groups: tuple[str, ...] | None) -> Role | None:
        """The highest role of these groups, or the default role. None: the provider does not say the groups."""
        mapped = [self.roles[group] for group in groups or () if group in self.roles]
        return max(mapped, key=_RANK.index) if mapped else self.default_role

    def role_at_return(self, before: Role, groups: tuple[str, ...] | None) -> Role | None:
        """The role of an existing user at a new sign-in: the role of the groups, or the same as before if the
        connection has no roles. Groups that the provider does not say are not an empty list: the role stays, unless
        users without a group are refused."""
        if not self.roles or (groups is None and self.default_role):
            return before
        return self.role_of(groups)


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """The identity that a provider asserts. ``subject`` is stable for the ``issuer``, and compared byte for byte;
    ``email`` is '' if there is none. ``groups`` is None if the provider does not say them, as many do above 200.
    ``email_verified``: what the provider says of that address, None if it says nothing. ``authenticated_at``: when the
    provider last authenticated the user; None if it does not say. ``assertion``: the id of a SAML assertion, which is invalid
    after ``expires_at``."""

    issuer: str
    subject: str
    email: str = ""
    name: str = ""
    groups: tuple[str, ...] | None = None
    email_verified: bool | None = None
    authenticated_at: datetime | None = None
    assertion: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SubjectLink:
    """The user whom a subject is linked to. ``mutual``: the account's item names the subject, too. In links of earlier
    versions it does not; the next sign-in stores it."""

    user_id: str
    mutual: bool


@dataclass(frozen=True, slots=True)
class LinkConflict:
    """A subject that was refused although the provider gives it the address of an account. An admin may link it."""

    user_id: str
    subject: str
    email: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AccountLink:
    """The link of an account with one subject of the connection's provider."""

    user_id: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class SsoAttempt:
    """One sign-in under way. It is found by the hash of the ``state`` parameter and used once.

    ``browser_hash``: hash of the cookie in the browser that began the sign-in (RFC 9700 §4.7.1). ``revision``: that of
    the connection. ``request``: what the answer must refer to, OIDC's nonce or the id of the AuthnRequest.
    ``verifier``: PKCE's code verifier (RFC 7636). ``provider``: the provider's metadata when the sign-in began.
    ``reauthenticate``: the provider must authenticate the user again, even if the user has a session there.
    """

    state_hash: str
    browser_hash: str
    revision: int
    request: str
    verifier: str
    provider: Mapping[str, str | list[str]]
    expires_at: datetime
    reauthenticate: bool = False

    def is_answered_by(self, identity: ExternalIdentity) -> bool:
        """Whether the user was authenticated again, if this sign-in demands it."""
        begun = self.expires_at - ATTEMPT_LIFE
        return not self.reauthenticate or (
            identity.authenticated_at is not None and identity.authenticated_at >= begun - DRIFT
        )


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The address that the browser is sent to, and the data that the attempt must keep."""

    address: str
    request: str
    verifier: str
    provider: Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the provider when it was last checked. ``since``: start of the outage. ``told_at``: when the admins
    last got a mail about it."""

    down: bool
    checked_at: datetime
    since: datetime | None = None
    told_at: datetime | None = None

    def is_fresh(self, at: datetime) -> bool:
        return at - self.checked_at < _FRESH

    def should_notify(self, at: datetime) -> bool:
        """Whether the admins are to be notified now."""
        return self.down and (self.told_at is None or at - self.told_at >= _QUIET)


def next_health(before: Health | None, *, down: bool, at: datetime) -> Health:
    since = (before.since if before and before.down else at) if down else None
    return Health(down, at, since, before.told_at if before else None)


@dataclass(frozen=True, slots=True)
class DiagnosisStep:
    """One step of a connection's test. ``detail`` contains no secret, and nothing of the provider's answer except its
    status."""

    name: str
    ok: bool
    detail: str


def is_unicode(text: str) -> bool:
    """Whether the text has no lone surrogate, which JSON can hold and UTF-8 cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def clean_domain(domain: str) -> str:
    """Raises Invalid."""
    domain = domain.strip().lower()
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        raise Invalid("Give domains such as 'acme.example', without '@' or '*'.")
    return domain
