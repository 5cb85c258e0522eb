"""Containers whose content decides what they are, zip and OLE2: inspection only."""

from __future__ import annotations

from typing import BinaryIO

from docplatform.adapters.reading import compound, package, sheets
from docplatform.adapters.reading.engine import Facts
from docplatform.adapters.reading.magic import Container
from docplatform.domain.reading import FileType, Limits

PARSER_ERRORS = sheets.PARSER_ERRORS


def inspect(file: BinaryIO, limits: Limits, file_type: str) -> Facts:
    if file_type == Container.ZIP:
        return package.inspect(file, limits)
    kind = compound.kind(file)
    return sheets.inspect(file, limits, kind) if isinstance(kind, FileType) else Facts(kind=kind)
