"""Users as a provisioning system sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from docplatform.core.actor import Role
from docplatform.directory.group import Group
from docplatform.identity.model import User


@dataclass(frozen=True, slots=True)
class UserAttributes:
    """What a provisioning system says of a user. ``email`` may be empty: then they log in by SSO only. ``kept`` is what it wants back as
    it gave it (JSON)."""

    user_name: str
    email: str
    name: str
    role: Role
    active: bool
    external_id: str
    kept: str


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A user with the rest. One who was invited has no ``kept`` and revision 0."""

    user: User
    user_name: str
    external_id: str
    kept: str
    updated_at: datetime
    revision: int
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class UserWithGroups:
    """A user as a provisioning system reads it: with the groups, in order of their ids."""

    entry: DirectoryEntry
    groups: tuple[Group, ...]
