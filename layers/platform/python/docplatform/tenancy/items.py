"""A tenant as an item of the registry, and as text in the authorizer's context."""

from __future__ import annotations

import json

from docplatform.core.tenant import Tenant
from docplatform.core.time import rfc3339
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.mapper import from_item, to_item

_NEWER = ("isolation_level", "encryption_key", "features", "table")


def tenant_item(tenant: Tenant) -> Item:
    return to_item(tenant, without=("id",), tenant_id=tenant.id)


def tenant_from(item: Item) -> Tenant:
    """The tenant of an item. An item that was stored before there were isolation levels means a shared tenant."""
    return from_item(Tenant, item, newer=_NEWER, id=item["tenant_id"])


def to_text(tenant: Tenant) -> str:
    """The tenant as JSON, for the authorizer's context, whose values must be text."""
    return json.dumps({**tenant_item(tenant), "created_at": rfc3339(tenant.created_at)}, separators=(",", ":"))


def from_text(text: str) -> Tenant:
    """The tenant that ``to_text`` wrote."""
    return tenant_from(json.loads(text))
