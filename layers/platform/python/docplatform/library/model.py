"""Folders and documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from docplatform.core import ids
from docplatform.core.actor import Role

DEEPEST = 20  # folders from the root to a new folder

Chain = tuple[str, ...]
"""Folder ids from the root down. A stored chain may be out of date: after a move, those below are corrected later."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder. ``parent_id`` is authoritative. ``chain`` holds the ancestors at the time of writing, root first: it
    allows one batch read in place of a walk, and may be out of date.

    ``children`` is the number of documents and folders directly in the folder; ``cuts`` is the number of those that do
    not inherit access. ``levels`` is at least the number of levels of folders below the folder: it grows, and starts
    again when the folder is moved while it is empty. ``grants`` and ``inherits`` are explained in
    ``library/access.py``; ``access_revision`` counts their changes."""

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
    access_revision: int = 0
    levels: int = 0

    @property
    def owner(self) -> str:
        return self.created_by

    @property
    def height(self) -> int:
        """The number of levels of folders below the folder, at most."""
        return self.levels if self.children else 0

    @property
    def known_children(self) -> int | None:
        """The number of children; None if a child does not inherit access, because not everybody may know of it."""
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


FIRST_LOOK = timedelta(minutes=30)
"""The time after which somebody looks for a file that no event has told of, or for the result of its scan. A link to upload is good for
half of it."""


class ProcessingStep(StrEnum):
    """Where processing stands; in the order of work. After its scan, a file waits for its turn in the step ``scanning``."""

    QUEUED = "queued"
    SCANNING = "scanning"
    VERIFYING = "verifying"
    EXTRACTING = "extracting"
    INDEXING = "indexing"
    DONE = "done"

    @property
    def percent(self) -> int:
        return {"queued": 0, "scanning": 10, "verifying": 30, "extracting": 50, "indexing": 80, "done": 100}[self.value]


@dataclass(frozen=True, slots=True)
class ProcessingError:
    """The reason why a file could not be processed. ``code`` is a ``RejectionReason`` or 'processing_failed';
    ``detail`` says what the user can do."""

    code: str
    title: str
    detail: str


class ScanVerdict(StrEnum):
    """What the malware scanner says of a file."""

    CLEAN = "clean"
    INFECTED = "infected"
    NOT_SCANNED = "not_scanned"  # not yet
    UNSUPPORTED = "unsupported"  # no scanner can open it: it has a password, or is too large or too complex
    ACCESS_DENIED = "access_denied"  # the scanner may not read it, which is the platform's fault
    FAILED = "failed"  # the scanner had an error, or never answered

    @property
    def is_final(self) -> bool:
        """Whether another scan would say the same."""
        return self in (ScanVerdict.CLEAN, ScanVerdict.INFECTED, ScanVerdict.UNSUPPORTED)

    @property
    def allows_download(self) -> bool:
        """A file that no scanner can open stays its owner's; the document says that it was not scanned."""
        return self in (ScanVerdict.CLEAN, ScanVerdict.UNSUPPORTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One upload to a document. ``size`` is in bytes: as declared, later verified. ``sha256`` is in hex, and empty
    until the file is verified. ``storage_version`` is the S3 version id of the verified bytes: downloads use it, so
    users get exactly the bytes that were scanned. ``pages`` is None for formats without pages. ``derived_apart``: whether
    its text and pictures stand apart from the uploaded file; earlier versions of the product stored them beside it.
    ``attachments``: names of the files in the file."""

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
    derived_apart: bool = False
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A document, which is in one folder. ``chain`` holds the folders above it as in ``Folder.chain``."""

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
    access_revision: int = 0


@dataclass(frozen=True, slots=True)
class Erasure:
    """The erasure of a deleted document, until it is checked. ``objects``: the number of stored files that were deleted. ``files_gone``:
    whether that was done and checked."""

    document_id: str
    at: datetime
    objects: int
    files_gone: bool


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The current ancestors of some folders and documents, and the current rights of the user who asks.

    ``above`` maps a node's id to the folders above it, from the nearest one to the root. ``groups`` and ``role`` are
    those of the user; ``role`` is None if the account is no longer active."""

    above: Mapping[str, tuple[Folder, ...]]
    groups: frozenset[str]
    role: Role | None

    def path(self, node: Folder | Document) -> tuple[Folder | Document, ...]:
        """The node and the folders above it, from the node up to the root."""
        return (node, *self.above[node.id])


class Order(StrEnum):
    NAME = "name"
    CREATED = "created_at"
    UPDATED = "updated_at"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a folder's children. ``next_cursor`` opens the following page; it is '' on the last page."""

    items: tuple[Folder | Document, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class TransferLink:
    """A presigned request to S3. Anyone who has it can send it until ``expires_at``, with exactly these headers."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


def parse_original(key: str) -> tuple[str, str, str] | None:
    """The tenant's, the document's and the version's id from the S3 key of an upload; None for any other key."""
    parts = key.split("/")
    if len(parts) != 6 or (parts[0], parts[2], parts[5]) != ("tenants", "documents", "original"):
        return None
    tenant_id, document_id, version_id = parts[1], parts[3], parts[4]
    if ids.is_tenant(tenant_id) and ids.is_a(ids.DOCUMENT, document_id) and ids.is_a(ids.VERSION, version_id):
        return tenant_id, document_id, version_id
    return None
