"""Groups as items, and who is in them. A member's profile has an attribute for each group: a request reads it once to know them all."""

from __future__ import annotations

from docplatform.core.time import parse_rfc3339, rfc3339
from docplatform.directory.group import Group
from docplatform.infra.dynamodb.codec import Item


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
        created_at=parse_rfc3339(item["created_at"]),
        updated_at=parse_rfc3339(item["updated_at"]),
        revision=item["revision"],
    )
