"""People, their roles, and for whom a request acts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from docplatform.domain.errors import Forbidden, Invalid, WeakPassword
from docplatform.domain.tenants import Tenant


class Role(StrEnum):
    """A member's role in the tenant."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


class Permission(StrEnum):
    READ = "read"
    WRITE = "write"
    MANAGE_USERS = "manage-users"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.READ}),
    Role.EDITOR: frozenset({Permission.READ, Permission.WRITE}),
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something in a tenant, in one request. There is no actor without a tenant, and it never changes."""

    tenant: Tenant
    user_id: str
    session_id: str
    role: Role
    request_id: str

    def require(self, permission: Permission) -> None:
        """Raises Forbidden."""
        if permission not in PERMISSIONS[self.role]:
            raise Forbidden(
                f"This needs the permission '{permission}', which the role '{self.role}' does not have. Ask an admin of your organisation."
            )


SYSTEM_USER = "system"


def system(tenant: Tenant, errand: str, request_id: str) -> Actor:
    """The platform acting for a tenant (processing, schedules). ``errand`` stands where the session would in the audit trail."""
    return Actor(tenant, SYSTEM_USER, errand, Role.ADMIN, request_id)


class UserStatus(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str
    name: str
    role: Role
    status: UserStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """``secret_hash`` is of the refresh token in force, ``former_hash`` of the one before: who shows that has a stolen copy, or is robbed.
    ``address`` and ``agent`` are of the log-in."""

    id: str
    user_id: str
    secret_hash: str
    former_hash: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """Only the hash of its token is kept. It is worth one password, once, until ``expires_at``."""

    token_hash: str
    user_id: str
    expires_at: datetime


_EMAIL = re.compile(r"[^@\s\"<>()\[\],;:\\]{1,64}@[^@\s\"<>()\[\],;:\\]{1,255}\.[^@\s.]{2,63}")

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256


def clean_email(email: str) -> str:
    """The address as it is compared: NFC, lower case. Raises Invalid. (RFC 5321 allows more; nobody uses it.)"""
    email = unicodedata.normalize("NFC", email).strip().lower()
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        raise Invalid("That is not an e-mail address.")
    return email


def check_password(password: str, *, email: str) -> None:
    """Length over composition (NIST SP 800-63B §5.1.1.2). Raises WeakPassword."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise WeakPassword(f"Use {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; a sentence is easy to remember.")
    if len(set(password)) < 5 or (email.split("@")[0] in password.lower() and len(password) < 16):
        raise WeakPassword(
            "Use something that is harder to guess: not one character again and again, not your address."
        )
