"""Reindexing: updates search entries and stored chains below a folder that was moved or whose inheritance changed.

A mark on a folder says that its children must be updated, and stores how far the update is. The table's stream delivers
each new or changed mark, and ``continue_reindexing`` then updates some pages of children. It marks the folders among
them in turn. An interrupted update is resumed at the mark, and may be repeated.

During the update no search shows a document that the user may not read: every hit is checked against the database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from docplatform.library.access import IndexedPermissions, indexed_permissions
from docplatform.library.errors import FolderNotFound
from docplatform.library.model import Ancestry, Document, Folder, Order, Page, State

_PAGE, _PAGES = 100, 5  # children per page; pages per call


class Marks(Protocol):
    """The library with its reindexing marks."""

    def folder(self, folder_id: str) -> Folder:
        """Raises FolderNotFound."""

    def ancestry(self, *nodes: Folder | Document) -> Ancestry: ...

    def children(self, folder_id: str, order: Order, *, descending: bool, limit: int, cursor: str) -> Page: ...

    def mark(self, folder_id: str) -> tuple[str, str] | None:
        """The time when the mark was set and the cursor of the next page; None if the folder has no mark."""

    def advance(self, folder_id: str, at: str, cursor: str, below: list[Folder]) -> bool:
        """Marks the folders ``below``, and stores ``cursor`` in this folder's mark; '' removes the mark. Returns False
        if the mark was set again after ``at``."""

    def correct_chain(self, node: Folder | Document, chain: tuple[str, ...]) -> None:
        """Stores the node's chain, unless the node was moved."""


class Entries(Protocol):
    """The search entries of one tenant."""

    def update_metadata(self, document: Document, permissions: IndexedPermissions) -> bool:
        """Updates all of an entry but its text. Returns False if there is no entry."""


def _is_in(child: Folder | Document, folder_id: str) -> bool:
    """Whether the child names the folder as its own too. One that was moved has a mark or an event of its own. Without this, folders
    that name each other as children would be reindexed without end."""
    return (child.parent_id if isinstance(child, Folder) else child.folder_id) == folder_id


class SubtreeService:
    def __init__(self, library: Marks) -> None:
        self._library = library

    def continue_reindexing(self, folder_id: str, entries: Entries, index_again: Callable[[str], object]) -> None:
        """Updates the next pages of the folder's children, once per stream event. A deleted folder has no children: its
        mark is removed. ``index_again`` is called with the id of a document that has no entry: so a mark on the root
        folder fills an empty index."""
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
                if not _is_in(child, folder_id):
                    continue
                self._library.correct_chain(child, chain)
                if isinstance(child, Folder):
                    below.append(child)
                elif child.version.state not in (State.READY, State.FAILED):
                    continue
                elif not entries.update_metadata(child, indexed_permissions((child, *above))):
                    index_again(child.id)
            cursor = page.next_cursor
            if not cursor:
                break
        self._library.advance(folder_id, at, cursor, below)
