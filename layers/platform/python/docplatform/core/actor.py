"""The actor of a request: the user, the tenant and the permissions."""

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
    """The user of one request, in one tenant. An actor always has a tenant, and the tenant never changes.

    ``scopes``: for a request with an API key, the permissions that the key allows out of the role's; None for a
    session. ``session_id`` is then the id of the key."""

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
        """Raises SessionNeeded for an API key. An API key must not create keys or change passwords and sessions."""
        if self.scopes is not None:
            raise SessionNeeded("An API key does not do this; log in.")

    def require(self, permission: Permission) -> None:
        """Raises Forbidden if the actor does not have ``permission``."""
        if self.may(permission):
            return
        if permission in PERMISSIONS[self.role]:
            raise Forbidden(f"This needs the scope '{permission}', which the API key does not have.")
        raise Forbidden(
            f"This needs the permission '{permission}', which the role '{self.role}' does not have. Ask an admin of your organisation."
        )


SYSTEM_USER = "system"


def system(tenant: Tenant, purpose: str, request_id: str) -> Actor:
    """The platform as an actor for a tenant (processing, schedules). The audit trail records ``purpose`` in place of
    a session."""
    return Actor(tenant, SYSTEM_USER, purpose, Role.ADMIN, request_id)
