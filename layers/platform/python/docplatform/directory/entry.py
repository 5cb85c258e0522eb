"""Users as a provisioning system (SCIM) reads and writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from docplatform.core.actor import Role
from docplatform.directory.group import Group
from docplatform.identity.model import User


@dataclass(frozen=True, slots=True)
class UserAttributes:
    """The attributes of a user that a provisioning system sets. A user with an empty ``email`` can log in by SSO only.
    ``kept`` is the resource as the system sent it, as JSON text, to be returned unchanged."""

    user_name: str
    email: str
    name: str
    role: Role
    active: bool
    external_id: str
    kept: str


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A user with the attributes of the provisioning system. For an invited user ``kept`` is '' and ``revision`` is
    0. ``account_revision`` counts the changes of role, status and name that were made elsewhere than by SCIM."""

    user: User
    user_name: str
    external_id: str
    kept: str
    updated_at: datetime
    revision: int
    groups: frozenset[str]
    account_revision: int = 0

    @property
    def version(self) -> int:
        """Grows with each change of the user, for the ETag."""
        return self.revision + self.account_revision


@dataclass(frozen=True, slots=True)
class UserWithGroups:
    """A user with the groups, in order of their ids."""

    entry: DirectoryEntry
    groups: tuple[Group, ...]
