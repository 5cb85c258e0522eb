"""What single sign-on needs from outside."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.core.audit import AuditRecord
from docplatform.identity.model import User
from docplatform.identity.ports import UserChanges
from docplatform.sso.model import AuthorizationRequest, Connection, DiagnosisStep, ExternalIdentity, Health, SsoAttempt


class SsoChanges(UserChanges, Protocol):
    """Changes that are stored and audited together, or not at all."""

    def connect(self, connection: Connection, *, before: int) -> None:
        """``before``: the revision that it replaces, 0 for none. Raises ChangedMeanwhile when committed."""

    def disconnect(self) -> None: ...

    def begin_attempt(self, attempt: SsoAttempt) -> None: ...

    def use_assertion(self, identity: ExternalIdentity) -> None:
        """Its assertion, for good. Raises SsoRefused when committed and it was spent before."""

    def link(self, identity: ExternalIdentity, user_id: str, *, before: str) -> None:
        """``before``: the user whom the subject was linked to, '' for none. Raises ChangedMeanwhile when committed and that is not so."""

    def update_from_provider(self, before: User, after: User) -> None:
        """Role, name and status. Raises ChangedMeanwhile when committed and the role or status is not as it was ``before``."""


class SsoStore(Protocol):
    """A tenant's connection and the log-ins under way."""

    def connection(self) -> tuple[Connection | None, Health | None]: ...

    def pop_attempt(self, state_hash: str) -> SsoAttempt | None:
        """It is gone afterwards: of two who ask, one gets it."""

    def linked(self, identity: ExternalIdentity) -> str:
        """The user's id, or ''."""

    def set_health(self, before: Health | None, after: Health, record: AuditRecord | None) -> bool:
        """False where somebody else was faster; then nothing is stored."""

    def begin(self) -> AbstractContextManager[SsoChanges]: ...

    def record(self, record: AuditRecord) -> None: ...


class Provider(Protocol):
    """A tenant's identity provider."""

    def authorization_request(self, state: str, *, reauthenticate: bool) -> AuthorizationRequest:
        """``anew``: whoever the provider remembers must show again who they are. Raises ProviderUnavailable."""

    def handle_callback(self, attempt: SsoAttempt, reply: Mapping[str, str], now: datetime) -> ExternalIdentity:
        """Who the reply is proof of. Raises ProviderRefused, ProviderUnavailable."""

    def diagnose(self) -> tuple[DiagnosisStep, ...]:
        """Everything that a log-in will need, up to the first thing that is missing."""

    def check(self) -> None:
        """Raises ProviderUnavailable when a log-in cannot succeed now."""


class OutageMail(Protocol):
    def sso_outage(self, email: str, *, organisation: str, since: datetime) -> None:
        """Raises MailNotSent."""
