"""One tenant's folders and documents in DynamoDB. Opened for an actor: every key starts from the actor's tenant.

A child of a folder is two items: itself, and its name in the folder (unique, and in order of name). Both, the parent's count of
children, the tenant's usage and the audit record move in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from docplatform.adapters import pages
from docplatform.adapters.group_items import groups_from, no_group
from docplatform.adapters.items import Item, rfc3339
from docplatform.adapters.keys import Key, TenantKeys
from docplatform.adapters.library_items import (
    DOCUMENT,
    FOLDER,
    document_from,
    document_item,
    folder_from,
    folder_item,
    grant_name,
    version_item,
)
from docplatform.adapters.table import TenantTable
from docplatform.adapters.transaction import LARGEST, Transaction
from docplatform.domain import ids
from docplatform.domain.access import MOST_NODES, Caller
from docplatform.domain.audit import AuditRecord
from docplatform.domain.errors import (
    AlreadyDone,
    ChangedMeanwhile,
    DocumentNotFound,
    DomainError,
    FolderNotEmpty,
    FolderNotFound,
    InvalidCursor,
    NameTaken,
    PreconditionFailed,
    QuotaExceeded,
    TooManyGrants,
    UserNotFound,
)
from docplatform.domain.groups import TakenBack
from docplatform.domain.identity import Actor, Role, UserStatus
from docplatform.domain.library import Document, Folder, Order, Page, Surroundings, Version

_REMEMBERED_SECONDS = 24 * 3600
_TAKEN_BACK = LARGEST - 2  # grants of one transaction, beside the count of them and the audit record


def _no_folder() -> FolderNotFound:
    return FolderNotFound("Check the folder's id: it is unknown, or not yours.")


def _no_document() -> DocumentNotFound:
    return DocumentNotFound("Check the document's id: it is unknown, or not yours.")


class DynamoLibrary:
    def __init__(self, table: TenantTable, actor: Actor, now: datetime) -> None:
        self._table, self._actor, self._now = table, actor, now
        self._keys = table.keys

    def folder(self, folder_id: str) -> Folder:
        item = self._table.get(self._keys.folder(folder_id)) if ids.is_folder(folder_id) else None
        if item is None:
            raise _no_folder()
        return folder_from(item)

    def document(self, document_id: str) -> Document:
        item = self._table.get(self._keys.document(document_id)) if ids.is_a(ids.DOCUMENT, document_id) else None
        if item is None:
            raise _no_document()
        return document_from(item)

    def documents(self, document_ids: list[str]) -> dict[str, Document]:
        keys = [self._keys.document(each) for each in document_ids if ids.is_a(ids.DOCUMENT, each)]
        return {item["id"]: document_from(item) for item in self._table.get_many(keys).values()}

    def surroundings(self, *nodes: Folder | Document) -> Surroundings:
        """The stored chains are fetched in one call and then followed by the parent's id, the truth; what is not in them is read singly."""
        me = self._keys.user(self._actor.user_id)
        above = [self._keys.folder(each) for node in nodes for each in node.chain]
        found = self._table.get_many([*above, me])
        mine = found.pop(me, {})
        known = {item["id"]: folder_from(item) for item in found.values()}
        role = Role(mine["role"]) if mine.get("status") == UserStatus.ACTIVE else None
        return Surroundings({node.id: self._above(node, known) for node in nodes}, groups_from(mine), role)

    def _above(self, node: Folder | Document, known: dict[str, Folder]) -> tuple[Folder, ...]:
        above: list[Folder] = []
        parent_id = node.parent_id if isinstance(node, Folder) else node.folder_id
        while parent_id:
            if parent_id in (seen.id for seen in above) or parent_id == node.id:
                raise ChangedMeanwhile("The folders above are being moved; try again.")
            parent = known.get(parent_id) or known.setdefault(parent_id, self.folder(parent_id))
            above.append(parent)
            parent_id = parent.parent_id
        return tuple(above)

    def caller(self, user_id: str) -> Caller:
        item = self._table.get(self._keys.user(user_id)) if ids.is_a(ids.USER, user_id) else None
        if item is None or item["status"] != UserStatus.ACTIVE:
            raise UserNotFound("Look at the list of users: they are unknown or not active.")
        return Caller(user_id, Role(item["role"]), groups_from(item))

    def nodes(self, node_ids: Iterable[str]) -> dict[str, Folder | Document]:
        found = self._table.get_many(self._keys.of_child(each) for each in node_ids)
        return {item["id"]: _child_from(item) for item in found.values()}

    def granted(self, principals: Iterable[str]) -> dict[str, dict[str, Role]]:
        keys = {self._keys.granted(each): each for each in principals}
        found = self._table.get_many(keys)
        return {keys[key]: nodes_from(item) for key, item in found.items()}

    def children(self, folder_id: str, order: Order, *, descending: bool, limit: int, cursor: str) -> Page:
        index, partition, prefix = self._listing(folder_id, order)
        after = self._position(index, partition, prefix, cursor)
        rows, last = self._table.query(
            partition, index=index, prefix=prefix, after=after, limit=limit, descending=descending
        )
        keys = [self._child_key(row) for row in rows]
        found = self._table.get_many(keys)
        items = tuple(_child_from(found[key]) for key in keys if key in found)
        return Page(items, pages.encode(_sort_parts(last, index)) if last else "")

    def _listing(self, folder_id: str, order: Order) -> tuple[str, str, str]:
        if order is Order.NAME:
            return "", self._keys.folder(folder_id).pk, TenantKeys.NAME
        return "gsi1" if order is Order.CREATED else "gsi2", self._keys.children(folder_id), ""

    def _child_key(self, row: Item) -> Key:
        return self._keys.of_child(row["child"]) if "child" in row else Key(row["pk"], row["sk"])

    def _position(self, index: str, partition: str, prefix: str, cursor: str) -> Item | None:
        """A cursor holds sort keys only; the partition is ours, so it can point nowhere else."""
        if not cursor:
            return None
        parts = pages.decode(cursor)
        if not index:
            if set(parts) != {"sk"} or not parts["sk"].startswith(prefix):
                raise InvalidCursor("Use next_cursor of an earlier page of the same list.")
            return {"pk": partition, "sk": parts["sk"]}
        if set(parts) != {"sk", "child"}:
            raise InvalidCursor("Use next_cursor of an earlier page of the same list.")
        if not (ids.is_folder(parts["child"]) or ids.is_a(ids.DOCUMENT, parts["child"])):
            raise InvalidCursor("Use next_cursor of an earlier page of the same list.")
        key = self._keys.of_child(parts["child"])
        return {"pk": key.pk, "sk": key.sk, f"{index}pk": partition, f"{index}sk": parts["sk"]}

    # -- marks of subtrees whose search entries are out of date
    def mark(self, folder_id: str) -> tuple[str, str] | None:
        item = self._table.get(self._keys.reindex(folder_id)) if ids.is_folder(folder_id) else None
        return (item["at"], item["cursor"]) if item else None

    def advance(self, folder_id: str, at: str, cursor: str, below: list[Folder]) -> bool:
        for start in range(0, len(below), LARGEST):
            with self._table.begin() as writes:
                for folder in below[start : start + LARGEST]:
                    writes.put(self._keys.reindex(folder.id), {"at": at, "cursor": ""})
        key, again = self._keys.reindex(folder_id), ChangedMeanwhile("The folder was moved again.")
        try:
            with self._table.begin() as writes:
                if cursor:
                    writes.update(key, values={"cursor": cursor}, where={"at": at}, otherwise=again)
                else:
                    writes.delete(key, where={"at": at}, otherwise=again)
        except ChangedMeanwhile:
            return False
        return True

    def correct(self, node: Folder | Document, chain: tuple[str, ...]) -> None:
        if node.chain == chain:
            return
        parent = "parent_id" if isinstance(node, Folder) else "folder_id"
        moved = ChangedMeanwhile("It was moved.")
        with (
            suppress(ChangedMeanwhile),
            self._table.begin() as writes,
        ):  # what moved on has a mark, or an event, of its own
            where = {parent: _parent(node)}
            writes.update(self._keys.of_child(node.id), values={"chain": list(chain)}, where=where, otherwise=moved)

    def remembered(self, key: str) -> tuple[str, str] | None:
        item = self._table.get(self._keys.idempotency(self._actor.user_id, key))
        if item is None or item["expires"] < self._now.timestamp():
            return None
        return item["request"], item["result"]

    def record(self, record: AuditRecord) -> None:
        self._table.record_alone(record)

    @contextmanager
    def begin(self) -> Iterator[DynamoLibraryWork]:
        with self._table.begin() as transaction:
            work = DynamoLibraryWork(self._table, transaction, self._actor, self._now)
            yield work
            work.check_held()


