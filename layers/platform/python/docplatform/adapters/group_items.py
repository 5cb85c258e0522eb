"""Groups as items, and who is in them. A member's profile has an attribute for each group: a request reads it once to know them all."""

from __future__ import annotations

from docplatform.adapters.items import Item, moment, rfc3339
from docplatform.domain.errors import GroupNotFound
from docplatform.domain.groups import Group

_IN = "in:"


def in_group(group_id: str) -> str:
    """The attribute of a user's profile."""
    return f"{_IN}{group_id}"


def groups_from(profile: Item) -> frozenset[str]:
    return frozenset(name.removeprefix(_IN) for name in profile if name.startswith(_IN))


def group_item(group: Group) -> Item:
    return {
        "id": group.id,
        "name": group.name,
        "external_id": group.external_id,
        "members": group.members,
        "created_at": rfc3339(group.created_at),
        "updated_at": rfc3339(group.updated_at),
        "revision": group.revision,
    }


def group_from(item: Item) -> Group:
    return Group(
        id=item["id"],
        name=item["name"],
        external_id=item["external_id"],
        members=item["members"],
        created_at=moment(item["created_at"]),
        updated_at=moment(item["updated_at"]),
        revision=item["revision"],
    )


def no_group() -> GroupNotFound:
    return GroupNotFound("Look at the list of groups.")
