"""Writes of folders, documents and grants to DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.audit import AuditRecord
from docplatform.core.errors import ChangedMeanwhile, DomainError, PreconditionFailed
from docplatform.core.time import rfc3339
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.adapters.membership import no_group
from docplatform.identity.errors import UserNotFound
from docplatform.infra.dynamodb.idempotency import DynamoIdempotency
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.mapper import to_item
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.library.access import EVERYONE, MOST_NODES
from docplatform.library.adapters.grants import shared_meanwhile
from docplatform.library.adapters.items import (
    DOCUMENT,
    FOLDER,
    grant_name,
    no_folder,
    node_item,
    parent_of,
)
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.library.errors import FolderNotEmpty, NameTaken, TooManyGrants
from docplatform.library.model import FIRST_LOOK, Document, Folder, State, Version
from docplatform.tenancy.adapters.usage import Usage


def create_root(writes: Transaction, keys: LibraryKeys, *, created_by: str, at: datetime) -> None:
    """Adds the root folder to a tenant's first transaction. Everyone is granted the role editor on it, capped by the
    role in the tenant. The commit raises ChangedMeanwhile if the tenant has a root folder."""
    exists = ChangedMeanwhile("The same tenant is being created by another call; repeat yours.")
    root = Folder(
        id=ids.ROOT_FOLDER,
        name="",
        parent_id="",
        chain=(),
        children=0,
        created_by=created_by,
        created_at=at,
        updated_at=at,
        revision=1,
        grants={EVERYONE: Role.EDITOR},
    )
    writes.put(keys.folder(root.id), node_item(root), error_if_exists=exists)
    writes.put(keys.granted(EVERYONE), {root.id: Role.EDITOR.value, "count": 1}, error_if_exists=exists)


class DynamoLibraryChanges:
    """The changes of one transaction, for one actor. Each write has the error that is raised if its condition fails."""

    def __init__(self, table: TenantTable, transaction: Transaction, actor: Actor, now: datetime) -> None:
        self._table, self._item_keys, self._writes = table, LibraryKeys(table.keys.tenant_id), transaction
        self._identity_keys = IdentityKeys(table.keys.tenant_id)
        self._actor, self._now = actor, now
        self.usage = Usage()  # the change of the tenant's counters, for the commit
        # folder → conditions. DynamoDB allows one write per item, so an update of a held folder includes the check.
        self._held: dict[str, dict[str, Any]] = {}
        self._levels: dict[str, int] = {}  # folder → new levels, for the update of a held folder

    # -- folders
    def add_folder(self, folder: Folder) -> None:
        self._reserve_name(folder.parent_id, folder.name, FOLDER, folder.id)
        self._writes.put(
            self._item_keys.folder(folder.id),
            {**node_item(folder), **self._list_attributes(folder)},
            error_if_exists=_id_taken(),
        )
        self._count(folder.parent_id, 1, no_folder())
        self.usage += Usage(folders=1)

    def change_folder(self, before: Folder, after: Folder) -> None:
        values: dict[str, Any] = {"name": after.name, "parent_id": after.parent_id, "chain": list(after.chain)}
        equals = _unchanged(before)
        if before.parent_id != after.parent_id:
            self._mark_for_reindex(after)
            equals |= _same_levels(before)
            if not before.children:
                equals["children"] = values["levels"] = 0
        self._writes.update(
            self._item_keys.folder(after.id),
            values=values | {"updated_at": after.updated_at, "revision": after.revision} | self._list_attributes(after),
            equals=equals,
            error=_stale(),
        )  # the first write: if the folder itself has the new name already, this error is the right one
        self._rename(before, after, FOLDER)

    def remove_folder(self, folder: Folder) -> None:
        self._writes.delete(
            self._item_keys.folder(folder.id),
            equals={"children": 0, **_unchanged(folder)},
            error=FolderNotEmpty("Move or delete what is in it first."),
        )
        self._remove_from_folder(folder)
        self.usage += Usage(folders=-1)

    def hold_in_place(self, folders: tuple[Folder, ...]) -> None:
        for folder in folders:
            if not folder.is_root:
                self._held.setdefault(folder.id, {}).update(_in_same_folder(folder))

    def hold_access(self, folders: tuple[Folder, ...]) -> None:
        self.hold_in_place(folders)
        for folder in folders:
            self._held.setdefault(folder.id, {}).update(_same_access(folder))

    def raise_levels(self, parent: Folder, raised: Sequence[tuple[Folder, int]]) -> None:
        folders = tuple(folder for folder, _ in raised)
        self.hold_in_place(folders)
        for folder in (parent, *folders):
            if not folder.is_root:
                self._held.setdefault(folder.id, {}).update(_same_levels(folder))
        self._levels |= {folder.id: levels for folder, levels in raised}

    def check_held(self) -> None:
        """Adds the checks and levels of held folders that no other write has added. Must be called last."""
        for folder_id, conditions in self._held.items():
            key = self._item_keys.folder(folder_id)
            if folder_id in self._levels:
                levels = {"levels": self._levels[folder_id]}
                self._writes.update(key, values=levels, equals=conditions, error=_moved())
            else:
                self._writes.check(key, equals=conditions, error=_moved())
        self._held = {}

    # -- documents
    def add_document(self, document: Document) -> None:
        version = document.version
        self._reserve_name(document.folder_id, document.name, DOCUMENT, document.id)
        look_at = document.created_at + FIRST_LOOK
        item = {**node_item(document), **self._list_attributes(document), **self._awaited(document.id, look_at)}
        self._writes.put(self._item_keys.document(document.id), item, error_if_exists=_id_taken())
        self._writes.put(self._item_keys.version(document.id, version.number), to_item(version))
        self._count(document.folder_id, 1, no_folder())
        self.usage += Usage(1, version.size)

    def change_document(self, before: Document, after: Document) -> None:
        values = {"name": after.name, "folder_id": after.folder_id, "chain": list(after.chain)}
        self._writes.update(
            self._item_keys.document(after.id),
            values=values | {"updated_at": after.updated_at, "revision": after.revision} | self._list_attributes(after),
            equals=_unchanged(before),
            error=_stale(),
        )
        self._rename(before, after, DOCUMENT)

    def remove_document(self, document: Document) -> None:
        version = document.version
        self._writes.delete(self._item_keys.document(document.id), equals=_unchanged(document), error=_stale())
        self._writes.delete(self._item_keys.version(document.id, version.number))
        self._remove_from_folder(document)
        self.usage += Usage(-1, -version.size)
        self._writes.put(self._item_keys.erasure(document.id), {"at": rfc3339(self._now), "objects": 0})

    def note_erased(self, document_id: str, objects: int) -> None:
        self._writes.update(
            self._item_keys.erasure(document_id),
            values={"files_gone": True, "noted_at": rfc3339(self._now)},
            add={"objects": objects},
            must_exist=not objects,
            error=_complete(),
        )

    def remove_erasure(self, document_id: str, *, objects: int) -> None:
        self._writes.delete(self._item_keys.erasure(document_id), equals={"objects": objects}, error=_complete())

    def change_version(self, document: Document, version: Version, *, look_at: datetime | None = None) -> None:
        changed = to_item(version)
        arrived = version.state is not State.AWAITING_UPLOAD
        self._writes.update(
            self._item_keys.document(document.id),
            values={"version": changed, **(self._awaited(document.id, look_at) if look_at else {})},
            remove=("gsi3pk", "gsi3sk") if arrived and not look_at else (),
            equals=_same_progress(document),
            error=ChangedMeanwhile("The document changed while it was processed."),
        )
        self._writes.put(self._item_keys.version(document.id, version.number), changed)

    def look_again(self, document: Document, at: datetime | None) -> None:
        self._writes.update(
            self._item_keys.document(document.id),
            values=self._awaited(document.id, at) if at else None,
            remove=() if at else ("gsi3pk", "gsi3sk"),
            equals={**_same_progress(document), "version.step": document.version.step.value},
            error=ChangedMeanwhile("The document changed while somebody looked for its file."),
        )

    def record_key(self, key: str, request: str, result: str) -> None:
        DynamoIdempotency(self._table, self._actor.user_id, self._now).record_key(self._writes, key, request, result)

    def record(self, record: AuditRecord) -> None:
        self._table.record(self._writes, record)

    # -- access
    def grant(self, node: Folder | Document, principal: str, role: Role) -> None:
        before = node.grants.get(principal)
        self._change_access(node, principal, before, values={grant_name(principal): role.value})
        self._add_to_granted(node, principal, role, new=before is None)
        kind, _, principal_id = principal.partition(":")
        if kind == "user":
            gone = UserNotFound("Look at the list of users.")
            self._writes.check(self._identity_keys.user(principal_id), equals={"removed": None}, error=gone)
        elif kind == "group":
            self._writes.check(self._identity_keys.group(principal_id), error=no_group())

    def revoke(self, node: Folder | Document, principal: str) -> None:
        self._change_access(node, principal, node.grants[principal], remove=(grant_name(principal),))
        self._remove_from_granted(node, principal)

    def set_inheritance(self, node: Folder | Document, inherits: bool, keep: Mapping[str, Role]) -> None:
        for principal, role in keep.items():
            self._add_to_granted(node, principal, role, new=principal not in node.grants)
        self._writes.update(
            self._item_keys.of_child(node.id),
            values={"inherits": inherits, **{grant_name(each): role.value for each, role in keep.items()}},
            add={"access_revision": 1},
            equals={**_same_access(node), **_in_same_folder(node)},
            error=shared_meanwhile(),
        )
        self._writes.update(
            self._item_keys.folder(parent_of(node)),
            add={"cuts": -1 if inherits else 1},
            equals=self._held.pop(parent_of(node), None),
            error=shared_meanwhile(),
        )
        if isinstance(node, Folder):
            self._mark_for_reindex(node)

    def _change_access(self, node: Folder | Document, principal: str, before: Role | None, **change: Any) -> None:
        self._writes.update(
            self._item_keys.of_child(node.id),
            add={"access_revision": 1},
            equals={
                **_same_access(node),
                **_in_same_folder(node),
                grant_name(principal): before.value if before else None,
            },
            error=shared_meanwhile(),
            **change,
        )

    def _add_to_granted(self, node: Folder | Document, principal: str, role: Role, *, new: bool) -> None:
        full = TooManyGrants(f"{MOST_NODES} things are granted to them; grant folders instead, or to a group.")
        self._writes.update(
            self._item_keys.granted(principal),
            values={node.id: role.value},
            add={"count": 1} if new else {},
            at_most={"count": MOST_NODES - 1} if new else {},
            error=full,
            must_exist=False,
        )

    def _remove_from_granted(self, node: Folder | Document, principal: str) -> None:
        self._writes.update(
            self._item_keys.granted(principal),
            remove=(node.id,),
            add={"count": -1},
            must_exist=False,
        )

    def _mark_for_reindex(self, folder: Folder) -> None:
        """Marks the folder, so that the table's stream starts the update of the search entries below it."""
        self._writes.put(self._item_keys.reindex(folder.id), {"at": rfc3339(self._now), "cursor": ""})

    # -- the name of a child, its place in the lists, and the parent's counters
    def _reserve_name(self, folder_id: str, name: str, kind: str, child: str, held: Key | None = None) -> None:
        """``held``: the key that the same transaction deletes."""
        taken = NameTaken(f"Choose another name: '{name}' is taken in this folder.")
        key, former = self._item_keys.name(folder_id, name), self._item_keys.former_name(folder_id, name)
        self._writes.put(key, {"kind": kind, "child": child}, error_if_exists=taken)
        if former not in (key, held):
            self._writes.check(former, equals={"child": None}, error=taken, must_exist=False)

    def _name_key(self, node: Folder | Document) -> Key:
        """The item that reserves the node's name. It has the form of an earlier version if the node has its name from
        then: for a name with invisible characters, 1 batch finds out."""
        folder_id = parent_of(node)
        key, former = self._item_keys.name(folder_id, node.name), self._item_keys.former_name(folder_id, node.name)
        if former == key:
            return key
        found = self._table.get_many([key, former])
        return key if found.get(key, {}).get("child") == node.id else former

    def _rename(self, before: Folder | Document, after: Folder | Document, kind: str) -> None:
        old_folder, folder = parent_of(before), parent_of(after)
        held = self._name_key(before)
        if held != self._item_keys.name(folder, after.name):
            self._reserve_name(folder, after.name, kind, after.id, held)
            self._writes.delete(held)
        if old_folder != folder:
            self._count(old_folder, -1, _stale(), cut=not before.inherits)
            self._count(folder, 1, no_folder(), cut=not before.inherits)

    def _remove_from_folder(self, node: Folder | Document) -> None:
        folder_id = parent_of(node)
        self._writes.delete(self._name_key(node))
        self._count(folder_id, -1, _stale(), cut=not node.inherits)
        for principal in node.grants:
            self._remove_from_granted(node, principal)

    def _count(self, folder_id: str, by: int, error: DomainError, *, cut: bool = False) -> None:
        equals = self._held.pop(folder_id, None)
        self._writes.update(
            self._item_keys.folder(folder_id),
            values={"levels": self._levels[folder_id]} if folder_id in self._levels else None,
            add={"children": by, "cuts": by} if cut else {"children": by},
            equals=equals,
            error=_moved() if equals else error,
        )

    def _awaited(self, document_id: str, look_at: datetime) -> dict[str, str]:
        return {"gsi3pk": self._item_keys.awaited_uploads(), "gsi3sk": f"{rfc3339(look_at)}#{document_id}"}

    def _list_attributes(self, child: Folder | Document) -> dict[str, Any]:
        """The index attributes that list the child by time of creation (gsi1) and of change (gsi2)."""
        folder_id = child.parent_id if isinstance(child, Folder) else child.folder_id
        partition = self._item_keys.children(folder_id)
        return {
            "gsi1pk": partition,
            "gsi1sk": f"{rfc3339(child.created_at)}#{child.id}",
            "gsi2pk": partition,
            "gsi2sk": f"{rfc3339(child.updated_at)}#{child.id}",
        }


