"""Inspection of containers (zip, OLE2), whose type depends on their content."""

from __future__ import annotations

from typing import BinaryIO

from docplatform.extraction.file_signatures import Container
from docplatform.extraction.formats import office_package, ole, spreadsheet
from docplatform.extraction.formats.format import FileProperties, decrypted
from docplatform.extraction.model import ExtractionLimits, FileType

PARSER_ERRORS = spreadsheet.PARSER_ERRORS


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    if file_type == Container.ZIP:
        return office_package.inspect(file, limits)
    opened = decrypted(file)
    if opened is not file and opened.read(2) == b"PK":
        return office_package.inspect(opened, limits)
    kind = ole.kind(opened)
    return spreadsheet.inspect(opened, limits, kind) if isinstance(kind, FileType) else FileProperties(kind=kind)
