"""After a folder was moved, or its inheritance cut or restored: the search entries and the stored chains below it are brought up to date.

One folder at a time, a page at a time. A mark says which folders are to do and how far each is; the table's stream brings every mark,
and every change of one, to ``follow``. So the work is as large as it must be, is resumed where it broke off, and may be
repeated. Until it is done the check of every hit against the database keeps searches right.
"""

from __future__ import annotations

from typing import Protocol

from docplatform.library.access import IndexedPermissions, indexed_permissions
from docplatform.library.errors import FolderNotFound
from docplatform.library.model import Ancestry, Document, Folder, Order, Page, State

_PAGE, _PAGES = 100, 5  # children of a page; pages of one call


class Marks(Protocol):
    """The library, with the marks."""

    def folder(self, folder_id: str) -> Folder:
        """Raises FolderNotFound."""

    def ancestry(self, *nodes: Folder | Document) -> Ancestry: ...

    def children(self, folder_id: str, order: Order, *, descending: bool, limit: int, cursor: str) -> Page: ...

    def mark(self, folder_id: str) -> tuple[str, str] | None:
        """When the mark was set, and how far the work is; None when nothing is to do."""

    def advance(self, folder_id: str, at: str, cursor: str, below: list[Folder]) -> bool:
        """Mark the folders below as well, and this one as done up to ``cursor`` (done altogether when that is empty). False when the
        mark was set anew meanwhile."""

    def correct_chain(self, node: Folder | Document, chain: tuple[str, ...]) -> None:
        """Store the chain, if the node is still where it was."""


class Entries(Protocol):
    def update_metadata(self, document: Document, permissions: IndexedPermissions) -> bool: ...


class SubtreeService:
    def __init__(self, library: Marks) -> None:
        self._library = library

    def continue_reindexing(self, folder_id: str, entries: Entries) -> None:
        """Once for each event. Where the folder was deleted nothing stands below it."""
        mark = self._library.mark(folder_id)
        if mark is None:
            return
        at, cursor = mark
        try:
            folder = self._library.folder(folder_id)
        except FolderNotFound:
            self._library.advance(folder_id, at, "", [])
            return
        above = self._library.ancestry(folder).path(folder)
        chain = tuple(each.id for each in reversed(above))
        self._library.correct_chain(folder, chain[:-1])
        below: list[Folder] = []
        for _ in range(_PAGES):
            page = self._library.children(folder_id, Order.NAME, descending=False, limit=_PAGE, cursor=cursor)
            for child in page.items:
                self._library.correct_chain(child, chain)
                if isinstance(child, Folder):
                    below.append(child)
                elif child.version.state in (State.READY, State.FAILED):
                    entries.update_metadata(child, indexed_permissions((child, *above)))
            cursor = page.next_cursor
            if not cursor:
                break
        self._library.advance(folder_id, at, cursor, below)
