"""Open XML packages (ECMA-376 part 2) and OpenDocument packages: their type, parts and properties."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import unquote

from docplatform.extraction.file_signatures import ForeignFormat
from docplatform.extraction.formats.format import FileProperties, decrypted, one_line
from docplatform.extraction.formats.xml_events import XML_ERRORS, events, forget
from docplatform.extraction.formats.zip_archive import ZIP_ERRORS, Zip
from docplatform.extraction.model import ExtractionLimits, FileRejected, FileType, RejectionReason

PACKAGE_ERRORS: tuple[type[BaseException], ...] = (*XML_ERRORS, *ZIP_ERRORS, KeyError)
UNREADABLE: tuple[type[BaseException], ...] = (*PACKAGE_ERRORS, FileRejected)
"""What reading a part may raise: a part that is not needed is left out then."""

_CONTENT_TYPES = "[Content_Types].xml"
_MANIFEST = "META-INF/manifest.xml"
_OPEN_XML = (FileType.DOCX, FileType.XLSX, FileType.XLSB, FileType.PPTX)
_COUNTED = {FileType.PPTX: "sldId", FileType.XLSX: "sheet"}
_OPEN_DOCUMENT: dict[str, FileType | ForeignFormat] = {
    "application/vnd.oasis.opendocument.spreadsheet": FileType.ODS,
    "application/vnd.oasis.opendocument.text": ForeignFormat.OPEN_TEXT,
    "application/vnd.oasis.opendocument.presentation": ForeignFormat.OPEN_SLIDES,
    "application/vnd.oasis.opendocument.graphics": ForeignFormat.OPEN_DRAWING,
    "application/epub+zip": ForeignFormat.EPUB,
}


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship to ``part``. ``kind``: the last segment of its type; the segments before it differ between
    transitional and strict Open XML."""

    kind: str
    part: str


@dataclass(frozen=True, slots=True)
class Properties:
    title: str = ""
    author: str = ""
    created: datetime | None = None


class Package:
    """An Open XML package. Every method raises FileRejected and PACKAGE_ERRORS."""

    def __init__(self, file: BinaryIO, limits: ExtractionLimits) -> None:
        self.zip = Zip(decrypted(file), limits)

    def relations(self, part: str = "") -> dict[str, Relation]:
        """The relationships of ``part`` ('': of the package) by id, in their order in the file. Only those to parts
        that exist."""
        folder, name = posixpath.split(part)
        path = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, Relation] = {}
        if path not in self.zip:
            return found
        with self.zip.open(path) as stream:
            for starts, _, element in events(stream, ["Relationship"]):
                if starts:
                    continue
                target = posixpath.normpath(posixpath.join("/", folder, unquote(element.get("Target", "")))).lstrip("/")
                if element.get("TargetMode") != "External" and target in self.zip:
                    kind = element.get("Type", "").rstrip("/").rpartition("/")[2]
                    found[element.get("Id", "")] = Relation(kind, target)
                forget(element)
        return found

    def related(self, part: str, *kinds: str) -> list[str]:
        """The parts to which ``part`` has a relationship of one of ``kinds``, each once."""
        return list(
            dict.fromkeys(relation.part for relation in self.relations(part).values() if relation.kind in kinds)
        )

    def main_part(self) -> str:
        """The part with the document, workbook or presentation. Raises FileRejected (damaged) if there is none."""
        for part in self.related("", "officeDocument"):
            return part
        raise FileRejected(RejectionReason.DAMAGED, cause="no main part")

    def content_type(self, part: str) -> str:
        by_extension = ""
        extension = posixpath.splitext(part)[1].lstrip(".").lower()
        with self.zip.open(_CONTENT_TYPES) as stream:
            for starts, name, element in events(stream, ["Override", "Default"]):
                if starts:
                    continue
                if name == "Override" and element.get("PartName", "").lstrip("/").lower() == part.lower():
                    return str(element.get("ContentType", ""))
                if name == "Default" and element.get("Extension", "").lower() == extension:
                    by_extension = str(element.get("ContentType", ""))
        return by_extension

    def properties(self) -> Properties:
        for part in self.related("", "core-properties"):
            return properties(self.zip, part)
        return Properties()

    def thumbnail(self) -> bytes:
        """The image of the first page that the program stored in the file, or b''."""
        for part in self.related("", "thumbnail"):
            return self.zip.read(part, 4 * 1024 * 1024)
        return b""


