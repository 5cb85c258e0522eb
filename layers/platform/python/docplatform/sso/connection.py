"""The tenant's connection with its identity provider: reading, setting and testing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from docplatform.core.actor import Actor
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import ChangedMeanwhile, Invalid, raised_by, raises
from docplatform.identity.credential_ports import Secrets
from docplatform.identity.model import UserStatus
from docplatform.identity.ports import People
from docplatform.sso.errors import SsoNotConnected
from docplatform.sso.model import (
    MOST_DOMAINS,
    MOST_FALLBACK_USERS,
    MOST_GROUPS,
    Connection,
    DiagnosisStep,
    Kind,
    ProviderUnavailable,
    clean_domain,
)
from docplatform.sso.ports import Provider, SsoStore

CLIENT_SECRET = "sso-client-secret"  # the purpose that the encryption is bound to


class ConnectionService:
    def __init__(
        self,
        actor: Actor,
        store: SsoStore,
        people: People,
        secrets: Secrets,
        provider: Callable[[Connection], Provider],
        now: Callable[[], datetime],
    ) -> None:
        self._actor, self._store, self._people = actor, store, people
        self._secrets, self._provider, self._now = secrets, provider, now

    @raises(SsoNotConnected)
    def read(self) -> Connection:
        connection, _ = self._store.connection()
        if connection is None:
            raise SsoNotConnected("PUT /v1/sso-connection makes one.")
        return connection

    @raises(Invalid, ChangedMeanwhile)
    def connect(self, wanted: Connection, client_secret: str | None) -> Connection:
        """Replace the connection as a whole. ``client_secret``: None keeps the stored one. A connection that does not
        work cannot be enforced (Invalid)."""
        before, _ = self._store.connection()
        _check(wanted, client_secret)
        self._check_fallback(wanted)
        connection = replace(
            wanted,
            sealed_secret=self._secret(wanted, client_secret, before),
            domains=tuple(dict.fromkeys(clean_domain(each) for each in wanted.domains)),
            fallback_users=tuple(dict.fromkeys(wanted.fallback_users)),
            revision=before.revision + 1 if before else 1,
            authoritative_domains=tuple(dict.fromkeys(clean_domain(each) for each in wanted.authoritative_domains)),
            links_complete=before.links_complete if before else True,
        )
        if connection.enforced:
            self._check_provider(connection)
        with self._store.begin() as changes:
            changes.connect(connection, before=before.revision if before else 0)
            facts: AuditFacts = {
                "kind": connection.kind.value,
                "follow_groups": connection.follow_groups,
                "mfa": connection.mfa,
                "enforced": connection.enforced,
                "domains": list(connection.domains),
                "authoritative_domains": list(connection.authoritative_domains),
                "fallback_users": list(connection.fallback_users),
                "default_role": connection.default_role.value if connection.default_role else "",
            }
            changes.record(record_of(self._actor, Action.SSO_CONNECTED, self._actor.tenant.id, self._now(), facts))
        return connection

    @raises(*raised_by(read))
    def disconnect(self) -> None:
        """End the connection. Users who signed in through it stay members; they can ask for a password by mail."""
        before = self.read()
        with self._store.begin() as changes:
            changes.disconnect(before)
            changes.record(record_of(self._actor, Action.SSO_DISCONNECTED, self._actor.tenant.id, self._now()))

    @raises(*raised_by(read))
    def test(self) -> tuple[DiagnosisStep, ...]:
        """Test the connection: each step of a sign-in, with its result."""
        steps = self._provider(self.read()).diagnose()
        facts: AuditFacts = {"failed": [step.name for step in steps if not step.ok]}
        self._store.record(record_of(self._actor, Action.SSO_TESTED, self._actor.tenant.id, self._now(), facts))
        return steps

    def _secret(self, wanted: Connection, client_secret: str | None, before: Connection | None) -> str:
        """The encrypted client secret. A secret that was given for another provider is never sent to this one. Raises
        Invalid."""
        if client_secret is not None:
            return self._secrets.encrypt(client_secret, CLIENT_SECRET) if client_secret else ""
        if wanted.kind is Kind.SAML or before is None or not before.sealed_secret:
            return ""
        if (before.kind, before.issuer, before.client_id) != (wanted.kind, wanted.issuer, wanted.client_id):
            raise Invalid("Give client_secret again: the one that is kept is of another provider or client.")
        return before.sealed_secret

    def _check_fallback(self, wanted: Connection) -> None:
        """Raises Invalid."""
        for user_id in wanted.fallback_users:
            found = self._people.login(user_id)
            if found is None or found.user.status is not UserStatus.ACTIVE or not found.password:
                raise Invalid("fallback_users are active users who have a password.")

    def _check_provider(self, connection: Connection) -> None:
        """Check that the provider works: an enforced connection that never worked would lock everybody out. Raises
        Invalid."""
        try:
            self._provider(connection).check()
        except ProviderUnavailable as down:
            raise Invalid(f"It cannot be enforced, because it does not work: {down}") from down


def _check(wanted: Connection, client_secret: str | None) -> None:
    """Raises Invalid."""
    if len(wanted.roles) > MOST_GROUPS or max(len(wanted.domains), len(wanted.authoritative_domains)) > MOST_DOMAINS:
        raise Invalid(f"Give at most {MOST_GROUPS} groups and {MOST_DOMAINS} domains.")
    if len(wanted.fallback_users) > MOST_FALLBACK_USERS:
        raise Invalid(f"Give at most {MOST_FALLBACK_USERS} fallback_users.")
    if not wanted.issuer:
        raise Invalid("Give the issuer: OIDC's issuer URL, or the entity id of the SAML provider.")
    if wanted.kind is Kind.OIDC:
        if not wanted.client_id or wanted.metadata or wanted.metadata_url:
            raise Invalid("OIDC takes issuer and client_id, and no SAML metadata.")
    elif wanted.client_id or client_secret or bool(wanted.metadata) == bool(wanted.metadata_url):
        raise Invalid("SAML takes either metadata_url or metadata, and no client.")
