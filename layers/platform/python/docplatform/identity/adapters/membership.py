"""A user's groups as attributes of the profile: one read of the profile returns them all."""

from __future__ import annotations

from docplatform.core.errors import GroupNotFound
from docplatform.infra.dynamodb.codec import Item

_IN = "in:"


def in_group(group_id: str) -> str:
    """The attribute of the profile that stands for membership in this group."""
    return f"{_IN}{group_id}"


def groups_from(profile: Item) -> frozenset[str]:
    return frozenset(name.removeprefix(_IN) for name in profile if name.startswith(_IN))


def no_group() -> GroupNotFound:
    return GroupNotFound("Look at the list of groups.")
