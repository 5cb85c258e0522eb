"""Workbooks in Open XML (ECMA-376 part 1 §18), read as a stream of cells."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from docplatform.extraction.formats.office_package import UNREADABLE, Package
from docplatform.extraction.formats.workbooks import number_format
from docplatform.extraction.formats.workbooks.cells import Cell, Sheet, deadline
from docplatform.extraction.formats.xml_events import events, forget
from docplatform.extraction.model import ExtractionLimits

_SHEET_KINDS = frozenset({"worksheet", "xlMacrosheet", "xlIntlMacrosheet", "dialogsheet"})
_EDGES = ("oddHeader", "evenHeader", "firstHeader", "oddFooter", "evenFooter", "firstFooter")
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_CODE = re.compile(r'&("[^"]*"|K[0-9A-Fa-f]{6}|K\d\d[+-]\d{3}|\d+|.)', re.DOTALL)  # §18.3.1.46
_MOST_SHARED = 32_000_000  # characters of shared strings that are kept; a document's text has at most two million
_TRUTH = {"1": "TRUE", "0": "FALSE", "true": "TRUE", "false": "FALSE"}


class XlsxWorkbook:
    """``sheets``: without chart sheets, which have no cells. A sheet whose part is missing has the part ''."""

    with_places = True

    def __init__(self, package: Package, limits: ExtractionLimits) -> None:
        self.incomplete = False
        self._until = deadline(limits)
        self._parts, self._zip = package, package.zip
        self._main = package.main_part()
        self._related = package.relations(self._main)
        self._from_1904 = False
        self.sheets = list(self._listed())
        self._shared: list[str] | None = None
        self._formats: list[str] | None = None
        self._edges: dict[str, None] = {}

    def _listed(self) -> Iterator[Sheet]:
        with self._zip.open(self._main) as stream:
            for starts, name, element in events(stream, ["sheet", "workbookPr"]):
                if not starts:
                    continue
                if name == "workbookPr":
                    self._from_1904 = element.get("date1904", "0") in ("1", "true")
                elif (relation := self._relation_of(element)) is None:
                    yield Sheet(element.get("name", ""), "")
                elif relation.kind in _SHEET_KINDS:
                    yield Sheet(element.get("name", ""), relation.part)

    def _relation_of(self, element: Any) -> Any:
        for key, value in element.attrib.items():
            if key.endswith("}id"):  # r:id, in the transitional or the strict namespace
                return self._related.get(value)
        return None

    def cells(self, sheet: Sheet) -> Iterator[Cell]:
        if not sheet.part:
            self.incomplete = True
            return
        shared, formats = self._strings(), self._styles()
        row = column = -1
        try:
            with self._zip.open(sheet.part) as stream:
                for starts, name, element in events(stream, ["row", "c", *_EDGES]):
                    if starts:
                        if name == "row":
                            if time.monotonic() > self._until:
                                self.incomplete = True
                                return
                            row, column = _number(element.get("r"), row + 1), -1
                        elif name == "c":
                            column += 1
                        continue
                    if name == "c":
                        row, column = _place(element.get("r"), row, column)
                        if cell := self._cell(element, row, column, shared, formats):
                            yield cell
                    elif name in _EDGES and (edge := _edge(element.text or "")):
                        self._edges[edge] = None
                    forget(element)
        except UNREADABLE:
            self.incomplete = True

    def extras(self) -> Iterator[str]:
        yield from self._edges

    def _cell(self, element: Any, row: int, column: int, shared: list[str], formats: list[str]) -> Cell | None:
        kind = element.get("t", "n")
        value = _child_text(element, "v")
        if kind == "inlineStr":
            return _text_cell(row, column, _rich_text(element), self._code(element, formats))
        if not value:
            return None
        if kind == "s":
            index = _number(value, -1) + 1 if value.isdigit() else 0
            text = shared[index] if index < len(shared) else ""
            return _text_cell(row, column, text, self._code(element, formats))
        if kind == "b":
            return Cell(row, column, _TRUTH.get(value, value))
        if kind != "n":
            return Cell(row, column, value)  # the text of a formula, an error, or a date in ISO 8601
        return self._number_cell(row, column, value, self._code(element, formats))

    def _code(self, element: Any, formats: list[str]) -> str:
        style = element.get("s", "0")
        return formats[int(style)] if style.isdigit() and int(style) < len(formats) else number_format.GENERAL

    def _number_cell(self, row: int, column: int, value: str, code: str) -> Cell:
        try:
            number = float(value)
        except ValueError:
            return Cell(row, column, value)
        stored = f"{number:.15g}"
        if code == number_format.GENERAL:
            return Cell(row, column, stored)
        shown = number_format.shown(number, code, from_1904=self._from_1904).strip()
        if number_format.is_date(code):
            stored = number_format.iso_datetime(number, from_1904=self._from_1904)
        return Cell(row, column, shown or stored, stored if shown and stored != shown else "")

    def _strings(self) -> list[str]:
        if self._shared is None:
            self._shared, left = [], _MOST_SHARED
            for part in self._parts.related(self._main, "sharedStrings"):
                try:
                    with self._zip.open(part) as stream:
                        for starts, _, element in events(stream, ["si"]):
                            if not starts:
                                text = _rich_text(element)
                                left -= len(text)
                                self._shared.append(text if left > 0 else "")
                                forget(element)
                except UNREADABLE:
                    self.incomplete = True
            self.incomplete = self.incomplete or left <= 0
        return self._shared

    def _styles(self) -> list[str]:
        """The format of each style of a cell, by its number (§18.8.10)."""
        if self._formats is None:
            self._formats = []
            codes = dict(number_format.BUILT_IN)
            for part in self._parts.related(self._main, "styles"):
                try:
                    self._read_styles(part, codes, self._formats)
                except UNREADABLE:
                    self.incomplete = True
        return self._formats

    def _read_styles(self, part: str, codes: dict[int, str], formats: list[str]) -> None:
        with self._zip.open(part) as stream:
            for starts, name, element in events(stream, ["numFmt", "xf"]):
                if starts:
                    continue
                key = _number(element.get("numFmtId"), -1) + 1
                if name == "numFmt":
                    codes[key] = element.get("formatCode", number_format.GENERAL)
                elif (parent := element.getparent()) is not None and parent.tag.endswith("}cellXfs"):
                    formats.append(codes.get(key, number_format.GENERAL))


def _text_cell(row: int, column: int, text: str, code: str) -> Cell | None:
    if not text:
        return None
    shown = text if code == number_format.GENERAL else number_format.shown_text(text, code)
    return Cell(row, column, shown, text if shown != text else "")


def _number(text: str | None, otherwise: int) -> int:
    """A number of the file that counts from 1, as one that counts from 0."""
    return int(text) - 1 if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _place(reference: str | None, row: int, column: int) -> tuple[int, int]:
    match = _PLACE.fullmatch(reference or "")
    if match is None:
        return row, column
    letters = 0
    for letter in match[1]:
        letters = letters * 26 + ord(letter) - 64
    return int(match[2]) - 1, letters - 1


def _child_text(element: Any, name: str) -> str:
    for child in element:
        if child.tag.rpartition("}")[2] == name:
            return str(child.text or "")
    return ""


def _rich_text(element: Any) -> str:
    """The text of a string item: its runs without phonetic hints (§18.4.8)."""
    texts = []
    for child in element.iter("{*}t"):
        parent = child.getparent()
        if parent is None or not parent.tag.endswith("}rPh"):
            texts.append(child.text or "")
    return "".join(texts)


def _edge(code: str) -> str:
    """The text of a page's header or footer, without its codes for fonts, positions and page numbers."""
    text = _CODE.sub(lambda match: "&" if match[1] == "&" else "\n" if match[1] in "LCR" else "", code[:2_000])
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())
