"""What the use cases around people need from outside."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.core.actor import Role
from docplatform.core.audit import AuditRecord
from docplatform.core.idempotency import IdempotencyStore, IdempotencyWrites
from docplatform.core.tenant import Tenant
from docplatform.identity.credential_ports import CredentialChanges
from docplatform.identity.factors import Challenge, SecuritySettings
from docplatform.identity.model import Invitation, Login, Reset, Session, User, UserStatus


class UserChanges(CredentialChanges, IdempotencyWrites, Protocol):
    """Changes that are stored and audited together, or not at all."""

    def create_first_admin(self, admin: User) -> None:
        """Raises ChangedMeanwhile, when committed, where another call has just founded the tenant."""

    def add_user(self, user: User, *, most: int) -> None:
        """Raises EmailTaken, QuotaExceeded when committed."""

    def invite(self, invitation: Invitation) -> None: ...

    def accept(self, invitation: Invitation, *, name: str, password: str) -> None:
        """Raises InvalidInvitation when committed."""

    def change_user(self, user: User, *, role: Role, status: UserStatus, sessions_since: datetime | None) -> None:
        """``sessions_since`` ends the sessions of before.
        Raises ChangedMeanwhile when committed and the user's role or status is another than ``user`` says."""

    def keep_admin(self, user_id: str) -> None:
        """Somebody else stays admin. Raises LastAdmin when committed and they do not."""

    def end_sessions(self, user_id: str, at: datetime) -> None:
        """All whose person was authenticated before. Raises UserNotFound when committed."""

    def authenticated(self, session_id: str, at: datetime, amr: tuple[str, ...]) -> None:
        """The person behind that session has just proved who they are. Raises SessionNotFound when committed."""

    def open_session(self, session: Session) -> None: ...

    def renew_session(self, before: Session, after: Session) -> None:
        """Raises InvalidRefreshToken when committed."""

    def close_session(self, session_id: str) -> None: ...

    def record(self, record: AuditRecord) -> None: ...


class People(Protocol):
    """The users and sessions of one tenant."""

    def user(self, user_id: str) -> User | None: ...

    def login_of(self, email: str) -> Login | None:
        """Of the user with that address; takes the same time when there is none."""

    def login(self, user_id: str) -> Login | None: ...

    def user_id_of(self, email: str) -> str:
        """'' when nobody has that address."""

    def reset(self, user_id: str) -> Reset | None: ...

    def challenge(self, token_hash: str) -> Challenge | None: ...

    def security_settings(self) -> SecuritySettings: ...

    def users(self, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """Raises InvalidCursor."""

    def invitation(self, token_hash: str) -> Invitation | None: ...

    def session(self, session_id: str) -> Session | None: ...

    def bearer(self, session_id: str, user_id: str) -> tuple[Session | None, User | None]:
        """Both at once."""

    def sessions_of(self, user_id: str) -> tuple[Session, ...]: ...

    def memory(self, user_id: str, at: datetime) -> IdempotencyStore: ...

    def begin(self) -> AbstractContextManager[UserChanges]: ...

    def record(self, record: AuditRecord) -> None: ...


class Passwords(Protocol):
    def common(self, password: str) -> bool:
        """Whether it is one of those that everybody knows."""

    def hash(self, password: str) -> str: ...

    def fits(self, password: str, hashed: str) -> bool:
        """In the same time whether ``hashed`` is empty or not."""

    def outdated(self, hashed: str) -> bool: ...


class PasswordPolicyGate(Protocol):
    """What stands before passwords in a tenant with single sign-on."""

    def check(self) -> None:
        """Raises SsoRequired where passwords are refused."""

    def admits(self, user: User) -> bool:
        """Whether somebody whose password is right may come in; asked after ``check``."""

    def check_first_password(self) -> None:
        """Raises SsoRequired where nobody may set a first password."""


class TokenIssuer(Protocol):
    def access_token(self, session: Session, user: User, now: datetime) -> str: ...


class InvitationMail(Protocol):
    def invite(self, email: str, *, organisation: str, address: str, token: str, days: int) -> None:
        """Raises MailNotSent."""


class AccountMail(Protocol):
    def second_factor_reset(self, email: str, *, organisation: str, address: str) -> None:
        """Raises MailNotSent."""


class Registry(Protocol):
    """The control plane's, in its home region."""

    def by_subdomain(self, subdomain: str) -> Tenant | None: ...

    def by_id(self, tenant_id: str) -> Tenant | None: ...

    def add(self, tenant: Tenant) -> None:
        """Raises SubdomainTaken."""
