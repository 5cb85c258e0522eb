"""A library in memory, for tests that run the use cases of folders, documents and sharing thousands of times. It has no
concurrency: conditions that only other requests can break are left out. Tests of these run against the real adapters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.audit import AuditRecord
from docplatform.library.access import EVERYONE, Caller
from docplatform.library.errors import DocumentNotFound, FolderNotEmpty, FolderNotFound, NameTaken
from docplatform.library.model import Ancestry, Document, Folder, Order, Page, TransferLink, Version

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class MemoryTree:
    """The folders and documents of a tenant, and its people: by user id, the role in the tenant and the groups."""

    people: Mapping[str, tuple[Role, frozenset[str]]]
    nodes: dict[str, Folder | Document] = field(default_factory=dict)

    def __post_init__(self) -> None:
        root = Folder(ids.ROOT_FOLDER, "", "", (), 0, "usr", START, START, 1, {EVERYONE: Role.EDITOR})
        self.nodes[root.id] = root

    def parent(self, node: Folder | Document) -> str:
        return node.parent_id if isinstance(node, Folder) else node.folder_id

    def children(self, folder_id: str) -> list[Folder | Document]:
        return [each for each in self.nodes.values() if self.parent(each) == folder_id]

    def counted(self, folder: Folder) -> Folder:
        below = self.children(folder.id)
        return replace(folder, children=len(below), cuts=sum(not each.inherits for each in below))

    def above(self, node: Folder | Document) -> tuple[Folder, ...]:
        return tuple(self.counted(each) for each in self.path(node)[1:] if isinstance(each, Folder))

    def path(self, node: Folder | Document) -> tuple[Folder | Document, ...]:
        path = [node]
        while parent := self.parent(path[-1]):
            path.append(self.nodes[parent])
        return tuple(path)


class MemoryLibrary:
    """The port ``Library``, and the changes of one transaction, which apply at once."""

    def __init__(self, tree: MemoryTree, actor: Actor) -> None:
        self._tree, self._actor = tree, actor

    # -- reads
    def folder(self, folder_id: str) -> Folder:
        found = self._tree.nodes.get(folder_id)
        if not isinstance(found, Folder):
            raise FolderNotFound
        return self._tree.counted(found)

    def document(self, document_id: str) -> Document:
        found = self._tree.nodes.get(document_id)
        if not isinstance(found, Document):
            raise DocumentNotFound
        return found

    def ancestry(self, *nodes: Folder | Document) -> Ancestry:
        role, groups = self._tree.people[self._actor.user_id]
        above = {node.id: self._tree.above(node) for node in nodes}
        return Ancestry(above, groups, role)

    def documents(self, document_ids: list[str]) -> dict[str, Document]:
        return {each: self.document(each) for each in document_ids}

    def nodes(self, node_ids: Iterable[str]) -> dict[str, Folder | Document]:
        return {each: self._tree.nodes[each] for each in node_ids if each in self._tree.nodes}

    def caller(self, user_id: str) -> Caller:
        return Caller(user_id, *self._tree.people[user_id])

    def granted(self, principals: Iterable[str]) -> dict[str, dict[str, Role]]:
        nodes = self._tree.nodes.values()
        return {each: {node.id: node.grants[each] for node in nodes if each in node.grants} for each in principals}

    def children(self, folder_id: str, order: Order, *, descending: bool, limit: int, cursor: str) -> Page:
        return Page(tuple(self._tree.children(folder_id)), "")

    def lookup(self, key: str) -> tuple[str, str] | None:
        return None

    @contextmanager
    def begin(self) -> Iterator[MemoryLibrary]:
        yield self

    # -- changes
    def hold_in_place(self, folders: tuple[Folder, ...]) -> None: ...
    def hold_access(self, folders: tuple[Folder, ...]) -> None: ...
    def raise_levels(self, parent: Folder, raised: Sequence[tuple[Folder, int]]) -> None:
        for folder, levels in raised:
            self._tree.nodes[folder.id] = replace(folder, levels=levels)

    def record(self, record: AuditRecord) -> None: ...
    def record_key(self, key: str, request: str, result: str) -> None: ...
    def change_version(self, document: Document, version: Version) -> None: ...
    def look_again(self, document: Document, at: datetime | None) -> None: ...

    def add_folder(self, folder: Folder) -> None:
        self._put(folder)

    def add_document(self, document: Document) -> None:
        self._put(document)

    def change_folder(self, before: Folder, after: Folder) -> None:
        moved = before.parent_id != after.parent_id
        self._put(replace(after, levels=after.height) if moved else after)

    def change_document(self, before: Document, after: Document) -> None:
        self._put(after)

    def remove_folder(self, folder: Folder) -> None:
        if self._tree.children(folder.id):
            raise FolderNotEmpty
        del self._tree.nodes[folder.id]

    def remove_document(self, document: Document) -> None:
        del self._tree.nodes[document.id]

    def grant(self, node: Folder | Document, principal: str, role: Role) -> None:
        self._tree.nodes[node.id] = replace(node, grants={**node.grants, principal: role})

    def revoke(self, node: Folder | Document, principal: str) -> None:
        grants = {each: role for each, role in node.grants.items() if each != principal}
        self._tree.nodes[node.id] = replace(node, grants=grants)

    def set_inheritance(self, node: Folder | Document, inherits: bool, keep: Mapping[str, Role]) -> None:
        self._tree.nodes[node.id] = replace(node, inherits=inherits, grants={**node.grants, **keep})

    def _put(self, node: Folder | Document) -> None:
        siblings = self._tree.children(self._tree.parent(node))
        if any(each.name == node.name and each.id != node.id for each in siblings):
            raise NameTaken
        self._tree.nodes[node.id] = node


class NoFiles:
    """The port ``Files``: links that lead nowhere."""

    def upload_link(self, document_id: str, version: Version, until: datetime) -> TransferLink:
        return TransferLink("PUT", "", {}, until)

    def download_link(self, document: Document, until: datetime) -> TransferLink:
        return TransferLink("GET", "", {}, until)

    def preview_link(self, document: Document, kind: str, until: datetime) -> TransferLink:
        return TransferLink("GET", "", {}, until)
