"""Groups of users. Folders and documents can be granted to a group."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MOST_MEMBERS = 5_000
MOST_OF_ONE = 95  # groups of one user: one call of 100 reads the grants to the groups, the user and everyone


@dataclass(frozen=True, slots=True)
class Group:
    """A group. ``external_id`` is the identity provider's id, '' for a group made here. ``members`` is their number."""

    id: str
    name: str
    external_id: str
    members: int
    created_at: datetime
    updated_at: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class GroupWithMembers:
    """A group with the ids of its members, in order. ``members`` is also empty if the caller did not ask for them."""

    group: Group
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupAttributes:
    """The attributes of a group that a provisioning system sets. ``members`` are user ids."""

    name: str
    external_id: str
    members: frozenset[str]
