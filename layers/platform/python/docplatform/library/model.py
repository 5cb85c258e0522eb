"""Folders and documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from docplatform.core import ids
from docplatform.core.actor import Role

DEEPEST = 20  # folders from the root to a new folder

Chain = tuple[str, ...]  # folder ids from the root down; a hint where it is stored, exact where it is walked


@dataclass(frozen=True, slots=True)
class Folder:
    """``parent_id`` is the truth about where a folder stands; ``chain`` (its ancestors, root first) is what it was when written,
    and spares the walk when nothing above has moved since. ``children`` counts documents and folders in it, ``cuts``
    those of them that do not inherit. ``grants`` and ``inherits``: see ``library/access.py``."""

    id: str
    name: str
    parent_id: str
    chain: Chain
    children: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    revision: int
    grants: Mapping[str, Role] = field(default_factory=dict)
    inherits: bool = True
    cuts: int = 0

    @property
    def owner(self) -> str:
        return self.created_by

    @property
    def known_children(self) -> int | None:
        """None where something inside does not inherit access: not everybody may know of it."""
        return None if self.cuts else self.children

    @property
    def is_root(self) -> bool:
        return self.id == ids.ROOT_FOLDER


class State(StrEnum):
    """Of a document's newest version."""

    AWAITING_UPLOAD = "awaiting_upload"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class ProcessingStep(StrEnum):
    """Where processing stands; in the order of work."""

    QUEUED = "queued"
    VERIFYING = "verifying"
    SCANNING = "scanning"
    EXTRACTING = "extracting"
    INDEXING = "indexing"
    DONE = "done"

    @property
    def percent(self) -> int:
        return {"queued": 0, "verifying": 10, "scanning": 30, "extracting": 50, "indexing": 80, "done": 100}[self.value]


@dataclass(frozen=True, slots=True)
class ProcessingError:
    """Why a file could not be processed. ``code`` is of a closed vocabulary, ``detail`` says what to do."""

    code: str
    title: str
    detail: str


class ScanVerdict(StrEnum):
    CLEAN = "clean"
    INFECTED = "infected"
    NOT_SCANNED = "not_scanned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One upload to a document. ``size`` in bytes as declared and then verified; ``sha256`` in hex, known once verified;
    ``storage_version`` is S3's version id of the bytes that were verified: what is downloaded is what was scanned."""

    id: str
    number: int
    size: int
    content_type: str
    created_by: str
    created_at: datetime
    state: State = State.AWAITING_UPLOAD
    step: ProcessingStep = ProcessingStep.QUEUED
    trouble: ProcessingError | None = None
    sha256: str = ""
    storage_version: str = ""
    file_type: str = ""
    pages: int | None = None
    scan: ScanVerdict = ScanVerdict.NOT_SCANNED
    has_text: bool = False
    text_truncated: bool = False
    has_preview: bool = False
    title: str = ""
    author: str = ""
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document stands in one folder. ``chain`` as for a folder: the ids of the folders above it, root first."""

    id: str
    name: str
    folder_id: str
    chain: Chain
    owner: str
    created_at: datetime
    updated_at: datetime
    revision: int
    version: Version
    grants: Mapping[str, Role] = field(default_factory=dict)
    inherits: bool = True


@dataclass(frozen=True, slots=True)
class Ancestry:
    """Of some folders and documents, as they are now: by id, the ``above`` folders from the nearest to the root; and of whoever asks
    the ``groups`` and the ``role``, None when their account is not active any more."""

    above: Mapping[str, tuple[Folder, ...]]
    groups: frozenset[str]
    role: Role | None

    def path(self, node: Folder | Document) -> tuple[Folder | Document, ...]:
        return (node, *self.above[node.id])


class Order(StrEnum):
    NAME = "name"
    CREATED = "created_at"
    UPDATED = "updated_at"


@dataclass(frozen=True, slots=True)
class Page:
    """``items`` are folders and documents; ``next_cursor`` opens the following page, empty at the end."""

    items: tuple[Folder | Document, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class TransferLink:
    """A presigned request: whoever holds it may make it, until ``expires_at``, with exactly these headers."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


def parse_original(key: str) -> tuple[str, str, str] | None:
    """Tenant, document and version of an uploaded file's key; None for any other key."""
    parts = key.split("/")
    if len(parts) != 6 or (parts[0], parts[2], parts[5]) != ("tenants", "documents", "original"):
        return None
    tenant_id, document_id, version_id = parts[1], parts[3], parts[4]
    if ids.is_tenant(tenant_id) and ids.is_a(ids.DOCUMENT, document_id) and ids.is_a(ids.VERSION, version_id):
        return tenant_id, document_id, version_id
    return None
