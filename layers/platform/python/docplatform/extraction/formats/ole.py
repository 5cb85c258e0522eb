"""OLE2 compound files ([MS-CFB]): Office 97-2003 files, and the containers of encrypted newer Office files."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any, BinaryIO

import olefile

from docplatform.extraction.file_signatures import ForeignFormat
from docplatform.extraction.formats.format import one_line
from docplatform.extraction.formats.office_package import Properties
from docplatform.extraction.model import FileType

OLE_ERRORS: tuple[type[BaseException], ...] = (OSError, IndexError, KeyError, ValueError, TypeError, struct.error)

_KINDS: dict[str, FileType | ForeignFormat] = {
    "workbook": FileType.XLS,
    "book": FileType.XLS,
    "worddocument": ForeignFormat.WORD_97,
    "powerpoint document": ForeignFormat.POWERPOINT_97,
    "__properties_version1.0": ForeignFormat.OUTLOOK_MESSAGE,
}
_FILE_PASS, _BOUND_SHEET, _END = 0x002F, 0x0085, 0x000A  # records of [MS-XLS] §2.3
_MOST_RECORDS = 100  # an encrypted workbook has the record FilePass among its first records


def kind(file: BinaryIO) -> FileType | ForeignFormat:
    """The type of a compound file, by the names of its streams. Raises OLE_ERRORS."""
    _, streams = _open(file)
    for name, found in _KINDS.items():
        if name in streams:
            return found
    return ForeignFormat.UNKNOWN


def is_package(file: BinaryIO) -> bool:
    """Whether the file is the outer form of an encrypted Open XML file ([MS-OFFCRYPTO] §2.3.4.4). Raises OLE_ERRORS."""
    return "encryptedpackage" in _open(file)[1]


def is_encrypted(file: BinaryIO) -> bool:
    """Raises OLE_ERRORS."""
    container, streams = _open(file)
    workbooks = [name for name in ("workbook", "book") if name in streams]
    return "encryptedpackage" in streams or any(_is_locked(container.openstream(name)) for name in workbooks[:1])


def _open(file: BinaryIO) -> tuple[Any, set[str]]:
    """The container, and the names of its streams in lower case."""
    file.seek(0)
    container: Any = olefile.OleFileIO(file)
    return container, {"/".join(path).lower() for path in container.listdir()}


def properties(file: BinaryIO) -> Properties:
    """Title, author and time of creation from the summary information stream ([MS-OLEPS] §2.25.1)."""
    file.seek(0)
    metadata: Any = olefile.OleFileIO(file).get_metadata()
    created = metadata.create_time if isinstance(metadata.create_time, datetime) else None
    return Properties(
        title=one_line(_decoded(metadata.title, metadata.codepage)),
        author=one_line(_decoded(metadata.author, metadata.codepage)),
        created=created.replace(tzinfo=UTC) if created and created.year > 1601 else None,
    )


def _is_locked(workbook: BinaryIO) -> bool:
    for _ in range(_MOST_RECORDS):
        header = workbook.read(4)
        if len(header) < 4:
            return False
        record, size = struct.unpack("<HH", header)
        if record in (_FILE_PASS, _BOUND_SHEET, _END):
            return bool(record == _FILE_PASS)
        workbook.read(size)
    return False


def _decoded(value: object, codepage: object) -> str:
    if not isinstance(value, bytes):
        return str(value or "")
    return value.decode("utf-8" if codepage in (65001, -535) else "cp1252", errors="replace")
