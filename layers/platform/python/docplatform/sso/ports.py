"""Ports of single sign-on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from docplatform.core.audit import AuditRecord
from docplatform.identity.model import User
from docplatform.identity.ports import UserChanges
from docplatform.sso.model import (
    AuthorizationRequest,
    Connection,
    DiagnosisStep,
    ExternalIdentity,
    Health,
    LinkConflict,
    SsoAttempt,
    SubjectLink,
)


@dataclass(frozen=True, slots=True)
class MovedLink:
    """``old_subject``: the hash of the account's subject, '' if the account has none. ``groups``: those that the old
    subject joined by group sync. ``taken_by``: the user whom the new subject is linked to, '' if none."""

    old_subject: str
    groups: tuple[str, ...]
    taken_by: str


class SsoChanges(UserChanges, Protocol):
    """Changes of one transaction: all are stored and audited, or none."""

    def connect(self, connection: Connection, *, before: int) -> None:
        """Store a connection. ``before``: the revision that it replaces, 0 if there is none. Raises ChangedMeanwhile
        when committed."""

    def disconnect(self, connection: Connection) -> None: ...

    def begin_attempt(self, attempt: SsoAttempt) -> None: ...

    def use_assertion(self, identity: ExternalIdentity) -> None:
        """Mark the identity's assertion as used. Raises SsoRefused when committed if it was used before."""

    def link(self, identity: ExternalIdentity, user_id: str, *, before: SubjectLink | None, at: datetime) -> None:
        """Link the subject to a user, or check that the link still stands. ``before``: the subject's link as it was
        read. Raises when committed: ChangedMeanwhile if that has changed, SsoAccountLinked if the account is linked to
        another subject of the issuer."""

    def move_link(self, issuer: str, user_id: str, subject: str, moved: MovedLink, at: datetime) -> None:
        """Link the account to this subject in place of any other one. Raises ChangedMeanwhile when committed."""

    def hold_connection(self, connection: Connection) -> None:
        """Require that the connection is still this one. Raises ChangedMeanwhile when committed."""

    def hand_over(self, user: User, at: datetime) -> None:
        """End all sessions and API keys of the account. Raises ChangedMeanwhile when committed if it has another address,
        role or status by then, or is gone."""

    def update_from_provider(self, before: User, after: User) -> None:
        """Store role, name and status. Raises ChangedMeanwhile when committed if the stored role or status differs from
        that of ``before``."""


class SsoStore(Protocol):
    """A tenant's connection and the sign-ins under way."""

    def connection(self) -> tuple[Connection | None, Health | None]: ...

    def pop_attempt(self, state_hash: str) -> SsoAttempt | None:
        """Return the attempt and delete it, so that only one caller gets it."""

    def linked(self, identity: ExternalIdentity) -> SubjectLink | None:
        """The link of the subject; None if there is none."""

    def link_to_move(self, issuer: str, user_id: str, subject: str) -> MovedLink:
        """What the move of an account's link to ``subject`` changes."""

    def report_conflict(self, identity: ExternalIdentity, conflict: LinkConflict, record: AuditRecord) -> bool:
        """Store the conflict for the admins, with the audit record. Returns whether they are to be told now: not within
        an hour of the last mail."""

    def conflicts(self) -> tuple[LinkConflict, ...]:
        """At most a hundred conflicts of the last thirty days, the newest first."""

    def set_health(self, before: Health | None, after: Health, record: AuditRecord | None) -> bool:
        """Store the provider's state. Returns False, and stores nothing, if somebody else has changed it first."""

    def begin(self) -> AbstractContextManager[SsoChanges]: ...

    def record(self, record: AuditRecord) -> None: ...


class Provider(Protocol):
    """A tenant's identity provider."""

    def authorization_request(self, state: str, *, reauthenticate: bool) -> AuthorizationRequest:
        """Build the address of the sign-in page. ``reauthenticate``: the provider must authenticate the user again.
        Raises ProviderUnavailable."""

    def handle_callback(self, attempt: SsoAttempt, reply: Mapping[str, str], now: datetime) -> ExternalIdentity:
        """The identity that the reply proves. Raises ProviderRefused, ProviderUnavailable."""

    def diagnose(self) -> tuple[DiagnosisStep, ...]:
        """All that a sign-in needs, step by step, up to the first failure that stops the test."""

    def check(self) -> None:
        """Raises ProviderUnavailable if a sign-in cannot succeed now."""


class OutageMail(Protocol):
    def sso_outage(self, email: str, *, organisation: str, since: datetime) -> None:
        """Raises MailNotSent."""

    def sso_conflict(self, email: str, *, organisation: str) -> None:
        """Tell an admin that a person was refused because of a link. Raises MailNotSent."""