def _child_from(item: Item) -> Folder | Document:
    return folder_from(item) if item["kind"] == FOLDER else document_from(item)


def _sort_parts(last: Item, index: str) -> dict[str, str]:
    if not index:
        return {"sk": last["sk"]}
    return {"sk": last[f"{index}sk"], "child": last["pk"].split("#")[2]}


class DynamoLibraryWork:
    """One actor's change. Each write carries the error that its failed condition means; they commit together."""

    def __init__(self, table: TenantTable, transaction: Transaction, actor: Actor, now: datetime) -> None:
        self._table, self._keys, self._writes = table, table.keys, transaction
        self._actor, self._now = actor, now
        self._held: dict[
            str, str
        ] = {}  # folder → parent; a transaction takes one write per item, so an update bears the check

    # -- folders
    def add_folder(self, folder: Folder) -> None:
        self._take_name(folder.parent_id, folder.name, FOLDER, folder.id)
        self._writes.put(
            self._keys.folder(folder.id), {**folder_item(folder), **self._listed(folder)}, if_taken=_id_taken()
        )
        self._count(folder.parent_id, 1, _no_folder())
        self._writes.update(self._keys.usage(), add={"folders": 1}, must_exist=False)

    def change_folder(self, before: Folder, after: Folder) -> None:
        self._rename(before, after, FOLDER)
        values = {"name": after.name, "parent_id": after.parent_id, "chain": list(after.chain)}
        self._writes.update(
            self._keys.folder(after.id),
            values=values | {"updated_at": after.updated_at, "revision": after.revision} | self._listed(after),
            where={"revision": before.revision},
            otherwise=_stale(),
        )
        if before.parent_id != after.parent_id:
            self._mark_subtree(after)

    def remove_folder(self, folder: Folder) -> None:
        self._writes.delete(
            self._keys.folder(folder.id),
            where={"children": 0},
            otherwise=FolderNotEmpty("Move or delete what is in it first."),
        )
        self._leave(folder)
        self._writes.update(self._keys.usage(), add={"folders": -1}, must_exist=False)

    def hold_in_place(self, folders: tuple[Folder, ...]) -> None:
        self._held |= {folder.id: folder.parent_id for folder in folders if not folder.is_root}

    def check_held(self) -> None:
        """The last of the writes: those folders that must stay in place and are not updated anyway."""
        for folder_id, parent_id in self._held.items():
            self._writes.check(self._keys.folder(folder_id), where={"parent_id": parent_id}, otherwise=_moved())
        self._held = {}

    # -- documents
    def add_document(self, document: Document) -> None:
        version, limits = document.version, self._actor.tenant.limits
        self._take_name(document.folder_id, document.name, DOCUMENT, document.id)
        item = {**document_item(document), **self._listed(document)}
        self._writes.put(self._keys.document(document.id), item, if_taken=_id_taken())
        self._writes.put(self._keys.version(document.id, version.number), version_item(version))
        self._count(document.folder_id, 1, _no_folder())
        self._writes.update(
            self._keys.usage(),
            add={"documents": 1, "bytes": version.size},
            ceiling={"documents": limits.documents - 1, "bytes": limits.storage_bytes - version.size},
            otherwise=QuotaExceeded("Delete documents, or ask for a larger plan."),
            must_exist=False,
        )

    def change_document(self, before: Document, after: Document) -> None:
        self._rename(before, after, DOCUMENT)
        values = {"name": after.name, "folder_id": after.folder_id, "chain": list(after.chain)}
        self._writes.update(
            self._keys.document(after.id),
            values=values | {"updated_at": after.updated_at, "revision": after.revision} | self._listed(after),
            where={"revision": before.revision},
            otherwise=_stale(),
        )

    def remove_document(self, document: Document) -> None:
        version = document.version
        self._writes.delete(self._keys.document(document.id), where={"revision": document.revision}, otherwise=_stale())
        self._writes.delete(self._keys.version(document.id, version.number))
        self._leave(document)
        self._writes.update(self._keys.usage(), add={"documents": -1, "bytes": -version.size}, must_exist=False)

    def change_version(self, document: Document, version: Version) -> None:
        changed = version_item(version)
        self._writes.update(
            self._keys.document(document.id),
            values={"version": changed},
            where={"version.id": version.id, "version.state": document.version.state.value},
            otherwise=ChangedMeanwhile("The document changed while it was processed."),
        )
        self._writes.put(self._keys.version(document.id, version.number), changed)

    def remember(self, key: str, request: str, result: str) -> None:
        expires = int(self._now.timestamp()) + _REMEMBERED_SECONDS
        self._writes.put(
            self._keys.idempotency(self._actor.user_id, key),
            {"request": request, "result": result, "expires": expires},
            if_taken=AlreadyDone("The same request is under way."),
        )

    def record(self, record: AuditRecord) -> None:
        self._table.record(self._writes, record)

    # -- access
    def grant(self, node: Folder | Document, principal: str, role: Role) -> None:
        before = node.grants.get(principal)
        self._change_access(node, principal, before, values={grant_name(principal): role.value})
        self._note_grant(node, principal, role, new=before is None)
        kind, _, principal_id = principal.partition(":")
        if kind == "user":
            self._writes.check(self._keys.user(principal_id), otherwise=UserNotFound("Look at the list of users."))
        elif kind == "group":
            self._writes.check(self._keys.group(principal_id), otherwise=no_group())

    def revoke(self, node: Folder | Document, principal: str) -> None:
        self._change_access(node, principal, node.grants[principal], remove=(grant_name(principal),))
        self._forget_grant(node, principal)

    def set_inheritance(self, node: Folder | Document, inherits: bool, keep: Mapping[str, Role]) -> None:
        for principal, role in keep.items():
            self._note_grant(node, principal, role, new=principal not in node.grants)
        self._writes.update(
            self._keys.of_child(node.id),
            values={"inherits": inherits, **{grant_name(each): role.value for each, role in keep.items()}},
            where={"inherits": node.inherits},
            otherwise=_shared_meanwhile(),
        )
        self._writes.update(
            self._keys.folder(_parent(node)),
            add={"cuts": -1 if inherits else 1},
            otherwise=_shared_meanwhile(),
        )
        if isinstance(node, Folder):
            self._mark_subtree(node)

    def _change_access(self, node: Folder | Document, principal: str, before: Role | None, **change: Any) -> None:
        self._writes.update(
            self._keys.of_child(node.id),
            where={grant_name(principal): before.value if before else None},
            otherwise=_shared_meanwhile(),
            **change,
        )

    def _note_grant(self, node: Folder | Document, principal: str, role: Role, *, new: bool) -> None:
        full = TooManyGrants(f"{MOST_NODES} things are granted to them; grant folders instead, or to a group.")
        self._writes.update(
            self._keys.granted(principal),
            values={node.id: role.value},
            add={"count": 1} if new else {},
            ceiling={"count": MOST_NODES - 1} if new else {},
            otherwise=full,
            must_exist=False,
        )

    def _forget_grant(self, node: Folder | Document, principal: str) -> None:
        self._writes.update(
            self._keys.granted(principal),
            remove=(node.id,),
            add={"count": -1},
            must_exist=False,
        )

    def _mark_subtree(self, folder: Folder) -> None:
        """The stream brings it to whoever keeps the search entries below."""
        self._writes.put(self._keys.reindex(folder.id), {"at": rfc3339(self._now), "cursor": ""})

    # -- what a child is, beside itself
    def _take_name(self, folder_id: str, name: str, kind: str, child: str) -> None:
        taken = NameTaken(f"Choose another name: '{name}' is taken in this folder.")
        self._writes.put(self._keys.name(folder_id, name), {"kind": kind, "child": child}, if_taken=taken)

    def _rename(self, before: Folder | Document, after: Folder | Document, kind: str) -> None:
        old_folder, folder = _parent(before), _parent(after)
        old, new = self._keys.name(old_folder, before.name), self._keys.name(folder, after.name)
        if old != new:
            self._take_name(folder, after.name, kind, after.id)
            self._writes.delete(old)
        if old_folder != folder:
            self._count(old_folder, -1, _stale(), cut=not before.inherits)
            self._count(folder, 1, _no_folder(), cut=not before.inherits)

    def _leave(self, node: Folder | Document) -> None:
        folder_id = _parent(node)
        self._writes.delete(self._keys.name(folder_id, node.name))
        self._count(folder_id, -1, _stale(), cut=not node.inherits)
        for principal in node.grants:
            self._forget_grant(node, principal)

    def _count(self, folder_id: str, by: int, otherwise: DomainError, *, cut: bool = False) -> None:
        where = {"parent_id": self._held.pop(folder_id)} if folder_id in self._held else None
        self._writes.update(
            self._keys.folder(folder_id),
            add={"children": by, "cuts": by} if cut else {"children": by},
            where=where,
            otherwise=_moved() if where else otherwise,
        )

    def _listed(self, child: Folder | Document) -> dict[str, Any]:
        """Where the child stands in the lists by time."""
        folder_id = child.parent_id if isinstance(child, Folder) else child.folder_id
        partition = self._keys.children(folder_id)
        return {
            "gsi1pk": partition,
            "gsi1sk": f"{rfc3339(child.created_at)}#{child.id}",
            "gsi2pk": partition,
            "gsi2sk": f"{rfc3339(child.updated_at)}#{child.id}",
        }


