"""PowerPoint presentations. Order of the text: for each slide its text, diagrams, charts, notes and comments; then the
texts of layouts and masters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from docplatform.extraction.blocks import BLOCKS_ON_A_PAGE, CHARACTERS_ON_A_PAGE, Block, Slide
from docplatform.extraction.formats import office_package
from docplatform.extraction.formats.format import FileProperties, TextCollector
from docplatform.extraction.formats.office_package import Package
from docplatform.extraction.formats.office_text import OfficeTextReader
from docplatform.extraction.formats.xml_events import events, forget
from docplatform.extraction.model import ExtractionLimits, TextResult

PARSER_ERRORS = office_package.PACKAGE_ERRORS

_RELATED = ("diagramData", "chart", "notesSlide", "comments")


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    return office_package.inspect(file, limits)


def text(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult:
    deck = Package(file, limits)
    slides, _ = _slides(deck)
    collector = TextCollector(limits)
    all(collector.add(block.text) for block in _blocks(deck, slides, limits))
    metadata = deck.properties()
    return TextResult(
        text=collector.text(),
        truncated=collector.truncated,
        pages=len(slides),
        title=metadata.title,
        author=metadata.author,
        created=metadata.created,
    )


def first_page(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Slide:
    deck = Package(file, limits)
    slides, aspect = _slides(deck)
    blocks: tuple[Block, ...] = ()
    if slides:
        with deck.zip.open(slides[0]) as stream:
            blocks = tuple(islice(OfficeTextReader(CHARACTERS_ON_A_PAGE).read(stream), BLOCKS_ON_A_PAGE))
    return Slide(blocks=blocks, aspect=aspect, picture=b"" if blocks else deck.thumbnail(), pages=len(slides))


def _slides(deck: Package) -> tuple[list[str], float]:
    """The parts of the slides in the order of the presentation, and their width divided by their height."""
    main = deck.main_part()
    relations = deck.relations(main)
    slides: list[str] = []
    aspect = 4 / 3
    with deck.zip.open(main) as stream:
        for starts, name, element in events(stream, ["sldId", "sldSz"]):
            if not starts:
                forget(element)
            elif name == "sldSz":
                aspect = _aspect(element.get("cx", ""), element.get("cy", ""))
            else:
                # Two attributes are called "id": the slide's number and, with a namespace, its relationship.
                for key, value in element.attrib.items():
                    if key.endswith("}id") and value in relations:
                        slides.append(relations[value].part)
    return slides, aspect


def _aspect(width: str, height: str) -> float:
    try:
        return min(max(int(width) / int(height), 0.25), 4.0)
    except (ValueError, ZeroDivisionError):
        return 4 / 3


def _blocks(deck: Package, slides: list[str], limits: ExtractionLimits) -> Iterator[Block]:
    reader = OfficeTextReader(limits.text_characters)
    master_reader = OfficeTextReader(limits.text_characters, placeholders=False)
    layouts: dict[str, None] = {}
    for slide in slides:
        for part in (slide, *deck.related(slide, *_RELATED)):
            with deck.zip.open(part) as stream:
                yield from reader.read(stream)
        layouts.update(dict.fromkeys(deck.related(slide, "slideLayout")))
    masters = dict.fromkeys(master for layout in layouts for master in deck.related(layout, "slideMaster"))
    for part in (*layouts, *masters):
        with deck.zip.open(part) as stream:
            yield from master_reader.read(stream)
