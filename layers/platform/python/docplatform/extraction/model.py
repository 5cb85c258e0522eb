"""Reading an uploaded file: what it really is, what can stand in the way, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum

MEBIBYTE = 1024 * 1024

UNDECLARED = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-download"})
"""Media types by which a client says that it does not know."""


class Family(StrEnum):
    """What a reader would call it."""

    PDF = "pdf"
    WORD = "word"
    SPREADSHEET = "spreadsheet"
    PRESENTATION = "presentation"
    IMAGE = "image"
    TEXT = "text"


class FileType(StrEnum):
    """The types that are read. Variants with macros and templates (.docm, .xltx, …) belong to their plain sibling."""

    PDF = "pdf"
    DOCX = "docx"
    XLSX = "xlsx"
    XLSB = "xlsb"
    XLS = "xls"
    ODS = "ods"
    PPTX = "pptx"
    PNG = "png"
    JPEG = "jpeg"
    TIFF = "tiff"
    GIF = "gif"
    WEBP = "webp"
    BMP = "bmp"
    TEXT = "text"
    CSV = "csv"
    MARKDOWN = "markdown"
    JSON = "json"

    @property
    def family(self) -> Family:
        return _FILE_TYPES[self].family

    @property
    def label(self) -> str:
        """As in "The file is a Word document"."""
        return _FILE_TYPES[self].label

    @property
    def media_type(self) -> str:
        return _FILE_TYPES[self].media_types[0]

    @property
    def extensions(self) -> tuple[str, ...]:
        """With their dot, the usual one first."""
        return _FILE_TYPES[self].extensions

    def accepts(self, declared: str) -> bool:
        """Whether a client may declare a file of this type as ``declared`` (any case, parameters are ignored).

        Old names and other spellings count, and so does another text type: bytes do not tell what a text is about.
        """
        plain = bare(declared)
        if plain in UNDECLARED or plain in _FILE_TYPES[self].media_types:
            return True
        if self.family is not Family.TEXT:
            return False
        return (plain.startswith("text/") and plain not in _MARKUP) or any(
            plain in _FILE_TYPES[other].media_types for other in FileType if other.family is Family.TEXT
        )


def bare(media_type: str) -> str:
    """``text/plain; charset=utf-8`` → ``text/plain`` (RFC 9110 §8.3.1: case does not matter)."""
    return media_type.partition(";")[0].strip().lower()


def is_supported(media_type: str) -> bool:
    """Whether files of this media type are read at all."""
    return bare(media_type) not in UNDECLARED and any(file_type.accepts(media_type) for file_type in FileType)


def text_type(declared: str, extension: str) -> FileType:
    """Which of the text types a text is: as declared, else by the file's extension, else plain text."""
    texts = [file_type for file_type in FileType if file_type.family is Family.TEXT]
    for file_type in texts:
        if file_type is not FileType.TEXT and bare(declared) in _FILE_TYPES[file_type].media_types:
            return file_type
    for file_type in texts:
        if extension.lower() in file_type.extensions:
            return file_type
    return FileType.TEXT


class RejectionReason(Enum):
    """Why a file is not read; the vocabulary is closed and its codes are stable."""

    EMPTY_FILE = "empty_file"
    TYPE_MISMATCH = "type_mismatch"
    UNSUPPORTED_TYPE = "unsupported_type"
    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    TOO_COMPLEX = "too_complex"
    SIZE_MISMATCH = "size_mismatch"
    INFECTED = "infected"

    @property
    def code(self) -> str:
        return str(self.value)

    @property
    def title(self) -> str:
        return _TEXTS[self][0]

    @property
    def advice(self) -> str:
        """What the person who uploaded the file can do."""
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
}


