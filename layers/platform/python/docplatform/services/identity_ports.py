"""What the use cases around people need from outside."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.domain.audit import AuditRecord
from docplatform.domain.identity import Invitation, Session, User
from docplatform.domain.tenants import Tenant


class PeopleWork(Protocol):
    """Changes that are stored and audited together, or not at all."""

    def found(self, tenant: Tenant, admin: User) -> None:
        """Raises EmailTaken when the tenant has been founded before."""

    def add_user(self, user: User, *, most: int) -> None:
        """Raises EmailTaken, QuotaExceeded when committed."""

    def invite(self, invitation: Invitation) -> None: ...

    def accept(self, invitation: Invitation, *, name: str, password: str) -> None:
        """Raises InvalidInvitation when committed."""

    def set_password(self, user_id: str, password: str) -> None: ...

    def open_session(self, session: Session) -> None: ...

    def renew_session(self, before: Session, after: Session) -> None:
        """Raises InvalidRefreshToken when committed."""

    def close_session(self, session_id: str) -> None: ...

    def record(self, record: AuditRecord) -> None: ...


class People(Protocol):
    """The users and sessions of one tenant."""

    def user(self, user_id: str) -> User | None: ...

    def login_of(self, email: str) -> tuple[User, str] | None:
        """The user with that address and the password's hash."""

    def users(self, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """Raises InvalidCursor."""

    def invitation(self, token_hash: str) -> Invitation | None: ...

    def session(self, session_id: str) -> Session | None: ...

    def sessions_of(self, user_id: str) -> tuple[Session, ...]: ...

    def begin(self) -> AbstractContextManager[PeopleWork]: ...

    def record(self, record: AuditRecord) -> None: ...


class Passwords(Protocol):
    def hash(self, password: str) -> str: ...

    def fits(self, password: str, hashed: str) -> bool:
        """In the same time whether ``hashed`` is empty or not."""

    def outdated(self, hashed: str) -> bool: ...


class TokenIssuer(Protocol):
    def access_token(self, session: Session, user: User, now: datetime) -> str: ...


class Mail(Protocol):
    def invite(self, email: str, *, organisation: str, address: str, token: str, days: int) -> None: ...
