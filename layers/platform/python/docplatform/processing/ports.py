"""What processing needs from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from docplatform.library.access import IndexedPermissions
from docplatform.library.model import Document, ScanVerdict


class StoredFiles(Protocol):
    """One tenant's stored files, as processing sees them."""

    def fetch(self, document_id: str, version_id: str, storage_version: str, path: Path) -> str:
        """Raises FileNotFoundError."""

    def store(self, document_id: str, version_id: str, part: str, content: bytes, content_type: str) -> None: ...

    def text(self, document_id: str, version_id: str) -> str: ...

    def erase(self, document_id: str) -> int:
        """Raises RuntimeError if something survived."""


class Scanner(Protocol):
    def verdict(self, document: Document) -> ScanVerdict | None:
        """None while the scan is under way."""


class Index(Protocol):
    """One tenant's entries in the search index."""

    def put(self, document: Document, text: str, permissions: IndexedPermissions) -> None: ...

    def update_metadata(self, document: Document, permissions: IndexedPermissions) -> bool:
        """Bring an entry's facts (name, folder …) up to date; False if there is no entry yet."""

    def remove(self, document_id: str) -> None:
        """May be repeated. Raises RuntimeError if the entry is still there."""
