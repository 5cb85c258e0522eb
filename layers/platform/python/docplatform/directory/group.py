"""Groups of people, to grant things to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MOST_MEMBERS = 5_000
MOST_OF_ONE = 95  # groups of one person: their grants are read in one call of 100, with the person's and everyone's


@dataclass(frozen=True, slots=True)
class Group:
    """``external_id`` is the identity provider's, empty for a group made here; ``members`` counts them."""

    id: str
    name: str
    external_id: str
    members: int
    created_at: datetime
    updated_at: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class GroupWithMembers:
    """``members`` are user ids in order; empty also where they were not asked for."""

    group: Group
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupAttributes:
    """What a provisioning system says of a group. ``members`` are user ids."""

    name: str
    external_id: str
    members: frozenset[str]
