"""Ports of processing: the file store, the malware scan and the search index."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from docplatform.library.access import IndexedPermissions
from docplatform.library.model import Document, ScanVerdict


class StoredFiles(Protocol):
    """The stored files of one tenant. ``library/adapters/s3.py`` explains the methods."""

    def fetch(self, document_id: str, version_id: str, storage_version: str, path: Path) -> str:
        """Raises FileNotFoundError."""

    def store(self, document_id: str, version_id: str, part: str, content: bytes, content_type: str) -> None: ...

    def text(self, document: Document) -> str: ...

    def erase(self, document_id: str) -> int:
        """Deletes all files of a document and returns the number of deleted versions. Raises RuntimeError if one is
        left."""


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
