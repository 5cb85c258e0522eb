"""The nodes that are granted to one principal, stored in one item. Each node's own item stores the same grant."""

from __future__ import annotations

from docplatform.core import ids
from docplatform.core.actor import Role
from docplatform.core.audit import RevocationRecord
from docplatform.core.errors import ChangedMeanwhile
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import LARGEST, Transaction
from docplatform.library.adapters.items import grant_name
from docplatform.library.adapters.keys import LibraryKeys

_TAKEN_BACK = LARGEST - 2  # grants per transaction; the other two writes are the count and the audit record


def nodes_from(item: Item) -> dict[str, Role]:
    """By node id: the role that is granted to the principal."""
    return {name: Role(value) for name, value in item.items() if ids.is_folder(name) or ids.is_a(ids.DOCUMENT, name)}


def take_back_everything(table: TenantTable, principal: str, record: RevocationRecord) -> int | None:
    """Revokes all grants to a principal. Safe to repeat. Returns the stored count of its grants afterwards, for
    ``forget_granted``; None if nothing was ever granted. Raises ChangedMeanwhile."""
    keys = LibraryKeys(table.keys.tenant_id)
    granted = keys.granted(principal)
    while True:
        item = table.get(granted) or {}
        count: int | None = item.get("count")
        chunk = list(nodes_from(item))[:_TAKEN_BACK]
        if not chunk:
            return count
        there = table.get_many(keys.of_child(node) for node in chunk)
        with table.begin() as writes:
            for key in there:
                removed = (grant_name(principal),)
                writes.update(key, remove=removed, add={"access_revision": 1}, error=shared_meanwhile())
            as_read = {"count": count}  # a removal at the same moment counts the same grants
            less = {"count": -len(chunk)}
            writes.update(granted, remove=tuple(chunk), add=less, equals=as_read, error=shared_meanwhile())
            table.record(writes, record(chunk))


def forget_granted(writes: Transaction, keys: LibraryKeys, principal: str, count: int | None) -> None:
    """Removes the item of a principal to whom nothing is granted. The commit raises ChangedMeanwhile if something was
    granted since ``take_back_everything`` returned ``count``."""
    granted, as_read = keys.granted(principal), {"count": count}
    writes.delete(granted, equals=as_read, error=shared_meanwhile(), must_exist=count is not None)


def shared_meanwhile() -> ChangedMeanwhile:
    return ChangedMeanwhile("Somebody else has changed who has access; look again.")
