"""Paragraphs, lists and tables of WordprocessingML and DrawingML. Both use the same local names (p, r, t, tbl, tr, tc).

The XML is read once, as a stream, and elements are freed after they are read. So the memory does not grow with the
document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from docplatform.extraction.blocks import Block, Kind
from docplatform.extraction.formats.xml_events import attribute, events, forget

_TEXT = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# Elements without text of their own: a fallback repeats its choice, moved text is read at its new place, and a ruby
# shows the pronunciation of its base.
_SKIPPED = frozenset({"Fallback", "moveFrom", "rt"})
# "text" is a comment in a sheet and in old presentations; "strCache" holds the texts of a chart.
_PARAGRAPHS = frozenset({"p", "text", "strCache"})
_TAGS = (*_TEXT, *_SKIPPED, *_PARAGRAPHS, "r", "t", "v", "pStyle", "numPr", "outlineLvl", "tbl", "tr", "tc", "sp", "ph")
_TITLES = frozenset({"title", "ctrTitle"})
_FILLED_IN = frozenset({"sldNum", "dt", "sldImg"})  # placeholders with the slide's number, the date, the slide's image


@dataclass(slots=True)
class _Paragraph:
    texts: list[str] = field(default_factory=list)
    style: str = ""
    outline: int = 0
    item: bool = False
    within: list[Block] = field(default_factory=list)  # paragraphs of text boxes that are anchored in this paragraph


@dataclass(slots=True)
class _Table:
    cells: list[str] = field(default_factory=list)
    cell: list[str] = field(default_factory=list)


class OfficeTextReader:
    """Reads the blocks of a part. ``most``: about the number of characters after which it stops. ``headings``: id of
    a style → heading level.

    ``placeholders``: whether text in placeholders is read. In a slide's master it only says "Click to edit".
    """

    def __init__(self, most: int, headings: Mapping[str, int] | None = None, *, placeholders: bool = True) -> None:
        self._most = most
        self._headings = headings or {}
        self._placeholders = placeholders

    def read(self, stream: IO[bytes]) -> Iterator[Block]:
        """The blocks in the order of the document. Raises the errors of ``xml_events.events``."""
        return _BlockStream(self._most, self._headings, self._placeholders).blocks(stream)


class _BlockStream:
    def __init__(self, most: int, headings: Mapping[str, int], placeholders: bool) -> None:
        self._left = most
        self._headings = headings
        self._read_placeholders = placeholders
        self._paragraphs: list[_Paragraph] = []
        self._tables: list[_Table] = []
        self._placeholder: str | None = None
        self._skipping = 0
        self._done: list[Block] = []

    def blocks(self, stream: IO[bytes]) -> Iterator[Block]:
        for starts, name, element in events(stream, _TAGS):
            if name in _SKIPPED:
                self._skipping += 1 if starts else -1
            elif self._skipping:
                continue
            elif starts:
                self._start(name, element)
            else:
                self._end(name, element)
                if self._done:
                    yield from self._done
                    self._done.clear()
                if self._left < 0:
                    break
        while self._paragraphs:
            self._end_paragraph()
        yield from self._done

    def _start(self, name: str, element: Any) -> None:
        if name in _PARAGRAPHS:
            self._paragraphs.append(_Paragraph())
        elif name == "tbl":
            self._tables.append(_Table())
        elif name == "sp":
            self._placeholder = None
        elif name == "ph":
            self._placeholder = element.get("type", "body")
        elif self._paragraphs:
            if name == "pStyle":
                self._paragraphs[-1].style = attribute(element, "val")
            elif name == "numPr":
                self._paragraphs[-1].item = True
            elif name == "outlineLvl":
                self._paragraphs[-1].outline = heading_level(attribute(element, "val"))

    def _end(self, name: str, element: Any) -> None:
        if name == "t" or name == "v":
            self._say(element.text or "")
            if name == "v":
                self._say("\n")
        elif name in _TEXT:
            parent = element.getparent()
            if parent is None or not parent.tag.endswith("}tabs"):  # in "tabs", a tab is a tab stop, not a character
                self._say(_TEXT[name])
        elif name in _PARAGRAPHS:
            if name == "text" and element.text:
                self._say(element.text)
            if self._paragraphs:
                self._end_paragraph()
            if not self._paragraphs:
                forget(element)
        elif name == "r":
            forget(element)  # a paragraph can be as long as a book
        elif name == "tc" and self._tables:
            table = self._tables[-1]
            table.cells.append("\n".join(table.cell))
            table.cell.clear()
        elif name == "tr" and self._tables:
            self._end_row()
            if not self._paragraphs:
                forget(element)
        elif name == "tbl" and self._tables:
            self._tables.pop()
        elif name == "sp":
            self._placeholder = None

    def _say(self, text: str) -> None:
        if self._paragraphs and text:
            self._paragraphs[-1].texts.append(text)
            self._left -= len(text)

    def _end_paragraph(self) -> None:
        paragraph = self._paragraphs.pop()
        text = "".join(paragraph.texts).strip()
        blocks = [self._block(paragraph, text), *paragraph.within] if text and self._is_read() else paragraph.within
        if self._paragraphs:
            self._paragraphs[-1].within.extend(blocks)
        elif self._tables:
            self._tables[-1].cell.extend(block.text for block in blocks)
        else:
            self._done.extend(blocks)

    def _is_read(self) -> bool:
        return self._placeholder is None or (self._read_placeholders and self._placeholder not in _FILLED_IN)

    def _block(self, paragraph: _Paragraph, text: str) -> Block:
        level = paragraph.outline or self._headings.get(paragraph.style, 0)
        if self._placeholder in _TITLES:
            level = 1
        if level:
            return Block(Kind.HEADING, text, level)
        if paragraph.item or self._placeholder not in (None, "subTitle"):
            return Block(Kind.ITEM, text)
        return Block(Kind.PARAGRAPH, text)

    def _end_row(self) -> None:
        table = self._tables[-1]
        cells = tuple(table.cells)
        table.cells.clear()
        if not any(cells):
            return
        row = Block(Kind.ROW, "\t".join(cells), cells=cells)
        if self._paragraphs:  # a table in a text box
            self._paragraphs[-1].within.append(row)
        elif len(self._tables) > 1:
            self._tables[-2].cell.append(row.text)
        else:
            self._done.append(row)


def heading_level(outline: str) -> int:
    """The heading level of an outline level, from 1; 0 for body text. WordprocessingML counts from 0, and 9 is body
    text (ECMA-376 part 1 §17.3.1.20)."""
    return int(outline) + 1 if outline.isascii() and outline.isdigit() and int(outline) < 9 else 0