def _unchanged(node: Folder | Document) -> dict[str, Any]:
    """Nobody has renamed or moved the node since it was read, or changed who has access to it."""
    return {"revision": node.revision, **_same_access(node)}


def _same_progress(document: Document) -> dict[str, Any]:
    """The newest version is the one that was read, and no step or result of a scan came in between."""
    version = document.version
    return {"version.id": version.id, "version.state": version.state.value, "version.scan": version.scan.value}


def _same_access(node: Folder | Document) -> dict[str, Any]:
    """Nobody has changed who has access to the node since it was read."""
    return {"access_revision": node.access_revision or None}


def _same_levels(folder: Folder) -> dict[str, Any]:
    return {"levels": folder.levels or [0, None]}


def _in_same_folder(node: Folder | Document) -> dict[str, Any]:
    return {"parent_id" if isinstance(node, Folder) else "folder_id": parent_of(node)}


def _moved() -> ChangedMeanwhile:
    return ChangedMeanwhile("A folder above was moved or shared at the same moment; try again.")


def _complete() -> ChangedMeanwhile:
    return ChangedMeanwhile("The erasure is complete, or more was erased.")


def _stale() -> PreconditionFailed:
    return PreconditionFailed("Read it again: somebody else has changed it.")


def _id_taken() -> ChangedMeanwhile:
    return ChangedMeanwhile("Try again.")
