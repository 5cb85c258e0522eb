"""Search collections of tenants, as the control plane sees them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CollectionState(StrEnum):
    CREATING = "creating"
    ACTIVE = "active"
    FAILED = "failed"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Collection:
    """``id``: as IAM and the collection's address name it."""

    id: str
    state: CollectionState