class FileRejected(Exception):
    """The file cannot be read. ``detail`` is for whoever uploaded it; ``cause`` for the log: nothing of the file."""

    def __init__(self, problem: RejectionReason, detail: str = "", cause: str = "") -> None:
        self.detail = detail or problem.advice
        super().__init__(f"{problem.value}: {self.detail}")
        self.problem = problem
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionLimits:
    """What one file may cost. Beyond ``text_characters`` text is cut; beyond any other bound the file is too complex.

    ``memory`` (bytes) bounds what the parser process allocates; program code that it maps comes on top (below 50 MB).
    ``seconds`` counts wall-clock time from the first look at the file, and processor time likewise.
    ``unpacked``, ``ratio`` and ``entries`` are for zip containers: bytes in all, unpacked to packed bytes, entries.
    ``preview`` is the largest width and height of the preview, ``thumbnail`` that of the thumbnail, in pixels.
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
    """What a file is, by its content. ``size`` in bytes, ``sha256`` in hex.

    ``media_type`` is exact where ``file_type`` takes variants together (.docm). ``pages`` counts pages of a PDF or
    TIFF, slides or sheets, and is None where the format does not say; ``entries`` the files in a zip container.
    """

    file_type: FileType
    media_type: str
    size: int
    sha256: str
    pages: int | None = None
    entries: int | None = None
    has_macros: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextResult:
    """``text`` has lines ended by \\n, and table cells apart by \\t; it is empty for a scan or a picture.

    ``title`` and ``author`` are as the file states them, empty where it does not; ``created`` likewise, in UTC.
    """

    text: str
    truncated: bool = False
    pages: int | None = None
    title: str = ""
    author: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewResult:
    """The first page as two WebP images, within ``Limits.preview`` and ``Limits.thumbnail``."""

    preview: bytes
    thumbnail: bytes
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class _FileTypeInfo:
    family: Family
    label: str
    media_types: tuple[str, ...]  # the registered one first, then aliases that clients send
    extensions: tuple[str, ...]


_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_WORD, _EXCEL, _POWERPOINT = "application/vnd.ms-word.", "application/vnd.ms-excel.", "application/vnd.ms-powerpoint."

# Text in name, but a language of its own: reading it as plain text would index its tags.
_MARKUP = frozenset({"text/html", "text/rtf", "text/richtext", "text/calendar", "text/vcard"})

_FILE_TYPES: dict[FileType, _FileTypeInfo] = {
    FileType.PDF: _FileTypeInfo(
        Family.PDF, "a PDF document", ("application/pdf", "application/x-pdf", "application/acrobat"), (".pdf",)
    ),
    FileType.DOCX: _FileTypeInfo(
        Family.WORD,
        "a Word document",
        (
            f"{_OPEN_XML}wordprocessingml.document",
            f"{_OPEN_XML}wordprocessingml.template",
            f"{_WORD}document.macroenabled.12",
            f"{_WORD}template.macroenabled.12",
            "application/msword",
        ),
        (".docx", ".docm", ".dotx", ".dotm"),
    ),
    FileType.XLSX: _FileTypeInfo(
        Family.SPREADSHEET,
        "an Excel workbook",
        (
            f"{_OPEN_XML}spreadsheetml.sheet",
            f"{_OPEN_XML}spreadsheetml.template",
            f"{_EXCEL}sheet.macroenabled.12",
            f"{_EXCEL}template.macroenabled.12",
            f"{_EXCEL}addin.macroenabled.12",
            "application/vnd.ms-excel",
        ),
        (".xlsx", ".xlsm", ".xltx", ".xltm"),
    ),
    FileType.XLSB: _FileTypeInfo(
        Family.SPREADSHEET,
        "a binary Excel workbook",
        (f"{_EXCEL}sheet.binary.macroenabled.12", "application/vnd.ms-excel"),
        (".xlsb",),
    ),
    FileType.XLS: _FileTypeInfo(
        Family.SPREADSHEET,
        "an Excel 97-2003 workbook",
        ("application/vnd.ms-excel", "application/msexcel", "application/x-msexcel", "application/x-excel"),
        (".xls",),
    ),
    FileType.ODS: _FileTypeInfo(
        Family.SPREADSHEET,
        "an OpenDocument spreadsheet",
        (
            "application/vnd.oasis.opendocument.spreadsheet",
            "application/vnd.oasis.opendocument.spreadsheet-template",
        ),
        (".ods",),
    ),
    FileType.PPTX: _FileTypeInfo(
        Family.PRESENTATION,
        "a PowerPoint presentation",
        (
            f"{_OPEN_XML}presentationml.presentation",
            f"{_OPEN_XML}presentationml.slideshow",
            f"{_OPEN_XML}presentationml.template",
            f"{_POWERPOINT}presentation.macroenabled.12",
            f"{_POWERPOINT}slideshow.macroenabled.12",
            f"{_POWERPOINT}template.macroenabled.12",
            "application/vnd.ms-powerpoint",
        ),
        (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"),
    ),
    FileType.PNG: _FileTypeInfo(Family.IMAGE, "a PNG image", ("image/png", "image/x-png"), (".png",)),
    FileType.JPEG: _FileTypeInfo(
        Family.IMAGE, "a JPEG image", ("image/jpeg", "image/jpg", "image/pjpeg"), (".jpg", ".jpeg", ".jpe", ".jfif")
    ),
    FileType.TIFF: _FileTypeInfo(
        Family.IMAGE, "a TIFF image", ("image/tiff", "image/tif", "image/x-tiff"), (".tif", ".tiff")
    ),
    FileType.GIF: _FileTypeInfo(Family.IMAGE, "a GIF image", ("image/gif",), (".gif",)),
    FileType.WEBP: _FileTypeInfo(Family.IMAGE, "a WebP image", ("image/webp",), (".webp",)),
    FileType.BMP: _FileTypeInfo(
        Family.IMAGE, "a BMP image", ("image/bmp", "image/x-ms-bmp", "image/x-bmp"), (".bmp", ".dib")
    ),
    FileType.TEXT: _FileTypeInfo(
        Family.TEXT,
        "plain text",
        ("text/plain", "text/xml", "application/xml", "application/yaml"),
        (".txt", ".text", ".log", ".xml", ".yaml", ".yml"),
    ),
    FileType.CSV: _FileTypeInfo(
        Family.TEXT,
        "a table in plain text",
        # Browsers on Windows declare .csv as Excel's old type where Excel is installed.
        ("text/csv", "application/csv", "text/tab-separated-values", "application/vnd.ms-excel"),
        (".csv", ".tsv"),
    ),
    FileType.MARKDOWN: _FileTypeInfo(
        Family.TEXT, "a Markdown text", ("text/markdown", "text/x-markdown"), (".md", ".markdown")
    ),
    FileType.JSON: _FileTypeInfo(Family.TEXT, "a JSON text", ("application/json", "text/json"), (".json",)),
}
