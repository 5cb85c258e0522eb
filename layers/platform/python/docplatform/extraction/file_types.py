"""The types of files that are supported: their media types and extensions, and which of them a client may declare."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum

UNDECLARED = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-download"})
"""Media types that a client sends if it does not know the type."""


class Family(StrEnum):
    """The kind of document, as a user would call it."""

    PDF = "pdf"
    WORD = "word"
    SPREADSHEET = "spreadsheet"
    PRESENTATION = "presentation"
    IMAGE = "image"
    EMAIL = "email"
    TEXT = "text"


class FileType(StrEnum):
    """The types that are supported. A variant with macros or a template (.docm, .xltx, …) counts as its plain type."""

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
    SVG = "svg"
    EMAIL = "email"
    HTML = "html"
    TEXT = "text"
    CSV = "csv"
    MARKDOWN = "markdown"
    JSON = "json"

    @property
    def family(self) -> Family:
        return _FILE_TYPES[self].family

    @property
    def is_plain(self) -> bool:
        """Whether a file of this type is text without a structure by which it could be recognised."""
        return self.family is Family.TEXT and self not in _STRUCTURED

    @property
    def label(self) -> str:
        """The name in a sentence, as in "The file is a Word document"."""
        return _FILE_TYPES[self].label

    @property
    def media_type(self) -> str:
        return _FILE_TYPES[self].media_types[0]

    @property
    def extensions(self) -> tuple[str, ...]:
        """The extensions with their dot, the usual one first."""
        return _FILE_TYPES[self].extensions

    def accepts(self, declared: str) -> bool:
        """Whether a client may declare a file of this type as ``declared``. Case and parameters do not matter.

        Old and alternative media types are accepted. A text may be declared as any text type, because its bytes do not
        show the difference.
        """
        plain = bare(declared)
        if plain in UNDECLARED or plain in _FILE_TYPES[self].media_types:
            return True
        if self in _STRUCTURED:  # recognised by their content: a text too, whatever kind of text is declared
            named = any(plain in _FILE_TYPES[other].media_types for other in _STRUCTURED)
            return plain.endswith("/xml") or (plain.startswith("text/") and not named and plain not in _MARKUP)
        return self.family is Family.TEXT and _is_text(plain)


def bare(media_type: str) -> str:
    """``text/plain; charset=utf-8`` → ``text/plain`` (RFC 9110 §8.3.1: case does not matter)."""
    return media_type.partition(";")[0].strip().lower()


def _is_text(media_type: str) -> bool:
    """Whether a plain text may be declared as ``media_type``: any text, and the types of source code and data, which have
    no end. Types of vendors are not texts, unless their suffix says so (RFC 6839)."""
    kind, _, name = media_type.partition("/")
    if any(media_type in _FILE_TYPES[other].media_types for other in FileType if other.is_plain):
        return True
    if media_type in _MARKUP or any(media_type in _FILE_TYPES[other].media_types for other in FileType):
        return False
    if kind == "text" or name.endswith(("+xml", "+json", "+yaml")):
        return kind != "image"
    return kind == "application" and not name.startswith(("vnd.", "x-iwork", *_BINARY))


def is_supported(media_type: str) -> bool:
    """Whether a supported type of file can have this media type."""
    plain = bare(media_type)
    return plain.startswith("text/") or any(plain in info.media_types for info in _FILE_TYPES.values())


def text_type(declared: str, extension: str, fits: Set[FileType], sure: FileType | None = None) -> FileType:
    """The type of a text file: as declared, else by the file's extension, else by its content. ``fits``: the structured
    texts (HTML, SVG, e-mail) that the content can be. ``sure``: the one that it is without doubt."""
    texts: list[FileType] = [each for each in FileType if (each.is_plain or each in fits) and each is not FileType.TEXT]
    for file_type in texts:
        if bare(declared) in _FILE_TYPES[file_type].media_types:
            return file_type
    for candidate in (*texts, FileType.TEXT):
        if extension.lower() in candidate.extensions and not (sure is FileType.SVG and extension.lower() == ".xml"):
            return candidate
    return sure or FileType.TEXT


@dataclass(frozen=True, slots=True)
class _FileTypeInfo:
    family: Family
    label: str
    media_types: tuple[str, ...]  # the registered one first, then others that clients send
    extensions: tuple[str, ...]


_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_WORD, _EXCEL, _POWERPOINT = "application/vnd.ms-word.", "application/vnd.ms-excel.", "application/vnd.ms-powerpoint."

_STRUCTURED = frozenset({FileType.SVG, FileType.EMAIL, FileType.HTML})
# Media types of text formats with markup. As plain text, their tags would be indexed.
_MARKUP = frozenset({"text/rtf", "text/richtext"})
# Beginnings of the names of binary types under "application/".
_BINARY = (
    "zip",
    "x-zip",
    "gzip",
    "x-gzip",
    "x-7z",
    "x-rar",
    "x-tar",
    "java-archive",
    "epub",
    "rtf",
    "postscript",
    "oxps",
)

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
    FileType.SVG: _FileTypeInfo(Family.IMAGE, "an SVG image", ("image/svg+xml", "image/svg"), (".svg",)),
    FileType.EMAIL: _FileTypeInfo(
        Family.EMAIL,
        "an e-mail message",
        ("message/rfc822", "application/mbox", "multipart/related", "application/x-mimearchive", "message/global"),
        (".eml", ".mbox", ".mht", ".mhtml"),
    ),
    FileType.HTML: _FileTypeInfo(
        Family.TEXT, "a web page", ("text/html", "application/xhtml+xml"), (".html", ".htm", ".xhtml", ".xht")
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
    FileType.JSON: _FileTypeInfo(
        Family.TEXT,
        "a JSON text",
        # A value on each line is what NDJSON and JSON Lines mean.
        (
            *("application/json", "text/json", "application/x-ndjson", "application/ndjson", "application/jsonl"),
            *("application/x-jsonlines", "application/jsonlines", "application/json-seq", "application/geo+json"),
        ),
        (".json", ".ndjson", ".jsonl", ".geojson"),
    ),
}
