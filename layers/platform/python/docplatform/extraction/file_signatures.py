"""The type of a file by its first bytes. The content of a container (zip, OLE2) is examined in the parser process."""

from __future__ import annotations

import re
from enum import Enum, StrEnum

from docplatform.extraction.model import FileType

HEAD = 64 * 1024
"""The number of bytes at the beginning of a file that ``recognise`` needs."""


class Container(StrEnum):
    ZIP = "zip"
    OLE2 = "ole2"
    TEXT = "text"


class ForeignFormat(Enum):
    """A type that is recognised but not supported: its name, its usual media types, and advice for the user."""

    WORD_97 = "a Word 97-2003 document", ("application/msword",), "Save it as a Word document (.docx) or as PDF."
    POWERPOINT_97 = (
        "a PowerPoint 97-2003 presentation",
        ("application/vnd.ms-powerpoint",),
        "Save it as a PowerPoint presentation (.pptx) or as PDF.",
    )
    OUTLOOK_MESSAGE = "an Outlook message", ("application/vnd.ms-outlook",), "Save it as PDF."
    RICH_TEXT = "a Rich Text document", ("application/rtf", "text/rtf"), "Save it as a Word document (.docx) or as PDF."
    OPEN_TEXT = (
        "an OpenDocument text",
        ("application/vnd.oasis.opendocument.text",),
        "Save it as a Word document (.docx) or as PDF.",
    )
    OPEN_SLIDES = (
        "an OpenDocument presentation",
        ("application/vnd.oasis.opendocument.presentation",),
        "Save it as a PowerPoint presentation (.pptx) or as PDF.",
    )
    POSTSCRIPT = "a PostScript file", ("application/postscript",), "Save it as PDF."
    HEIC = "a HEIC image", ("image/heic", "image/heif"), "Save it as JPEG."
    AVIF = "an AVIF image", ("image/avif",), "Save it as JPEG."
    JPEG_2000 = "a JPEG 2000 image", ("image/jp2",), "Save it as JPEG."
    PHOTOSHOP = "a Photoshop image", ("image/vnd.adobe.photoshop",), "Save it as JPEG."
    EPUB = "an e-book", ("application/epub+zip",), "Save it as PDF."
    PAGES = (
        "an Apple Pages document",
        ("application/vnd.apple.pages", "application/x-iwork-pages-sffpages"),
        "Export it from Pages as a Word document (.docx) or as PDF.",
    )
    NUMBERS = (
        "an Apple Numbers spreadsheet",
        ("application/vnd.apple.numbers", "application/x-iwork-numbers-sffnumbers"),
        "Export it from Numbers as an Excel workbook (.xlsx) or as PDF.",
    )
    KEYNOTE = (
        "an Apple Keynote presentation",
        ("application/vnd.apple.keynote", "application/x-iwork-keynote-sffkey"),
        "Export it from Keynote as a PowerPoint presentation (.pptx) or as PDF.",
    )
    IWORK = (
        "an Apple iWork document",
        ("application/vnd.apple.iwork",),
        "Export it as a Microsoft Office file or as PDF.",
    )
    OPEN_DRAWING = (
        "an OpenDocument drawing",
        ("application/vnd.oasis.opendocument.graphics",),
        "Save it as PDF or as an image.",
    )
    VISIO = (
        "a Visio drawing",
        ("application/vnd.ms-visio.drawing", "application/vnd.visio", "application/vnd.ms-visio.drawing.main+xml"),
        "Save it as PDF.",
    )
    XPS = "an XPS document", ("application/oxps", "application/vnd.ms-xpsdocument"), "Save it as PDF."
    ZIP = "a zip archive", ("application/zip", "application/x-zip-compressed"), "Unpack it and upload the files in it."
    GZIP = "a gzip archive", ("application/gzip", "application/x-gzip"), "Unpack it and upload the files in it."
    SEVEN_ZIP = "a 7-Zip archive", ("application/x-7z-compressed",), "Unpack it and upload the files in it."
    RAR = "a RAR archive", ("application/vnd.rar", "application/x-rar"), "Unpack it and upload the files in it."
    VIDEO = "a video", ("video/mp4", "video/quicktime"), "Upload documents, images or plain text."
    PROGRAM = "a program", ("application/x-msdownload",), "Upload documents, images or plain text."
    UNKNOWN = "of a type that is not known here", (), "Save it as PDF, an image or plain text."

    def __init__(self, label: str, media_types: tuple[str, ...], advice: str) -> None:
        self.label = label
        self.media_types = media_types
        self.advice = advice