def _parent(node: Folder | Document) -> str:
    return node.parent_id if isinstance(node, Folder) else node.folder_id


def nodes_from(item: Item) -> dict[str, Role]:
    """What is granted to a principal."""
    return {name: Role(value) for name, value in item.items() if ids.is_folder(name) or ids.is_a(ids.DOCUMENT, name)}


def take_back_everything(table: TenantTable, principal: str, record: TakenBack) -> None:
    """Every grant to somebody who is going; may be repeated."""
    granted = table.keys.granted(principal)
    nodes = list(nodes_from(table.get(granted) or {}))
    for start in range(0, len(nodes), _TAKEN_BACK):
        chunk = nodes[start : start + _TAKEN_BACK]
        there = table.get_many(table.keys.of_child(node) for node in chunk)
        with table.begin() as writes:
            for key in there:
                writes.update(key, remove=(grant_name(principal),), otherwise=_shared_meanwhile())
            writes.update(granted, remove=tuple(chunk), add={"count": -len(chunk)}, must_exist=False)
            table.record(writes, record(chunk))


def _shared_meanwhile() -> ChangedMeanwhile:
    return ChangedMeanwhile("Somebody else has changed who has access; look again.")


def _moved() -> ChangedMeanwhile:
    return ChangedMeanwhile("A folder above was moved at the same moment; try again.")


def _stale() -> PreconditionFailed:
    return PreconditionFailed("Read it again: somebody else has changed it.")


def _id_taken() -> ChangedMeanwhile:
    return ChangedMeanwhile("Try again.")
