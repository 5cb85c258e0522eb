"""Word documents. Order of the text: the body; notes, comments, headers, footers, diagrams and charts; embedded
documents."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from docplatform.extraction.blocks import BLOCKS_ON_A_PAGE, CHARACTERS_ON_A_PAGE, Block, Flow
from docplatform.extraction.formats import embedded, office_package
from docplatform.extraction.formats.format import FileProperties, TextCollector
from docplatform.extraction.formats.office_package import Package
from docplatform.extraction.formats.office_text import OfficeTextReader, heading_level
from docplatform.extraction.formats.xml_events import attribute, events, forget
from docplatform.extraction.model import ExtractionLimits, TextResult

PARSER_ERRORS = (*office_package.PACKAGE_ERRORS, *embedded.EMBEDDED_ERRORS)

_RELATED = ("footnotes", "endnotes", "comments", "header", "footer", "diagramData", "chart")
_INSERTED = "aFChunk"


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    return office_package.inspect(file, limits)


def text(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult:
    document = Package(file, limits)
    collector = TextCollector(limits)
    all(collector.add(block.text) for block in _blocks(document, limits))
    metadata = document.properties()
    return TextResult(
        text=collector.text(),
        truncated=collector.truncated,
        title=metadata.title,
        author=metadata.author,
        created=metadata.created,
    )


def first_page(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Flow:
    document = Package(file, limits)
    blocks = tuple(islice(_blocks(document, limits, body_only=True), BLOCKS_ON_A_PAGE))
    return Flow(blocks=blocks, picture=b"" if blocks else document.thumbnail())


def _blocks(document: Package, limits: ExtractionLimits, *, body_only: bool = False) -> Iterator[Block]:
    main = document.main_part()
    most = CHARACTERS_ON_A_PAGE if body_only else limits.text_characters
    reader = OfficeTextReader(most, _headings(document, main))
    for part in (main, *([] if body_only else document.related(main, *_RELATED))):
        with document.zip.open(part) as stream:
            yield from reader.read(stream)
    for part in document.related(main, _INSERTED):
        yield from embedded.blocks(document.zip, part, document.content_type(part))


def _headings(document: Package, main: str) -> dict[str, int]:
    """Id of a style → its heading level. Ids are localised ("berschrift1"), so the level is read from the style."""
    levels: dict[str, int] = {}
    for part in document.related(main, "styles"):
        style = ""
        with document.zip.open(part) as stream:
            for starts, name, element in events(stream, ["style", "name", "outlineLvl"]):
                if starts and name == "style":
                    style = attribute(element, "styleId")
                elif starts and name == "outlineLvl" and (level := heading_level(attribute(element, "val"))):
                    levels[style] = level
                elif starts and name == "name" and attribute(element, "val").lower() == "title":
                    levels[style] = 1
                elif not starts and name == "style":
                    forget(element)
    return levels