_PREFIXES: tuple[tuple[bytes, FileType | Container | ForeignFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", FileType.PNG),
    (b"\xff\xd8\xff", FileType.JPEG),
    (b"II*\x00", FileType.TIFF),
    (b"MM\x00*", FileType.TIFF),
    (b"II+\x00", FileType.TIFF),  # BigTIFF
    (b"MM\x00+", FileType.TIFF),
    (b"GIF87a", FileType.GIF),
    (b"GIF89a", FileType.GIF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Container.OLE2),
    (b"PK\x03\x04", Container.ZIP),
    (b"PK\x05\x06", Container.ZIP),
    (b"PK\x07\x08", Container.ZIP),
    (b"{\\rtf", ForeignFormat.RICH_TEXT),
    (b"\x00\x00\x00\x0cjP  ", ForeignFormat.JPEG_2000),
    (b"8BPS", ForeignFormat.PHOTOSHOP),
    (b"%!PS", ForeignFormat.POSTSCRIPT),
    (b"\x1f\x8b", ForeignFormat.GZIP),
    (b"7z\xbc\xaf\x27\x1c", ForeignFormat.SEVEN_ZIP),
    (b"Rar!\x1a\x07", ForeignFormat.RAR),
    (b"\x7fELF", ForeignFormat.PROGRAM),
    (b"\xcf\xfa\xed\xfe", ForeignFormat.PROGRAM),
)

_BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_PDF_WITHIN = 1024  # ISO 32000-1, annex H, note 13: readers accept the header within the first 1024 bytes
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_NOT_IN_TEXT = bytes(set(range(32)) - set(b"\t\n\x0c\r\x1a\x1b")) + b"\x7f"


def recognise(head: bytes) -> FileType | Container | ForeignFormat:
    """The type or the container of a file. ``head``: its first ``HEAD`` bytes."""
    for prefix, meaning in _PREFIXES:
        if head.startswith(prefix):
            return meaning
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return FileType.WEBP
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        return FileType.BMP
    if head[4:8] == b"ftyp":
        return {
            b"heic": ForeignFormat.HEIC,
            b"heix": ForeignFormat.HEIC,
            b"mif1": ForeignFormat.HEIC,
            b"avif": ForeignFormat.AVIF,
        }.get(head[8:12], ForeignFormat.VIDEO)
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return FileType.PDF
    if head.startswith(b"MZ") and _looks_binary(head):
        return ForeignFormat.PROGRAM
    return ForeignFormat.UNKNOWN if _looks_binary(head) else Container.TEXT


_HEADER_LINE = re.compile(rb"(?:From [^\n]*\n)?[!-9;-~]{1,80}:[ \t\r\n]")  # RFC 5322 §2.2; in a mailbox, "From " first
_KNOWN_HEADER = re.compile(
    rb"^(From|To|Subject|Date|Message-ID|Received|Return-Path|MIME-Version|Delivered-To):", re.IGNORECASE | re.MULTILINE
)
_TAG = re.compile(rb"<[!/?A-Za-z]")
_PROLOGUE = rb"(?:\s|<\?[^>]{0,500}>|<!--.{0,5000}?-->|<!DOCTYPE[^>\[]{0,500}(?:\[.{0,20000}?\]\s*)?>){0,50}?"
_SVG = re.compile(_PROLOGUE + rb"<(?:[\w.-]{1,20}:)?svg[\s>/]", re.DOTALL)
_PAGE = re.compile(
    rb"(?:\s|<\?xml[^>]{0,500}>|<!--.{0,5000}?-->){0,50}?<(?:!doctype\s+html|html|head|body)[\s>]", re.I | re.S
)


def text_format(head: bytes) -> frozenset[FileType]:
    """What a text can be besides plain text, by its first bytes: of SVG, HTML and EMAIL those that fit."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", errors="ignore").encode()
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    found = set()
    if _SVG.match(head):
        found.add(FileType.SVG)
    if _TAG.search(head):
        found.add(FileType.HTML)
    if _HEADER_LINE.match(head):
        found.add(FileType.EMAIL)
    return frozenset(found)


def sure_text_format(head: bytes) -> FileType | None:
    """SVG, HTML or EMAIL, if the first bytes leave no doubt although nobody declared it."""
    bare_head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    fits = text_format(head)
    if FileType.SVG in fits:
        return FileType.SVG
    if _PAGE.match(bare_head):
        return FileType.HTML
    headers = {
        name.lower() for name in _KNOWN_HEADER.findall(bare_head.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0])
    }
    return FileType.EMAIL if FileType.EMAIL in fits and len(headers) >= 3 else None


def _looks_binary(head: bytes) -> bool:
    """Whether ``head`` is not text. Texts hold almost no control characters; but UTF-16 and UTF-32 hold zero bytes, so
    these encodings are recognised first."""
    if head.startswith(_BYTE_ORDER_MARKS) or utf16_without_mark(head):
        return False
    return len(head) - len(head.translate(None, _NOT_IN_TEXT)) > len(head) // 1000


def utf16_without_mark(head: bytes) -> str:
    """``utf-16-le``, ``utf-16-be`` or ''. In Western text in UTF-16 nearly every second byte is zero, and no other."""
    if len(head) < 4 or (len(head) % 2 and len(head) < HEAD):
        return ""
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd > half * 0.7 and even == 0:
        return "utf-16-le"
    if even > half * 0.7 and odd == 0:
        return "utf-16-be"
    return ""
