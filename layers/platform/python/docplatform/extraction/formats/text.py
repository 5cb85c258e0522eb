"""Plain text in any encoding, CSV, Markdown and JSON."""

from __future__ import annotations

import codecs
import csv
import io
from typing import BinaryIO

from docplatform.extraction.blocks import (
    BLOCKS_ON_A_PAGE,
    CHARACTERS_ON_A_PAGE,
    COLUMNS_ON_A_PAGE,
    ROWS_ON_A_PAGE,
    Block,
    FirstPage,
    Flow,
    Grid,
    Kind,
)
from docplatform.extraction.file_signatures import HEAD
from docplatform.extraction.formats.encodings import encoding_of
from docplatform.extraction.formats.format import FileProperties, TextCollector, clean
from docplatform.extraction.model import ExtractionLimits, FileRejected, FileType, RejectionReason, TextResult

PARSER_ERRORS: tuple[type[BaseException], ...] = (csv.Error,)

_LONGEST_LINE = 2_000


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    """Check only that the file has text. Raises FileRejected (empty_file)."""
    _decode(file, HEAD)
    return FileProperties(kind=FileType(file_type))


def text(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult:
    found, whole = _decode(file, limits.text_characters * 4)
    collector = TextCollector(limits)
    collector.add(found)
    return TextResult(text=collector.text(), truncated=collector.truncated or not whole)


def first_page(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FirstPage:
    beginning, _ = _decode(file, HEAD)
    beginning = clean(beginning)[:CHARACTERS_ON_A_PAGE]
    if file_type == FileType.CSV and (rows := _table(beginning)):
        return Grid(rows=rows, with_coordinates=False)
    lines = beginning.split("\n")[:BLOCKS_ON_A_PAGE]
    as_block = _markdown if file_type == FileType.MARKDOWN else _paragraph
    return Flow(blocks=tuple(as_block(line[:_LONGEST_LINE]) for line in lines))


def _decode(file: BinaryIO, most: int) -> tuple[str, bool]:
    """The text in the first ``most`` bytes, and whether the file has no more bytes."""
    file.seek(0)
    data = file.read(most)
    whole = not file.read(1)
    encoding, start = encoding_of(data, whole=whole)
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    decoded = decoder.decode(data[start:], final=whole)
    if whole and not decoded.strip("\ufffd\0 \r\n\t"):
        raise FileRejected(
            RejectionReason.EMPTY_FILE, "There is no text in the file. Check it on your computer and upload it again."
        )
    return decoded, whole


def _table(beginning: str) -> tuple[tuple[str, ...], ...]:
    """The first rows of a CSV text; none if it has fewer than two columns. The delimiter is the character that occurs
    most often in each of the first lines."""
    lines = [line for line in beginning.split("\n") if line.strip()][:20]
    delimiter = max(",;\t|", key=lambda sign: min((line.count(sign) for line in lines), default=0))
    rows: list[tuple[str, ...]] = []
    try:
        for row in csv.reader(io.StringIO(beginning), delimiter=delimiter):
            rows.append(tuple(row[:COLUMNS_ON_A_PAGE]))
            if len(rows) == ROWS_ON_A_PAGE:
                break
    except csv.Error:
        return ()
    return tuple(rows) if max((len(row) for row in rows), default=0) > 1 else ()


def _paragraph(line: str) -> Block:
    return Block(Kind.PARAGRAPH, line)


def _markdown(line: str) -> Block:
    """The block of a line: a heading or an item of a list (CommonMark §4.2, §5.2), else the line as it is."""
    stripped = line.lstrip()
    level = len(stripped) - len(stripped.lstrip("#"))
    if 0 < level <= 6 and stripped[level : level + 1] == " ":
        return Block(Kind.HEADING, stripped[level:].strip(" #"), level)
    if stripped[:2] in ("- ", "* ", "+ "):
        return Block(Kind.ITEM, stripped[2:])
    return Block(Kind.PARAGRAPH, line)
