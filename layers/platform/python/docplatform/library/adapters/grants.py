"""The nodes that are granted to one principal, stored in one item. Each node's own item stores the same grant."""

from __future__ import annotations

from docplatform.core import ids
from docplatform.core.actor import Role
from docplatform.core.audit import RevocationRecord
from docplatform.core.errors import ChangedMeanwhile
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import LARGEST
from docplatform.library.adapters.items import grant_name
from docplatform.library.adapters.keys import LibraryKeys

_TAKEN_BACK = LARGEST - 2  # grants per transaction; the other two writes are the count and the audit record


def nodes_from(item: Item) -> dict[str, Role]:
    """By node id: the role that is granted to the principal."""
    return {name: Role(value) for name, value in item.items() if ids.is_folder(name) or ids.is_a(ids.DOCUMENT, name)}


def take_back_everything(table: TenantTable, principal: str, record: RevocationRecord) -> None:
    """Revokes all grants to a principal. Safe to repeat. Raises ChangedMeanwhile."""
    keys = LibraryKeys(table.keys.tenant_id)
    granted = keys.granted(principal)
    nodes = list(nodes_from(table.get(granted) or {}))
    for start in range(0, len(nodes), _TAKEN_BACK):
        chunk = nodes[start : start + _TAKEN_BACK]
        there = table.get_many(keys.of_child(node) for node in chunk)
        with table.begin() as writes:
            for key in there:
                removed = (grant_name(principal),)
                writes.update(key, remove=removed, add={"access_revision": 1}, error=shared_meanwhile())
            writes.update(granted, remove=tuple(chunk), add={"count": -len(chunk)}, must_exist=False)
            table.record(writes, record(chunk))


def shared_meanwhile() -> ChangedMeanwhile:
    return ChangedMeanwhile("Somebody else has changed who has access; look again.")
