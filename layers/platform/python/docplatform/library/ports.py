"""What the library's use cases need from outside, in their own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.core.actor import Role
from docplatform.core.audit import AuditRecord
from docplatform.library.access import Caller
from docplatform.library.model import Ancestry, Document, Folder, Order, Page, TransferLink, Version


class LibraryChanges(Protocol):
    """Changes that are stored, counted and audited together, or not at all."""

    def add_folder(self, folder: Folder) -> None:
        """Raises NameTaken or FolderNotFound (the parent is gone) when committed."""

    def change_folder(self, before: Folder, after: Folder) -> None:
        """Rename or move. Raises NameTaken, FolderNotFound, PreconditionFailed when committed."""

    def remove_folder(self, folder: Folder) -> None:
        """Raises FolderNotEmpty or PreconditionFailed when committed."""

    def hold_in_place(self, folders: tuple[Folder, ...]) -> None:
        """Commit only while each of these still stands where it stood. Said before the other changes."""

    def add_document(self, document: Document) -> None:
        """Raises NameTaken, FolderNotFound or QuotaExceeded when committed."""

    def change_document(self, before: Document, after: Document) -> None:
        """Rename or move. Raises NameTaken, FolderNotFound, PreconditionFailed when committed."""

    def remove_document(self, document: Document) -> None:
        """Raises PreconditionFailed when committed."""

    def grant(self, node: Folder | Document, principal: str, role: Role) -> None:
        """Raises TooManyGrants, UserNotFound or GroupNotFound (there is no such principal), ChangedMeanwhile when committed."""

    def revoke(self, node: Folder | Document, principal: str) -> None:
        """Raises ChangedMeanwhile when committed."""

    def set_inheritance(self, node: Folder | Document, inherits: bool, keep: Mapping[str, Role]) -> None:
        """``keep``: what is granted to the node itself at the same time. Raises TooManyGrants, ChangedMeanwhile when committed."""

    def change_version(self, document: Document, version: Version) -> None:
        """Progress of the newest version; the document's revision and times stay. Raises ChangedMeanwhile when committed."""

    def record_key(self, key: str, request: str, result: str) -> None:
        """That this idempotency key made ``result`` of ``request`` (a digest). Raises AlreadyDone when committed."""

    def record(self, record: AuditRecord) -> None: ...


class Library(Protocol):
    """The folders and documents of one tenant, opened for one actor."""

    def folder(self, folder_id: str) -> Folder:
        """Raises FolderNotFound."""

    def document(self, document_id: str) -> Document:
        """Raises DocumentNotFound."""

    def documents(self, document_ids: list[str]) -> dict[str, Document]:
        """Those that are there, in one call per hundred."""

    def ancestry(self, *nodes: Folder | Document) -> Ancestry:
        """One call per hundred folders above, unless one of them has moved. Raises ChangedMeanwhile, FolderNotFound (one above is being
        deleted)."""

    def caller(self, user_id: str) -> Caller:
        """Somebody as permissions see them. Raises UserNotFound (nobody, or not active)."""

    def nodes(self, node_ids: Iterable[str]) -> dict[str, Folder | Document]:
        """Those that are there, in one call per hundred."""

    def granted(self, principals: Iterable[str]) -> dict[str, dict[str, Role]]:
        """By principal: the nodes granted to it. One call per hundred principals."""

    def children(self, folder_id: str, order: Order, *, descending: bool, limit: int, cursor: str) -> Page:
        """One query and one batch. Raises InvalidCursor."""

    def lookup(self, key: str) -> tuple[str, str] | None:
        """The request digest and the result of an idempotency key."""

    def begin(self) -> AbstractContextManager[LibraryChanges]: ...

    def record(self, record: AuditRecord) -> None:
        """Audit what changes nothing."""


class Files(Protocol):
    """The stored files of one tenant."""

    def upload_link(self, document_id: str, version: Version, until: datetime) -> TransferLink:
        """Bound to this key, length and type; good for one object: what has arrived is not overwritten."""

    def download_link(self, document: Document, until: datetime) -> TransferLink: ...

    def preview_link(self, document: Document, kind: str, until: datetime) -> TransferLink:
        """``kind`` is 'preview' or 'thumbnail'."""
