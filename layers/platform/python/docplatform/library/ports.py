"""Ports of the library: what its use cases need from the database and the file store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.core.actor import Role
from docplatform.core.audit import AuditRecord
from docplatform.library.access import Caller
from docplatform.library.model import Ancestry, Document, Folder, Order, Page, TransferLink, Version


class LibraryChanges(Protocol):
    """One transaction: its changes are stored, counted and audited together, or not at all. An error of a failed
    condition is raised at the commit."""

    def add_folder(self, folder: Folder) -> None:
        """Raises NameTaken, or FolderNotFound if the parent was deleted."""

    def change_folder(self, before: Folder, after: Folder) -> None:
        """Renames or moves a folder. Raises NameTaken, FolderNotFound, PreconditionFailed."""

    def remove_folder(self, folder: Folder) -> None:
        """Raises FolderNotEmpty, PreconditionFailed."""

    def hold_in_place(self, folders: tuple[Folder, ...]) -> None:
        """Commits only if none of these folders was moved. Must be called before the other changes. Raises
        ChangedMeanwhile."""

    def raise_levels(self, parent: Folder, raised: Sequence[tuple[Folder, int]]) -> None:
        """A folder is placed in ``parent``: stores the new ``levels`` of each folder in ``raised``. Must be called before
        the other changes. Raises ChangedMeanwhile if the levels of these folders were changed, or one of ``raised`` was
        moved."""

    def hold_access(self, folders: tuple[Folder, ...]) -> None:
        """Commits only if none of these folders was moved, and nobody changed who has access to them. Must be called
        before the other changes. Raises ChangedMeanwhile."""

    def add_document(self, document: Document) -> None:
        """Raises NameTaken, FolderNotFound, QuotaExceeded."""

    def change_document(self, before: Document, after: Document) -> None:
        """Renames or moves a document. Raises NameTaken, FolderNotFound, PreconditionFailed."""

    def remove_document(self, document: Document) -> None:
        """Raises PreconditionFailed."""

    def note_erased(self, document_id: str, objects: int) -> None:
        """Stores that all files of a deleted document are gone, ``objects`` of them now. Without files, only if the erasure is not yet
        complete."""

    def remove_erasure(self, document_id: str, *, objects: int) -> None:
        """The erasure is complete. Raises ChangedMeanwhile if it was before, or if more than ``objects`` files were deleted."""

    def grant(self, node: Folder | Document, principal: str, role: Role) -> None:
        """Raises TooManyGrants, ChangedMeanwhile, and UserNotFound or GroupNotFound for an unknown principal."""

    def revoke(self, node: Folder | Document, principal: str) -> None:
        """Raises ChangedMeanwhile."""

    def set_inheritance(self, node: Folder | Document, inherits: bool, keep: Mapping[str, Role]) -> None:
        """Sets ``inherits``, and grants ``keep`` on the node itself. Raises TooManyGrants, ChangedMeanwhile."""

    def change_version(self, document: Document, version: Version, *, look_at: datetime | None = None) -> None:
        """Stores the progress of the newest version; the document's revision and times stay. ``look_at``: when somebody looks whether
        its processing has begun; None: nobody needs to. Raises ChangedMeanwhile if the state or the scan's result has changed."""

    def look_again(self, document: Document, at: datetime | None) -> None:
        """Look for the document's file, or for the result of its scan, again at this time; None: never. Raises ChangedMeanwhile when
        committed and the document has gone on."""

    def record_key(self, key: str, request: str, result: str) -> None:
        """Stores that the request with this idempotency key made ``result``. ``request`` is a digest of it. Raises
        AlreadyDone."""

    def record(self, record: AuditRecord) -> None: ...


class Library(Protocol):
    """The folders and documents of one tenant, for one actor."""

    def folder(self, folder_id: str) -> Folder:
        """Raises FolderNotFound."""

    def document(self, document_id: str) -> Document:
        """Raises DocumentNotFound."""

    def documents(self, document_ids: list[str]) -> dict[str, Document]:
        """The documents that exist, by id. One call per 100 ids."""

    def ancestry(self, *nodes: Folder | Document) -> Ancestry:
        """The current ancestors of the nodes, and the rights of the actor. One call per 100 ancestors, and one more for
        each that is not in a stored chain. Raises ChangedMeanwhile, and FolderNotFound if an ancestor is being
        deleted."""

    def caller(self, user_id: str) -> Caller:
        """A user with tenant role and groups. Raises UserNotFound for an unknown or inactive user."""

    def nodes(self, node_ids: Iterable[str]) -> dict[str, Folder | Document]:
        """The folders and documents that exist, by id. One call per 100 ids."""

    def granted(self, principals: Iterable[str]) -> dict[str, dict[str, Role]]:
        """By principal: the nodes granted to it, with the roles. One call per 100 principals."""

    def children(self, folder_id: str, order: Order, *, descending: bool, limit: int, cursor: str) -> Page:
        """A page of a folder's children. One query and one batch read. Raises InvalidCursor."""

    def lookup(self, key: str) -> tuple[str, str] | None:
        """The request's digest and the result that are stored for an idempotency key; None for an unknown key."""

    def begin(self) -> AbstractContextManager[LibraryChanges]: ...

    def record(self, record: AuditRecord) -> None:
        """Writes an audit record by itself, for an action that changes nothing."""


class Files(Protocol):
    """The stored files of one tenant."""

    def upload_link(self, document_id: str, version: Version, until: datetime) -> TransferLink:
        """A link that is bound to one S3 key, length and media type. It cannot overwrite a file that has arrived."""

    def download_link(self, document: Document, until: datetime) -> TransferLink:
        """A link to the verified bytes."""

    def preview_link(self, document: Document, kind: str, until: datetime) -> TransferLink:
        """A link to a picture of the first page. ``kind`` is 'preview' or 'thumbnail'."""
