"""Spreadsheets, with calamine: names of sheets and cells. From Open XML also comments, text boxes, diagrams and
charts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import BinaryIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from docplatform.extraction.blocks import COLUMNS_ON_A_PAGE, ROWS_ON_A_PAGE, Grid
from docplatform.extraction.formats import office_package, ole
from docplatform.extraction.formats.format import FileProperties, TextCollector, one_line
from docplatform.extraction.formats.office_text import OfficeTextReader
from docplatform.extraction.formats.zip_archive import Zip
from docplatform.extraction.model import ExtractionLimits, FileType, TextResult

PARSER_ERRORS: tuple[type[BaseException], ...] = (CalamineError, *office_package.PACKAGE_ERRORS, *ole.OLE_ERRORS)

Cell = int | float | str | bool | time | date | datetime | timedelta

_RELATED = re.compile(
    r"xl/(comments\d*|comments/.*|threadedcomments/.*|drawings/drawing\d*|charts/chart\d*|diagrams/data\d*)\.xml"
)


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    """Inspect a workbook in the old binary format. The other formats are zip containers: see ``office_package``."""
    workbook = _open(file)
    return FileProperties(kind=FileType(file_type), pages=len(workbook.sheet_names))


def text(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult:
    """For each sheet its name, then its rows: cells separated by tabs, without the empty ones."""
    container = _container(file, limits, file_type)
    workbook = _open(file)
    collector = TextCollector(limits)
    all(collector.add(line) for line in _lines(workbook))
    if container is None:
        metadata = ole.properties(file)
    else:
        all(collector.add(line) for line in _related_texts(container, limits))
        metadata = office_package.properties(
            container, "meta.xml" if file_type == FileType.ODS else "docProps/core.xml"
        )
    return TextResult(
        text=collector.text(),
        truncated=collector.truncated,
        pages=len(workbook.sheet_names),
        title=metadata.title,
        author=metadata.author,
        created=metadata.created,
    )


def first_page(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Grid:
    """The first sheet that is not empty."""
    _container(file, limits, file_type)
    workbook = _open(file)
    pages = len(workbook.sheet_names)
    for name, sheet in _sheets(workbook):
        rows = tuple(
            tuple(cell_text(cell) for cell in row[:COLUMNS_ON_A_PAGE])
            for row in sheet.to_python(skip_empty_area=False, nrows=ROWS_ON_A_PAGE)
        )
        if any(any(row) for row in rows):
            return Grid(rows=rows, title=one_line(name), pages=pages)
    return Grid(rows=(), title=one_line(next(iter(workbook.sheet_names), "")), pages=pages)


def _container(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Zip | None:
    """The zip container; None for the old binary format. Raises FileRejected (encrypted), because calamine cannot tell
    an encrypted file from a damaged one."""
    if file_type == FileType.XLS:
        ole.kind(file)
        return None
    container = Zip(file, limits)
    office_package.refuse_encrypted(container)
    return container


def cell_text(cell: Cell) -> str:
    """The text of a cell as a sheet shows it without a number format: no ".0", a space between date and time."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    return str(cell)


def _open(file: BinaryIO) -> CalamineWorkbook:
    file.seek(0)
    return CalamineWorkbook.from_filelike(file)


def _sheets(workbook: CalamineWorkbook) -> Iterator[tuple[str, CalamineSheet]]:
    """The sheets with cells. A chart sheet or a macro sheet has none."""
    for sheet in workbook.sheets_metadata:
        if sheet.typ == SheetTypeEnum.WorkSheet:
            yield sheet.name, workbook.get_sheet_by_name(sheet.name)


def _lines(workbook: CalamineWorkbook) -> Iterator[str]:
    for name, sheet in _sheets(workbook):
        yield name
        for row in sheet.iter_rows():
            if cells := _row(row):
                yield cells


def _row(row: Iterable[Cell]) -> str:
    return "\t".join([cell if isinstance(cell, str) else cell_text(cell) for cell in row if cell != ""])


def _related_texts(container: Zip, limits: ExtractionLimits) -> Iterator[str]:
    reader = OfficeTextReader(limits.text_characters)
    for name in container.names():
        if _RELATED.fullmatch(name):
            with container.open(name) as stream:
                for block in reader.read(stream):
                    yield block.text
