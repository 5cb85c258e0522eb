"""The actor of a request: who acts, in which tenant, with which permissions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from docplatform.core.errors import Forbidden, SessionNeeded
from docplatform.core.tenant import Tenant


class Role(StrEnum):
    """A member's role in the tenant."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a role holds and what the scopes of an API key are made of."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    SEARCH = "search"
    MANAGE_USERS = "manage-users"
    AUDIT = "audit"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.READ, Permission.SEARCH}),
    Role.EDITOR: frozenset({Permission.READ, Permission.SEARCH, Permission.WRITE, Permission.DELETE}),
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something in a tenant, in one request. There is no actor without a tenant, and it never changes.

    Who comes with an API key has ``scopes``, which narrow the role, and the key's id for a session."""

    tenant: Tenant
    user_id: str
    session_id: str
    role: Role
    request_id: str
    scopes: frozenset[Permission] | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        held = PERMISSIONS[self.role]
        return held if self.scopes is None else held & self.scopes

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require_session(self) -> None:
        """Raises SessionNeeded for an API key: it makes no keys, and touches no password and no session."""
        if self.scopes is not None:
            raise SessionNeeded("An API key does not do this; log in.")

    def require(self, permission: Permission) -> None:
        """Raises Forbidden."""
        if self.may(permission):
            return
        if permission in PERMISSIONS[self.role]:
            raise Forbidden(f"This needs the scope '{permission}', which the API key does not have.")
        raise Forbidden(
            f"This needs the permission '{permission}', which the role '{self.role}' does not have. Ask an admin of your organisation."
        )


SYSTEM_USER = "system"


def system(tenant: Tenant, purpose: str, request_id: str) -> Actor:
    """The platform acting for a tenant (processing, schedules). ``purpose`` stands where the session would in the audit trail."""
    return Actor(tenant, SYSTEM_USER, purpose, Role.ADMIN, request_id)
