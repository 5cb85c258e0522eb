"""Ports of processing: the file store, the opener of untrusted files, the malware scan and the search index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from docplatform.extraction.model import FileRejected, FileType
from docplatform.library.access import IndexedPermissions
from docplatform.library.model import Document, ScanVerdict


class StoredFiles(Protocol):
    """The stored files of one tenant. ``library/adapters/s3.py`` explains the methods."""

    def text(self, document: Document) -> str: ...

    def erase(self, document_id: str) -> int:
        """Deletes all files of a document and returns the number of deleted versions. Raises RuntimeError if one is
        left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedFile:
    """A file that has arrived. ``rejected``: why it cannot be processed; then ``file_type`` is None. ``storage_version``: the
    version of the object that was read."""

    sha256: str
    storage_version: str
    file_type: FileType | None
    rejected: FileRejected | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedText:
    """Facts of a text that is stored. ``pages``: None if the format does not say. ``attachments``: names of the files in the
    file."""

    has_text: bool
    truncated: bool = False
    pages: int | None = None
    title: str = ""
    author: str = ""
    attachments: tuple[str, ...] = ()


class FileOpener(Protocol):
    """Opens an untrusted file where it can do no harm, and stores what is made of it. All methods raise
    FileNotFoundError."""

    def inspect(self, document: Document) -> InspectedFile: ...

    def extract(self, document: Document) -> ExtractedText:
        """Stores the text. Raises FileRejected."""

    def preview(self, document: Document) -> None:
        """Stores the pictures of the first page. Raises FileRejected."""


class Scanner(Protocol):
    """The malware scanner of uploads. It sends its results as events, and keeps them with the files."""

    def verdict(self, document: Document, storage_version: str) -> ScanVerdict | None:
        """The result that is kept with the file; None if there is none."""

    def scan_again(self, document: Document, storage_version: str) -> None:
        """Asks for a scan, whose result comes as an event."""


class Index(Protocol):
    """The search entries of one tenant."""

    def put(self, document: Document, text: str, permissions: IndexedPermissions) -> None: ...

    def update_metadata(self, document: Document, permissions: IndexedPermissions) -> bool:
        """Updates all of an entry but its text. Returns False if there is no entry."""

    def remove(self, document_id: str) -> None:
        """Deletes an entry. Safe to repeat. Searches may find it for some seconds."""


class SearchEntries(Index, Protocol):
    """The search entries of one tenant, and whether they are gone."""

    def left(self, document_ids: Collection[str]) -> set[str]:
        """Those of the documents that a search can still find. One call."""
