"""Workbooks in OpenDocument (OpenDocument 1.2 part 1 §9), read as a stream of rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from docplatform.extraction.formats.office_package import UNREADABLE
from docplatform.extraction.formats.workbooks.cells import Cell, Sheet, deadline
from docplatform.extraction.formats.xml_events import attribute, events, forget
from docplatform.extraction.formats.zip_archive import Zip
from docplatform.extraction.model import ExtractionLimits

_CONTENT, _STYLES = "content.xml", "styles.xml"
_CELLS = frozenset({"table-cell", "covered-table-cell"})
_STORED = ("value", "date-value", "time-value")  # §19.385
_MOST_REPEATED = 60  # a value that fills many cells is read so many times: no preview shows more
_MOST_SPACES = 100


class OdsWorkbook:
    with_places = True

    def __init__(self, container: Zip, limits: ExtractionLimits) -> None:
        self.incomplete = False
        self._zip = container
        self._until = deadline(limits)
        self._extras: dict[str, None] = {}
        self.sheets: list[Sheet] = []
        self._list_sheets()
        self._numbered = self._all_cells()
        self._next: tuple[int, Cell] | None = None

    def _list_sheets(self) -> None:
        try:
            with self._zip.open(_CONTENT) as stream:
                for starts, _, element in events(stream, ["table", "table-row"]):
                    if starts and _local(element) == "table" and _is_sheet(element):
                        self.sheets.append(Sheet(attribute(element, "name"), str(len(self.sheets))))
                    elif not starts:
                        forget(element)
        except UNREADABLE:
            if not self.sheets:
                raise
            self.incomplete = True

    def cells(self, sheet: Sheet) -> Iterator[Cell]:
        """All sheets are in one part, which is read once: ask for the sheets in their order."""
        wanted = int(sheet.part)
        while self._next is None or self._next[0] < wanted:
            self._next = next(self._numbered, None)
            if self._next is None:
                return
        while self._next is not None and self._next[0] == wanted:
            yield self._next[1]
            self._next = next(self._numbered, None)

    def _all_cells(self) -> Iterator[tuple[int, Cell]]:
        """Each cell with the number of its sheet."""
        number, row = -1, 0
        try:
            with self._zip.open(_CONTENT) as stream:
                for starts, name, element in events(stream, ["table", "table-row", "shapes"]):
                    if name == "table" and starts and _is_sheet(element):
                        number, row = number + 1, 0
                    elif starts:
                        continue
                    elif name == "shapes":
                        self._add_extras(element)
                    elif name == "table-row":
                        times = _times(element, "number-rows-repeated")
                        found = list(self._row(element))
                        for repeated in range(min(times, _MOST_REPEATED) if found else 0):
                            yield from ((number, cell._replace(row=row + repeated)) for cell in found)
                        row += times
                        if time.monotonic() > self._until:
                            self.incomplete = True
                            return
                    forget(element)
        except UNREADABLE:
            self.incomplete = True

    def extras(self) -> Iterator[str]:
        """Notes and shapes of the sheets that were read, and the headers and footers of pages (§16.10)."""
        yield from self._extras
        if _STYLES not in self._zip:
            return
        seen: dict[str, None] = {}
        try:
            with self._zip.open(_STYLES) as stream:
                for starts, _, element in events(stream, ["header", "footer", "header-left", "footer-left"]):
                    if not starts and (text := "\n".join(_paragraphs(element))):
                        seen[text] = None
        except UNREADABLE:
            self.incomplete = True
        yield from seen

    def _row(self, row: Any) -> Iterator[Cell]:
        column = 0
        for element in row.iter("{*}table-cell", "{*}covered-table-cell"):
            times = _times(element, "number-columns-repeated")
            shown, stored = self._value(element)
            for repeated in range(min(times, _MOST_REPEATED) if shown else 0):
                yield Cell(0, column + repeated, shown, stored)
            column += times

    def _value(self, cell: Any) -> tuple[str, str]:
        lines = []
        for child in cell:
            if _local(child) == "p":
                lines.append(_text(child))
            else:
                self._add_extras(child)
        shown = "\n".join(lines)
        stored = next((found for name in _STORED if (found := attribute(cell, name))), "")
        shown = shown or stored or attribute(cell, "string-value")
        return shown, stored if stored != shown else ""

    def _add_extras(self, element: Any) -> None:
        if text := "\n".join(_paragraphs(element)):
            self._extras[text] = None


def _is_sheet(element: Any) -> bool:
    """Whether a table is a sheet: one within a cell is not."""
    parent = element.getparent()
    return parent is not None and _local(parent) == "spreadsheet"


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _times(element: Any, name: str) -> int:
    written = attribute(element, name)
    return max(1, int(written)) if written.isascii() and written.isdigit() and len(written) < 9 else 1


def _paragraphs(element: Any) -> Iterator[str]:
    for paragraph in element.iter("{*}p"):
        if text := _text(paragraph).strip():
            yield text


def _text(paragraph: Any) -> str:
    """The text of a paragraph with its spaces, tabs and line breaks (§6.1)."""
    pieces = [paragraph.text or ""]
    for child in paragraph:
        name = _local(child)
        if name == "s":
            spaces = attribute(child, "c")
            pieces.append(" " * (min(int(spaces), _MOST_SPACES) if spaces.isascii() and spaces.isdigit() else 1))
        elif name in ("tab", "line-break"):
            pieces.append("\t" if name == "tab" else "\n")
        elif name != "annotation":
            pieces.append(_text(child))
        pieces.append(child.tail or "")
    return "".join(pieces)
