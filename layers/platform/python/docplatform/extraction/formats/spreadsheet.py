"""Spreadsheets: names of sheets, cells as shown and as stored, headers and footers. From Open XML also comments, text
boxes, diagrams and charts. ``workbooks`` has a reader for each format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO

from docplatform.extraction.blocks import COLUMNS_ON_A_PAGE, ROWS_ON_A_PAGE, Grid
from docplatform.extraction.formats import office_package, ole
from docplatform.extraction.formats.format import FileProperties, TextCollector, decrypted, one_line
from docplatform.extraction.formats.office_package import Package
from docplatform.extraction.formats.office_text import OfficeTextReader
from docplatform.extraction.formats.workbooks.binary import BINARY_ERRORS, BinaryWorkbook
from docplatform.extraction.formats.workbooks.cells import Cell, Sheet, Workbook
from docplatform.extraction.formats.workbooks.ods import OdsWorkbook
from docplatform.extraction.formats.workbooks.xlsx import XlsxWorkbook
from docplatform.extraction.formats.zip_archive import Zip
from docplatform.extraction.model import ExtractionLimits, FileRejected, FileType, RejectionReason, TextResult

PARSER_ERRORS: tuple[type[BaseException], ...] = (*BINARY_ERRORS, *office_package.PACKAGE_ERRORS)

_RELATED = re.compile(
    r"xl/(comments\d*|comments/.*|threadedcomments/.*|drawings/drawing\d*|charts/chart\d*|diagrams/data\d*)\.xml"
)


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    """Inspect a workbook in the old binary format. The other formats are zip containers: see ``office_package``."""
    workbook, _ = _open(file, limits, file_type)
    return FileProperties(kind=FileType(file_type), pages=len(workbook.sheets))


def text(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult:
    """For each sheet its name, then its rows: cells separated by tabs, without the empty ones. A sheet that cannot be
    read is left out, and the text counts as truncated. Raises FileRejected (damaged) if no sheet can be read."""
    workbook, container = _open(file, limits, file_type)
    collector = TextCollector(limits)
    readable = 0
    for sheet in workbook.sheets:
        if not collector.truncated:
            readable += _add_sheet(workbook, sheet, collector)
    if workbook.incomplete and not readable:
        raise FileRejected(RejectionReason.DAMAGED, cause="no sheet can be read")
    _add_all(collector, workbook.extras())
    if container is None:
        metadata = ole.properties(file)
    else:
        _add_all(collector, _related_texts(container, limits))
        metadata = office_package.properties(
            container, "meta.xml" if file_type == FileType.ODS else "docProps/core.xml"
        )
    return TextResult(
        text=collector.text(),
        truncated=collector.truncated or workbook.incomplete,
        pages=len(workbook.sheets),
        title=metadata.title,
        author=metadata.author,
        created=metadata.created,
    )


def first_page(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Grid:
    """The upper left corner of the first sheet with a cell there."""
    workbook, _ = _open(file, limits, file_type)
    pages = len(workbook.sheets)
    for sheet in workbook.sheets:
        if rows := _corner(workbook.cells(sheet)):
            return Grid(rows=rows, title=one_line(sheet.name), with_coordinates=workbook.with_places, pages=pages)
    return Grid(rows=(), title=one_line(next((sheet.name for sheet in workbook.sheets), "")), pages=pages)


def _open(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> tuple[Workbook, Zip | None]:
    """The workbook, and its zip container; None for the old binary format. Raises FileRejected (encrypted)."""
    if file_type == FileType.XLS:
        return BinaryWorkbook(decrypted(file), None), None
    package = Package(file, limits)
    office_package.refuse_encrypted(package.zip)
    if file_type == FileType.ODS:
        return OdsWorkbook(package.zip, limits), package.zip
    if file_type == FileType.XLSB:
        return BinaryWorkbook(package.zip.file, package.zip), package.zip
    return XlsxWorkbook(package, limits), package.zip


def _add_sheet(workbook: Workbook, sheet: Sheet, collector: TextCollector) -> bool:
    """Add the name and the rows of a sheet. Returns whether any of it could be read."""
    before, workbook.incomplete = workbook.incomplete, False
    collector.add(sheet.name)
    filled = False
    for _, row in groupby(workbook.cells(sheet), key=lambda cell: cell.row):
        filled = True
        if not collector.add("\t".join(_both(cell) for cell in row)):
            break
    readable = filled or not workbook.incomplete
    workbook.incomplete = workbook.incomplete or before
    return readable


def _add_all(collector: TextCollector, lines: Iterator[str]) -> None:
    if not collector.truncated:
        all(collector.add(line) for line in lines)


def _both(cell: Cell) -> str:
    """A cell as shown and as stored: people search for either."""
    return f"{cell.shown} {cell.stored}" if cell.stored else cell.shown


def _corner(cells: Iterator[Cell]) -> tuple[tuple[str, ...], ...]:
    """The rows of the upper left corner; none if it is empty."""
    rows: list[list[str]] = []
    for cell in cells:
        if cell.row >= ROWS_ON_A_PAGE:
            break
        if cell.column < COLUMNS_ON_A_PAGE:
            rows.extend([] for _ in range(len(rows), cell.row + 1))
            row = rows[cell.row]
            row.extend("" for _ in range(len(row), cell.column + 1))
            row[cell.column] = cell.shown
    return tuple(tuple(row) for row in rows)


def _related_texts(container: Zip, limits: ExtractionLimits) -> Iterator[str]:
    reader = OfficeTextReader(limits.text_characters)
    for name in container.names():
        if _RELATED.fullmatch(name):
            with container.open(name) as stream:
                for block in reader.read(stream):
                    yield block.text