def properties(container: Zip, part: str) -> Properties:
    """Title, author and time of creation from ``part``: Open XML's core properties or OpenDocument's meta.xml. Both use
    Dublin Core elements."""
    metadata: dict[str, str] = {}
    if part in container:
        with container.open(part) as stream:
            names = ["title", "creator", "initial-creator", "created", "creation-date"]
            for starts, name, element in events(stream, names):
                if not starts:
                    metadata.setdefault(name, element.text or "")
    return Properties(
        title=one_line(metadata.get("title")),
        author=one_line(metadata.get("initial-creator") or metadata.get("creator")),
        created=_w3c_datetime(metadata.get("created") or metadata.get("creation-date") or ""),
    )


def inspect(file: BinaryIO, limits: ExtractionLimits) -> FileProperties:
    """The type of a zip container. Every entry is unpacked once, to check its size and checksum."""
    package = Package(file, limits)
    if _CONTENT_TYPES in package.zip:
        kind, media_type = _open_xml_type(package)
    elif "mimetype" in package.zip:
        kind, media_type = _open_document_type(package.zip)
    else:
        return FileProperties(kind=_other_package(package.zip))
    if isinstance(kind, ForeignFormat):
        return FileProperties(kind=kind)
    package.zip.check()
    return FileProperties(
        kind=kind,
        media_type=media_type,
        pages=_count(package, kind),
        entries=len(package.zip),
        has_macros=any(name.endswith("vbaproject.bin") for name in package.zip.names()),
    )


def _open_xml_type(package: Package) -> tuple[FileType | ForeignFormat, str]:
    """The file type and media type by the content type of the main part: X.main+xml means a file of media type X. The
    registered media types of files with macros end in ".12"."""
    office = any(name.startswith(("word/", "xl/", "ppt/")) for name in package.zip.names())
    if not office and not package.related("", "officeDocument"):
        return _other_open_package(package), ""
    content_type = package.content_type(package.main_part()).lower()
    media_type = content_type.removesuffix("+xml").removesuffix(".main")
    if "macroenabled" in media_type:
        media_type += ".12"
    for file_type in _OPEN_XML:
        if media_type and file_type.accepts(media_type):
            return file_type, media_type
    return ForeignFormat.UNKNOWN, ""


def _other_open_package(package: Package) -> ForeignFormat:
    names = package.zip.names()
    if any(name.startswith("visio/") for name in names):
        return ForeignFormat.VISIO
    return ForeignFormat.XPS if any(name.endswith((".fdseq", ".fpage")) for name in names) else ForeignFormat.UNKNOWN


def _other_package(container: Zip) -> ForeignFormat:
    """The packages of iWork have the parts Index/*.iwa, or an Index.zip with them; older ones have index.apxl or
    index.xml."""
    parts = (
        "index/document.iwa",
        "index.zip",
        "index.apxl",
        "buildversionhistory.plist",
        "metadata/buildversionhistory.plist",
    )
    return ForeignFormat.IWORK if any(part in container for part in parts) else ForeignFormat.ZIP


def _open_document_type(container: Zip) -> tuple[FileType | ForeignFormat, str]:
    media_type = container.read("mimetype", 200).decode("ascii", errors="replace").strip()
    kind = _OPEN_DOCUMENT.get(media_type.removesuffix("-template"), ForeignFormat.UNKNOWN)
    refuse_encrypted(container)
    return kind, media_type


def refuse_encrypted(container: Zip) -> None:
    """Raises FileRejected (encrypted) if the manifest of an OpenDocument file lists an encrypted entry
    (OpenDocument 1.2 part 3 §3.4)."""
    if _MANIFEST in container:
        with container.open(_MANIFEST) as stream:
            for _ in events(stream, ["encryption-data"]):
                raise FileRejected(RejectionReason.ENCRYPTED)


def _count(package: Package, kind: FileType) -> int | None:
    tag = _COUNTED.get(kind)
    if tag is None:
        return None
    with package.zip.open(package.main_part()) as stream:
        return sum(1 for starts, _, _ in events(stream, [tag]) if starts)


def _w3c_datetime(text: str) -> datetime | None:
    """The time in W3CDTF (a profile of ISO 8601). Without a time zone it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
