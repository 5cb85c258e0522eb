"""The data of extraction: reasons to reject a file, limits, and results. The types of files are in ``file_types.py``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from docplatform.extraction.file_types import Family as Family
from docplatform.extraction.file_types import FileType as FileType
from docplatform.extraction.file_types import bare as bare
from docplatform.extraction.file_types import is_supported as is_supported
from docplatform.extraction.file_types import text_type as text_type

MEBIBYTE = 1024 * 1024


class RejectionReason(Enum):
    """The reason why a file is rejected. There are no other reasons, and the codes are stable."""

    EMPTY_FILE = "empty_file"
    TYPE_MISMATCH = "type_mismatch"
    UNSUPPORTED_TYPE = "unsupported_type"
    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    TOO_COMPLEX = "too_complex"
    SIZE_MISMATCH = "size_mismatch"
    INFECTED = "infected"
    SCAN_FAILED = "scan_failed"

    @property
    def code(self) -> str:
        return str(self.value)

    @property
    def title(self) -> str:
        return _TEXTS[self][0]

    @property
    def advice(self) -> str:
        """A sentence for the user who uploaded the file: how to solve the problem."""
        return _TEXTS[self][1]


_TEXTS: dict[RejectionReason, tuple[str, str]] = {
    RejectionReason.EMPTY_FILE: ("The file is empty", "Check the file on your computer and upload it again."),
    RejectionReason.TYPE_MISMATCH: (
        "The file is not what it says it is",
        "Upload it again with the type and the extension that belong to it.",
    ),
    RejectionReason.UNSUPPORTED_TYPE: (
        "Files of this type cannot be read",
        "Save it as PDF, Word, Excel, PowerPoint, an image or plain text, and upload that.",
    ),
    RejectionReason.ENCRYPTED: (
        "The file is protected with a password",
        "Remove the password and upload it again.",
    ),
    RejectionReason.DAMAGED: (
        "The file is damaged",
        "Open it in the program it was made with, save it anew and upload that.",
    ),
    RejectionReason.TOO_COMPLEX: (
        "The file is too complex to be read",
        "Split it, or save it in a simpler form such as PDF, and upload that.",
    ),
    RejectionReason.SIZE_MISMATCH: (
        "The file is not as long as announced",
        "Delete the document and upload the whole file anew.",
    ),
    RejectionReason.INFECTED: (
        "Malware was found in the file",
        "The file is in quarantine and cannot be downloaded. Delete the document, and check where the file comes from.",
    ),
    RejectionReason.SCAN_FAILED: (
        "The file could not be scanned for malware",
        "It cannot be downloaded. Delete the document and upload the file anew.",
    ),
}


class FileRejected(Exception):
    """The file is rejected. ``detail``: for the user who uploaded it. ``cause``: for the log, with nothing from the
    file."""

    def __init__(self, problem: RejectionReason, detail: str = "", cause: str = "") -> None:
        self.detail = detail or problem.advice
        super().__init__(f"{problem.value}: {self.detail}")
        self.problem = problem
        self.code = problem.code
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionLimits:
    """The resources that one file may use. Text beyond ``text_characters`` is cut. A file that exceeds another limit is
    rejected as too complex.

    ``seconds``: wall-clock time from the moment when the parser process is ready, and processor time.
    ``memory``: bytes that the parser process allocates; its program code (below 50 MB) is not counted.
    ``unpacked``, ``ratio``, ``entries``: for zip containers, the unpacked size in bytes, the unpacked size divided by
    the packed size, and the number of entries.
    ``pixels``: of one image. ``preview``, ``thumbnail``: the largest width and height in pixels.
    """

    seconds: float = 60.0
    memory: int = 448 * MEBIBYTE
    unpacked: int = 1024 * MEBIBYTE
    ratio: int = 250
    entries: int = 10_000
    pages: int = 20_000
    pixels: int = 120_000_000
    text_characters: int = 2_000_000
    preview: tuple[int, int] = (1240, 1754)  # A4 at 150 dpi
    thumbnail: tuple[int, int] = (320, 320)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The type and properties of a file, from its content. ``size`` in bytes, ``sha256`` in hexadecimal.

    ``media_type``: more exact than ``file_type``, which combines variants (.docx and .docm). ``pages``: the number of
    pages of a PDF or TIFF, of slides or of sheets; None if the format does not say. ``entries``: the number of files
    in a zip container, else None.
    """

    file_type: FileType
    media_type: str
    size: int
    sha256: str
    pages: int | None = None
    entries: int | None = None
    has_macros: bool = False


MOST_ATTACHMENTS, LONGEST_ATTACHMENTS = 50, 4_000
"""How many names of attached files are kept of a file, and how many characters they have together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextResult:
    """The text and the metadata of a file. ``text``: lines end with \\n, cells of a table are separated by \\t. It is
    empty for a scan or an image.

    ``title``, ``author``: as the file states them, '' if it does not. ``created``: in UTC, None if the file does not
    state it. ``attachments``: the names of the files in it, at most ``MOST_ATTACHMENTS``.
    """

    text: str
    truncated: bool = False
    pages: int | None = None
    title: str = ""
    author: str = ""
    created: datetime | None = None
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewResult:
    """The first page as two WebP images, no larger than ``ExtractionLimits.preview`` and ``.thumbnail``."""

    preview: bytes
    thumbnail: bytes
    pages: int | None = None
