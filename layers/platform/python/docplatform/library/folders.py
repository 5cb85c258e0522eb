"""Use cases of folders: create, read, rename, move, list, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from docplatform.core import ids, names
from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import (
    ChangedMeanwhile,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidName,
    PreconditionFailed,
    raised_by,
    raises,
)
from docplatform.core.idempotency import digest, idempotent
from docplatform.library.errors import FolderCycle, FolderNotEmpty, NameTaken, RootFolder, TooDeep
from docplatform.library.model import DEEPEST, Document, Folder, Order, Page
from docplatform.library.permissions import Access
from docplatform.library.ports import Library

_ROUNDS = 2  # queries for one page at most


class FolderService:
    def __init__(self, actor: Actor, library: Library, now: Callable[[], datetime]) -> None:
        self._actor, self._library, self._now = actor, library, now
        self._access = Access(actor, library)

    @raises(InvalidName, *raised_by(Access.folder), NameTaken, TooDeep, IdempotencyKeyReused, ChangedMeanwhile)
    def create(self, name: str, parent_id: str, *, idempotency_key: str = "") -> Folder:
        name = names.clean(name)
        request = digest(operation="create-folder", name=name, parent_id=parent_id)

        def make() -> Folder:
            parent = self._access.folder(parent_id, Role.EDITOR)
            raised = self._levels_raised(parent, 1)
            at = self._now()
            folder = Folder(
                id=ids.new(ids.FOLDER, at),
                name=name,
                parent_id=parent.id,
                chain=(*parent.chain, parent.id),
                children=0,
                created_by=self._actor.user_id,
                created_at=at,
                updated_at=at,
                revision=1,
            )
            with self._library.begin() as changes:
                changes.raise_levels(parent, raised)
                changes.add_folder(folder)
                if idempotency_key:
                    changes.record_key(idempotency_key, request, folder.id)
                changes.record(record_of(self._actor, Action.FOLDER_CREATED, folder.id, at, {"parent": parent.id}))
            return folder

        def repeat(folder_id: str) -> Folder:
            """The checks of the first request, and the record of a read."""
            self._access.folder(parent_id, Role.EDITOR)
            return self._shown(self._access.folder(folder_id, Role.EDITOR))

        return idempotent(self._library, idempotency_key, request, make, repeat)

    @raises(*raised_by(Access.folder))
    def read(self, folder_id: str) -> Folder:
        return self._shown(self._access.folder(folder_id))

    @raises(*raised_by(Access.path))
    def path(self, folder: Folder) -> tuple[Folder, ...]:
        """The current folders above, root first, without those that the actor may not read."""
        _, *above = self._access.path(folder)
        may_read = self._access.names(folder)
        return tuple(each for each in reversed(above) if isinstance(each, Folder) and each.id in may_read)

    @raises(*raised_by(Access.folder), InvalidCursor)
    def list(self, folder_id: str, order: Order, *, descending: bool, limit: int, cursor: str) -> Page:
        """A page of the children that the actor may read. If some are hidden, one more query fills the page, which may
        still have fewer than ``limit`` entries."""
        folder = self._access.folder(folder_id)
        shown: tuple[Folder | Document, ...] = ()
        for _ in range(_ROUNDS):
            most = limit - len(shown)
            page = self._library.children(folder.id, order, descending=descending, limit=most, cursor=cursor)
            shown += self._access.children(folder, page.items)
            cursor = page.next_cursor
            if not cursor or len(shown) == limit:
                break
        facts: AuditFacts = {"shown": len(shown)}
        self._library.record(record_of(self._actor, Action.FOLDER_LISTED, folder.id, self._now(), facts))
        return Page(shown, cursor)

    @raises(
        *raised_by(Access.folder, Access.check_move),
        InvalidName,
        NameTaken,
        RootFolder,
        FolderCycle,
        TooDeep,
        PreconditionFailed,
        ChangedMeanwhile,
    )
    def change(
        self, folder_id: str, *, name: str | None, parent_id: str | None, if_revision: int | None = None
    ) -> Folder:
        """Renames the folder, moves it, or both. ChangedMeanwhile: a folder above was moved, or who has access was
        changed, at the same time."""
        folder = self._access.folder(folder_id, Role.EDITOR)
        if folder.is_root:
            raise RootFolder("Make a folder in it and rename or move that.")
        if if_revision not in (None, folder.revision):
            raise PreconditionFailed("Read the folder again and repeat what you wanted.")
        name = folder.name if name is None else names.clean(name)
        moved = parent_id is not None and parent_id != folder.parent_id
        if name == folder.name and not moved:
            self._actor.require(Permission.READ)  # an answer to a change that changes nothing is a read
            return self._shown(folder)
        at = self._now()
        after = replace(folder, name=name, updated_at=at, revision=folder.revision + 1)
        above: tuple[Folder, ...] = ()
        decided_on: tuple[Folder, ...] = ()
        if moved:
            parent = self._access.folder(parent_id or "", Role.EDITOR)
            above = tuple(each for each in reversed(self._access.path(parent)) if isinstance(each, Folder))
            if folder.id in (each.id for each in above):
                raise FolderCycle("Choose a folder that is not inside the one you move.")
            decided_on = self._access.check_move(folder, parent)
            raised = self._levels_raised(parent, folder.height + 1)
            after = replace(after, parent_id=parent.id, chain=tuple(each.id for each in above))
        with self._library.begin() as changes:
            changes.hold_in_place(above)  # otherwise two moves at the same time could make a cycle
            if moved:
                changes.raise_levels(parent, raised)
            changes.hold_access(decided_on)
            changes.change_folder(folder, after)
            if moved:
                facts: AuditFacts = {"from": folder.parent_id, "to": after.parent_id}
                changes.record(record_of(self._actor, Action.FOLDER_MOVED, folder.id, at, facts))
            if name != folder.name:
                changes.record(record_of(self._actor, Action.FOLDER_RENAMED, folder.id, at))
        return after

    @raises(*raised_by(Access.folder), RootFolder, FolderNotEmpty, PreconditionFailed)
    def delete(self, folder_id: str, *, if_revision: int | None = None) -> None:
        """Deletes an empty folder."""
        folder = self._access.folder(folder_id, Role.EDITOR)
        if folder.is_root:
            raise RootFolder("It goes with the tenant.")
        if if_revision not in (None, folder.revision):
            raise PreconditionFailed("Read the folder again and repeat what you wanted.")
        try:
            with self._library.begin() as changes:
                changes.remove_folder(folder)
                facts: AuditFacts = {"parent": folder.parent_id}
                changes.record(record_of(self._actor, Action.FOLDER_DELETED, folder.id, self._now(), facts))
        except FolderNotEmpty as error:
            if self._library.folder(folder_id).children:
                raise
            raise PreconditionFailed("Read the folder again: somebody else has changed it.") from error

    def _levels_raised(self, parent: Folder, levels: int) -> tuple[tuple[Folder, int], ...]:
        """The folders from ``parent`` up that have fewer levels below them than after something with ``levels`` levels
        is placed in ``parent``; with their new number. Raises TooDeep.

        No folder has more levels below its parent than the parent knows of. So the walk ends at the first folder that
        has enough, and needs no read if that is ``parent``. The root folder never moves, and needs no number."""
        if parent.is_root or parent.levels >= levels:
            return ()
        path = [each for each in self._access.path(parent) if isinstance(each, Folder)]
        if len(path) + levels - 1 > DEEPEST:
            raise TooDeep(f"Folders go {DEEPEST} deep, with all that is in them; put it higher up.")
        raised: tuple[tuple[Folder, int], ...] = ()
        for more, each in enumerate(path[:-1]):
            if each.levels >= levels + more:
                break
            raised = (*raised, (each, levels + more))
        return raised

    def _shown(self, folder: Folder) -> Folder:
        """The folder as an answer. Writes an audit record that it was read."""
        self._library.record(record_of(self._actor, Action.FOLDER_READ, folder.id, self._now()))
        return folder
