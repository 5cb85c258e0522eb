"""Workbooks in the binary formats (.xls, .xlsb), with calamine. Number formats are not read: dates are shown in ISO 8601."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO

import olefile
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from docplatform.extraction.formats import ole
from docplatform.extraction.formats.workbooks.cells import Cell, Sheet
from docplatform.extraction.formats.workbooks.compaction import compact_xls, compact_xlsb
from docplatform.extraction.formats.zip_archive import ZIP_ERRORS, Zip
from docplatform.extraction.model import MEBIBYTE

BINARY_ERRORS: tuple[type[BaseException], ...] = (CalamineError, *ole.OLE_ERRORS, *ZIP_ERRORS, KeyError)

Value = int | float | str | bool | time | date | datetime | timedelta

_MOST_CHECKED = 64 * MEBIBYTE  # a larger file holds its cells, and no small bomb
_SHEETS = "xl/worksheets/"


class BinaryWorkbook:
    def __init__(self, file: BinaryIO, container: Zip | None) -> None:
        """``container``: the zip container of an .xlsb, None for an .xls. Raises BINARY_ERRORS."""
        compacted = _compacted_xls(file) if container is None else _compacted_xlsb(container)
        source, moved, self.incomplete = compacted or (file, False, False)
        self.with_places = not moved
        source.seek(0)
        self._workbook = CalamineWorkbook.from_filelike(source)
        self.sheets = [Sheet(each.name, each.name) for each in self._workbook.sheets_metadata if _has_cells(each.typ)]

    def cells(self, sheet: Sheet) -> Iterator[Cell]:
        try:
            found: CalamineSheet = self._workbook.get_sheet_by_name(sheet.part)
        except CalamineError:
            self.incomplete = True
            return
        first_row, first_column = found.start or (0, 0)
        for row, values in enumerate(found.iter_rows(), first_row):
            for column, value in enumerate(values, first_column):
                if value != "":
                    yield Cell(row, column, value if isinstance(value, str) else cell_text(value))

    def extras(self) -> Iterator[str]:
        return iter(())


def cell_text(value: Value) -> str:
    """The text of a value without a number format: no ".0", a space between date and time."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)


def _has_cells(kind: SheetTypeEnum) -> bool:
    return kind in (SheetTypeEnum.WorkSheet, SheetTypeEnum.DialogSheet)


def _compacted_xls(file: BinaryIO) -> tuple[BinaryIO, bool, bool] | None:
    """The file with its cells moved together, whether cells were moved and left out; None if that was not needed."""
    file.seek(0)
    data = file.read(_MOST_CHECKED)
    if len(data) == _MOST_CHECKED:
        return None
    container: Any = olefile.OleFileIO(io.BytesIO(data))
    for name in ("Workbook", "Book"):
        if container.exists(name):
            stream = bytearray(container.openstream(name).read())
            try:
                moved, left_out = compact_xls(stream)
            except struct.error:
                return None
            if not moved:
                return None
            copy = io.BytesIO(data)
            written: Any = olefile.OleFileIO(copy, write_mode=True)
            written.write_stream(name, bytes(stream))
            return copy, moved, left_out
    return None


def _compacted_xlsb(container: Zip) -> tuple[BinaryIO, bool, bool] | None:
    changed: dict[str, bytes] = {}
    any_left_out = False
    for name in container.names():
        if name.startswith(_SHEETS) and name.endswith(".bin"):
            sheet = bytearray(container.read(name, _MOST_CHECKED))
            try:
                moved, left_out = compact_xlsb(sheet) if len(sheet) < _MOST_CHECKED else (False, False)
            except struct.error:
                continue
            if moved:
                changed[name] = bytes(sheet)
                any_left_out = any_left_out or left_out
    if not changed:
        return None
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, stored in container.stored_names():
            if not name.startswith("xl/media/"):
                archive.writestr(stored, changed.get(name) or container.read(name, _MOST_CHECKED))
    return copy, True, any_left_out
