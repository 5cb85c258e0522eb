"""Ports of the use cases for users."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from docplatform.core.actor import Role
from docplatform.core.audit import AuditRecord
from docplatform.core.errors import DomainError
from docplatform.core.idempotency import IdempotencyStore, IdempotencyWrites
from docplatform.core.tenant import Tenant
from docplatform.identity.credential_ports import CredentialChanges
from docplatform.identity.factors import Challenge
from docplatform.identity.model import Bearer, Invitation, Login, Reset, Session, User, UserStatus
from docplatform.identity.security_settings import SecuritySettings


class UserChanges(CredentialChanges, IdempotencyWrites, Protocol):
    """Changes of one transaction: all are stored and audited, or none."""

    def create_first_admin(self, admin: User) -> None:
        """Add the first user of a tenant. Raises ChangedMeanwhile when committed if another call has added one."""

    def add_user(self, user: User, *, most: int) -> None:
        """Add a user; ``most`` is the number of users that the plan allows. Raises EmailTaken, QuotaExceeded when
        committed."""

    def invite(self, invitation: Invitation) -> None: ...

    def accept(self, invitation: Invitation, user: User, *, name: str, password: str) -> None:
        """Activate the invited ``user``. ``password``: its hash. Raises InvalidInvitation when committed if it was used,
        or the user changed, meanwhile."""

    def keep_sender(self, user_id: str) -> None:
        """Require that the sender of an invitation is still an active admin. Raises InvalidInvitation when
        committed."""

    def set_sender(self, user_id: str, sender_id: str) -> None:
        """Name the sender of the newest invitation. Raises UserNotFound when committed."""

    def change_user(self, user: User, *, role: Role, status: UserStatus, sessions_since: datetime | None) -> None:
        """Store another role and status. ``sessions_since`` ends the sessions that began before it. Raises
        ChangedMeanwhile when committed if the stored role or status differs from that of ``user``."""

    def keep_admin(self, user_id: str) -> None:
        """Require that this user is still an active admin. Raises LastAdmin when committed."""

    def confirm_email(self, user: User) -> None:
        """Let the address of ``user`` recover the account from now on. Raises ChangedMeanwhile when committed if the user
        has another one by then."""

    def hold_access(self, user: User, error: DomainError) -> None:
        """Require that the user is active, and that neither sessions nor API keys were ended since ``user`` was read.
        Raises ``error`` when committed."""

    def end_sessions(
        self,
        user_id: str,
        at: datetime,
        *,
        api_keys: bool = False,
        as_read: User | None = None,
        error: DomainError | None = None,
    ) -> None:
        """End all sessions that are committed, and those whose user was last authenticated before ``at``; with
        ``api_keys`` also all API keys. ``as_read``: require the same of the user as ``hold_access``. Raises ``error`` when
        committed, by default UserNotFound."""

    def keep_session(self, session_id: str, at: datetime, user: User) -> None:
        """Let this session outlive the end of all sessions of ``user`` at ``at``, in the same transaction. Raises
        SessionNotFound when committed."""

    def authenticated(self, session_id: str, at: datetime, amr: tuple[str, ...]) -> None:
        """Record that the user of this session has just been authenticated. Raises SessionNotFound when committed."""

    def authenticated_and_kept(self, session_id: str, at: datetime, amr: tuple[str, ...], user: User) -> None:
        """Both of the above."""

    def open_session(self, session: Session) -> None: ...

    def renew_session(self, before: Session, after: Session) -> None:
        """Store another refresh secret. Raises InvalidRefreshToken when committed if it was exchanged meanwhile."""

    def close_session(self, session_id: str) -> None: ...

    def record(self, record: AuditRecord) -> None: ...


class People(Protocol):
    """The users and sessions of one tenant."""

    def user(self, user_id: str) -> User | None: ...

    def login_of(self, email: str) -> Login | None:
        """The login of the user with that address. The call takes the same time if there is none."""

    def login(self, user_id: str) -> Login | None: ...

    def user_id_of(self, email: str) -> str:
        """The id of the user with that address; '' if there is none."""

    def reset(self, user_id: str) -> Reset | None: ...

    def challenge(self, token_hash: str) -> Challenge | None: ...

    def security_settings(self) -> SecuritySettings: ...

    def users(self, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """Users in order of invitation, and the cursor of the next page. Raises InvalidCursor."""

    def invitation(self, token_hash: str) -> Invitation | None: ...

    def session(self, session_id: str) -> Session | None: ...

    def bearer(self, session_id: str, user_id: str) -> Bearer:
        """The session and the user that a token names, and the tenant's settings, read in one call."""

    def count_api_keys(self, user: User, at: datetime) -> int:
        """The number of the user's own API keys that are valid."""

    def sessions_of(self, user_id: str, *, limit: int, cursor: str) -> tuple[tuple[Session, ...], str]:
        """Sessions of the user, also those that have ended, the newest first, and the cursor of the next page. Raises
        InvalidCursor."""

    def idempotency(self, user_id: str, at: datetime) -> IdempotencyStore: ...

    def begin(self) -> AbstractContextManager[UserChanges]: ...

    def record(self, record: AuditRecord) -> None: ...


class Passwords(Protocol):
    def common(self, password: str) -> bool:
        """Whether the password is one of the most used."""

    def hash(self, password: str) -> str: ...

    def fits(self, password: str, hashed: str) -> bool:
        """Whether the password has this hash. The call takes the same time if ``hashed`` is ''."""

    def outdated(self, hashed: str) -> bool: ...


class PasswordPolicyGate(Protocol):
    """Decides whether passwords may be used, which single sign-on can forbid."""

    def check(self) -> None:
        """Raises SsoRequired if passwords are refused."""

    def admits(self, user: User) -> bool:
        """Whether this user may sign in with a right password. ``check`` is called before."""

    def check_first_password(self) -> None:
        """Raises SsoRequired if nobody may set a first password."""


class TokenIssuer(Protocol):
    def access_token(self, session: Session, user: User, now: datetime, life: timedelta) -> str: ...


class InvitationMail(Protocol):
    def invite(self, email: str, *, organisation: str, address: str, token: str, days: int) -> None:
        """Raises MailNotSent."""


class AccountMail(Protocol):
    def second_factor_reset(self, email: str, *, organisation: str, address: str) -> None:
        """Raises MailNotSent."""


class AddressMail(Protocol):
    def address_changed(self, email: str, *, organisation: str, address: str, hours: int) -> None:
        """``email``: the old one. ``hours``: until the new one recovers the account. Raises MailNotSent."""


class Registry(Protocol):
    """The registry of tenants, in the control plane's home region."""

    def by_subdomain(self, subdomain: str) -> Tenant | None: ...

    def by_id(self, tenant_id: str) -> Tenant | None: ...

    def add(self, tenant: Tenant) -> None:
        """Raises SubdomainTaken."""
