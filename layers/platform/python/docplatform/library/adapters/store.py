"""Folders and documents of one tenant in DynamoDB, for one actor.

A child of a folder is stored as two items: the child itself, and its name in the folder. The name's item makes the name
unique and lists the children by name. One transaction writes both items, the parent's counters, the tenant's usage and
the audit record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from docplatform.core import cursors, ids
from docplatform.core.actor import Actor, Role
from docplatform.core.audit import AuditRecord
from docplatform.core.errors import ChangedMeanwhile, InvalidCursor, Unavailable
from docplatform.core.time import rfc3339
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.adapters.membership import groups_from
from docplatform.identity.errors import UserNotFound
from docplatform.identity.model import UserStatus
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.idempotency import DynamoIdempotency
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.mapper import readable
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import LARGEST
from docplatform.library.access import Caller
from docplatform.library.adapters.changes import DynamoLibraryChanges
from docplatform.library.adapters.grants import nodes_from
from docplatform.library.adapters.items import FOLDER, document_from, folder_from, no_document, no_folder, parent_of
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.library.model import DEEPEST, Ancestry, Document, Erasure, Folder, Order, Page, ProcessingStep, State
from docplatform.tenancy.adapters.usage import UsageStore

_MOST_SORTED = 1_000  # children that are read and sorted for a page
_WAITING = {
    (state.value, step.value)
    for state, step in (
        (State.AWAITING_UPLOAD, ProcessingStep.QUEUED),
        (State.PROCESSING, ProcessingStep.QUEUED),
        (State.PROCESSING, ProcessingStep.SCANNING),
    )
}
"""State and step of a version that waits for its file, for the result of its scan, or for its turn."""


class DynamoLibrary:
    def __init__(self, table: TenantTable, actor: Actor, now: datetime) -> None:
        self._table, self._actor, self._now = table, actor, now
        self._item_keys = LibraryKeys(table.keys.tenant_id)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)

    def folder(self, folder_id: str) -> Folder:
        item = self._table.get(self._item_keys.folder(folder_id)) if ids.is_folder(folder_id) else None
        if item is None:
            raise no_folder()
        return folder_from(item)

    def document(self, document_id: str) -> Document:
        item = self._table.get(self._item_keys.document(document_id)) if ids.is_a(ids.DOCUMENT, document_id) else None
        if item is None:
            raise no_document()
        return document_from(item)

    def documents(self, document_ids: list[str]) -> dict[str, Document]:
        keys = [self._item_keys.document(each) for each in document_ids if ids.is_a(ids.DOCUMENT, each)]
        return {item["id"]: document_from(item) for item in self._table.get_many(keys).values()}

    def ancestry(self, *nodes: Folder | Document) -> Ancestry:
        """Reads the folders of the stored chains in one batch, then walks up by ``parent_id``, which is authoritative.
        A folder that is in no chain is read by itself. Raises ChangedMeanwhile if the walk does not end at the root: folders are
        being moved, or are not of our making."""
        me = self._identity_keys.user(self._actor.user_id)
        above = [self._item_keys.folder(each) for node in nodes for each in node.chain]
        found = self._table.get_many([*above, me])
        mine = found.pop(me, {})
        known = {item["id"]: folder_from(item) for item in found.values()}
        role = Role(mine["role"]) if mine.get("status") == UserStatus.ACTIVE else None
        return Ancestry({node.id: self._above(node, known) for node in nodes}, groups_from(mine), role)

    def _above(self, node: Folder | Document, known: dict[str, Folder]) -> tuple[Folder, ...]:
        above: list[Folder] = []
        parent_id = node.parent_id if isinstance(node, Folder) else node.folder_id
        while parent_id:
            if parent_id in (seen.id for seen in above) or parent_id == node.id or len(above) > DEEPEST:
                raise ChangedMeanwhile("The folders above are being moved; try again.")
            parent = known.get(parent_id) or known.setdefault(parent_id, self.folder(parent_id))
            above.append(parent)
            parent_id = parent.parent_id
        return tuple(above)

    def caller(self, user_id: str) -> Caller:
        item = self._table.get(self._identity_keys.user(user_id)) if ids.is_a(ids.USER, user_id) else None
        if item is None or item["status"] != UserStatus.ACTIVE:
            raise UserNotFound("Look at the list of users: they are unknown or not active.")
        return Caller(user_id, Role(item["role"]), groups_from(item))

    def nodes(self, node_ids: Iterable[str]) -> dict[str, Folder | Document]:
        found = self._table.get_many(self._item_keys.of_child(each) for each in node_ids)
        return {item["id"]: _child_from(item) for item in found.values()}

    def granted(self, principals: Iterable[str]) -> dict[str, dict[str, Role]]:
        keys = {self._item_keys.granted(each): each for each in principals}
        found = self._table.get_many(keys)
        return {keys[key]: nodes_from(item) for key, item in found.items()}

    def children(self, folder_id: str, order: Order, *, descending: bool, limit: int, cursor: str) -> Page:
        index, partition, prefix = self._listing(folder_id, order)
        after = self._start_key(index, partition, prefix, cursor)
        try:
            rows, last = self._table.query(
                partition, index=index, prefix=prefix, after=after, limit=limit, descending=descending
            )
        except Unavailable:
            if not index:
                raise
            return self._sorted_children(folder_id, index, after, descending=descending, limit=limit)
        keys = [self._child_key(row) for row in rows]
        found = self._table.get_many(keys)
        items = tuple(readable(_child_from, (found[key] for key in keys if key in found)))
        return Page(items, cursors.encode(_cursor_parts(last, index)) if last else "")

    def _sorted_children(self, folder_id: str, index: str, after: Item | None, *, descending: bool, limit: int) -> Page:
        """A page in the order of an index that cannot be read, because another tenant's rows are in it. It is made of the folder's
        names, which no other tenant can write. Raises Unavailable for a folder with more than _MOST_SORTED children."""
        rows, more = self._table.query(
            self._item_keys.folder(folder_id).pk, prefix=LibraryKeys.NAME, limit=_MOST_SORTED
        )
        if more:
            raise Unavailable("The list cannot be read in this order at the moment; ask for the order of names.")
        found = self._table.get_many(self._child_key(row) for row in rows).values()
        place, order = f"{index}sk", f"{index}pk"
        own = sorted(
            (item for item in found if item.get(order) == self._item_keys.children(folder_id)),
            key=lambda item: str(item[place]),
            reverse=descending,
        )
        if after:
            own = [item for item in own if (item[place] < after[place] if descending else item[place] > after[place])]
        items = tuple(readable(_child_from, own[:limit]))
        return Page(items, cursors.encode(_cursor_parts(own[limit - 1], index)) if len(own) > limit else "")

    def _listing(self, folder_id: str, order: Order) -> tuple[str, str, str]:
        if order is Order.NAME:
            return "", self._item_keys.folder(folder_id).pk, LibraryKeys.NAME
        return "gsi1" if order is Order.CREATED else "gsi2", self._item_keys.children(folder_id), ""

    def _child_key(self, row: Item) -> Key:
        return self._item_keys.of_child(row["child"]) if "child" in row else Key(row["pk"], row["sk"])

    def _start_key(self, index: str, partition: str, prefix: str, cursor: str) -> Item | None:
        """The query's start key from a cursor. A cursor holds sort keys only. The partition comes from the server, so a
        cursor cannot point into another folder. Raises InvalidCursor."""
        if not cursor:
            return None
        parts = cursors.decode(cursor)
        if not index:
            if set(parts) != {"sk"} or not parts["sk"].startswith(prefix):
                raise InvalidCursor("Use next_cursor of an earlier page of the same list.")
            return {"pk": partition, "sk": parts["sk"]}
        if set(parts) != {"sk", "child"}:
            raise InvalidCursor("Use next_cursor of an earlier page of the same list.")
        if not (ids.is_folder(parts["child"]) or ids.is_a(ids.DOCUMENT, parts["child"])):
            raise InvalidCursor("Use next_cursor of an earlier page of the same list.")
        key = self._item_keys.of_child(parts["child"])
        return {"pk": key.pk, "sk": key.sk, f"{index}pk": partition, f"{index}sk": parts["sk"]}

    # -- files that no event has told of
    def awaited_uploads(self, until: datetime, limit: int) -> list[Document]:
        """Documents without a file, or without the result of its scan, that are to be looked for at ``until`` or before, the most
        overdue first.

        A row of the index is a hint. IAM checks the key of an item and not its index attributes, so whoever acts for one tenant can write
        rows into the list of another. Rows that are not of a document of this tenant are passed over, however many there are."""
        found: list[Document] = []
        partition, bound, after = self._item_keys.awaited_uploads(), f"{rfc3339(until)}~", None
        while True:
            rows, after = self._table.query(partition, index="gsi3", upto=bound, after=after, limit=limit)
            keys = [Key(row["pk"], row["sk"]) for row in rows]
            items = self._table.get_many(key for key in keys if self._is_own_document(key))
            found += [document_from(items[key]) for key in keys if key in items and self._awaits(key, items[key])]
            if after is None or len(found) >= limit:
                return found[:limit]

    def erasures(self, document_ids: Collection[str]) -> list[Erasure]:
        keys = [self._item_keys.erasure(each) for each in document_ids if ids.is_a(ids.DOCUMENT, each)]
        return [_erasure_from(item) for item in self._table.get_many(keys).values()]

    def pending_erasures(self, until: datetime, most: int) -> list[Erasure]:
        found: list[Erasure] = []
        after = None
        while True:
            rows, after = self._table.query(self._item_keys.erasures(), after=after, limit=1_000)
            found += [each for each in map(_erasure_from, rows) if each.at <= until]
            if after is None or len(found) >= most:
                return found[:most]

    def _is_own_document(self, key: Key) -> bool:
        document_id = key.pk.rpartition("#")[2]
        return ids.is_a(ids.DOCUMENT, document_id) and key == self._item_keys.document(document_id)

    def _awaits(self, key: Key, item: Item) -> bool:
        """Whether the item is a document that waits for its file or for its processing, and names itself and its version by ids."""
        version = item.get("version", {})
        return (
            self._item_keys.document(str(item.get("id"))) == key
            and ids.is_a(ids.VERSION, str(version.get("id")))
            and (version.get("state"), version.get("step")) in _WAITING
        )

    # -- reindexing marks: folders below which search entries are out of date
    def mark(self, folder_id: str) -> tuple[str, str] | None:
        item = self._table.get(self._item_keys.reindex(folder_id)) if ids.is_folder(folder_id) else None
        return (item["at"], item["cursor"]) if item else None

    def advance(self, folder_id: str, at: str, cursor: str, below: list[Folder]) -> bool:
        for start in range(0, len(below), LARGEST):
            with self._table.begin() as writes:
                for folder in below[start : start + LARGEST]:
                    writes.put(self._item_keys.reindex(folder.id), {"at": at, "cursor": ""})
        key, again = self._item_keys.reindex(folder_id), ChangedMeanwhile("The folder was moved again.")
        try:
            with self._table.begin() as writes:
                if cursor:
                    writes.update(key, values={"cursor": cursor}, equals={"at": at}, error=again)
                else:
                    writes.delete(key, equals={"at": at}, error=again)
        except ChangedMeanwhile:
            return False
        return True

    def correct_chain(self, node: Folder | Document, chain: tuple[str, ...]) -> None:
        if node.chain == chain:
            return
        parent = "parent_id" if isinstance(node, Folder) else "folder_id"
        moved = ChangedMeanwhile("It was moved.")
        with (
            suppress(ChangedMeanwhile),
            self._table.begin() as writes,
        ):  # a node that was moved again has a mark or a stream event of its own
            equals = {parent: parent_of(node)}
            writes.update(self._item_keys.of_child(node.id), values={"chain": list(chain)}, equals=equals, error=moved)

    def lookup(self, key: str) -> tuple[str, str] | None:
        return DynamoIdempotency(self._table, self._actor.user_id, self._now).lookup(key)

    def record(self, record: AuditRecord) -> None:
        self._table.record_standalone(record)

    @contextmanager
    def begin(self) -> Iterator[DynamoLibraryChanges]:
        transaction = self._table.begin()
        changes = DynamoLibraryChanges(self._table, transaction, self._actor, self._now)
        yield changes
        changes.check_held()
        UsageStore(self._table, self._actor.tenant.limits).commit(transaction, changes.usage)


def _erasure_from(item: Item) -> Erasure:
    """A file that belonged to no document has no time of deletion."""
    at = datetime.fromisoformat(item.get("at") or item["noted_at"])
    return Erasure(item["sk"], at, item["objects"], item.get("files_gone", False))


def _child_from(item: Item) -> Folder | Document:
    return folder_from(item) if item["kind"] == FOLDER else document_from(item)


def _cursor_parts(last: Item, index: str) -> dict[str, str]:
    if not index:
        return {"sk": last["sk"]}
    return {"sk": last[f"{index}sk"], "child": last["pk"].rpartition("#")[2]}
