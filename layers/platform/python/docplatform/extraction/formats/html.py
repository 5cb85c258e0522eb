"""HTML and SVG, with libxml2's forgiving parser. No script is run and nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

from lxml import etree

from docplatform.extraction.blocks import BLOCKS_ON_A_PAGE, Block, Flow, Kind
from docplatform.extraction.formats import text as plain
from docplatform.extraction.formats.encodings import decode
from docplatform.extraction.formats.format import FileProperties, TextCollector, one_line
from docplatform.extraction.model import MEBIBYTE, ExtractionLimits, FileType, TextResult

PARSER_ERRORS: tuple[type[BaseException], ...] = (etree.LxmlError, AssertionError)

_MOST = 32 * MEBIBYTE  # bytes: pages hold images and scripts beside their text
_INVISIBLE = ("script", "style", "template", "noscript")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    {
        "p",
        "div",
        "br",
        "li",
        "tr",
        "table",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "hr",
        "section",
        "article",
        "header",
        "footer",
    }
    | {"blockquote", "pre", "address", "figcaption", "caption", "option", "form", "fieldset", "legend", "aside", "main"}
    | {"text", "desc", "title", "svg"}  # SVG 2 §11.2 and §5.8
)
_CELLS = frozenset({"td", "th"})
_DOCTYPE = re.compile(
    r"<!DOCTYPE[^>\[]{0,500}\[.{0,20000}?\]\s*>", re.IGNORECASE | re.DOTALL
)  # with entities of its own
_MOVES = ("x", "y", "dx", "dy")  # a tspan with such an attribute begins at another place


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    """Check only that the file has text. Raises FileRejected (empty_file)."""
    return plain.inspect(file, limits, file_type)


def text(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult:
    """What a reader would see, and the alternative texts of images. The title and the author are metadata."""
    data, whole = _read(file)
    root = _root(data)
    title = one_line(_first(root, "//title"))
    author = one_line(_first(root, "//meta[@name='author' or @name='Author']/@content"))
    collector = TextCollector(limits)
    all(collector.add(block.text) for block in _blocks(root, file_type))
    return TextResult(
        text=collector.text(),
        truncated=collector.truncated or not whole,
        title=title,
        author=author,
    )


def first_page(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Flow:
    data, _ = _read(file)
    return Flow(blocks=tuple(islice(_blocks(_root(data), file_type), BLOCKS_ON_A_PAGE)))


def blocks(data: bytes, *, declared: str = "") -> Iterator[Block]:
    """The blocks of a page. ``declared``: its encoding, as the message or package around it says."""
    return _blocks(_root(data, declared), FileType.HTML)


def _read(file: BinaryIO) -> tuple[bytes, bool]:
    file.seek(0)
    data = file.read(_MOST)
    return data, not file.read(1)


def _root(data: bytes, declared: str = "") -> Any:
    if not data.strip():
        return None
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True, recover=True
    )
    text = _DOCTYPE.sub("", decode(data, declared=declared).replace("\0", ""), count=1)
    try:
        root = etree.fromstring(text.encode("utf-8", errors="replace"), parser)
    except etree.ParserError:  # a page of comments only
        return None
    if root is not None:
        etree.strip_elements(root, *_INVISIBLE, with_tail=False)
    return root


def _first(root: Any, path: str) -> str:
    for found in root.xpath(path) if root is not None else ():
        return str(found if isinstance(found, str) else found.text or "")
    return ""


def _blocks(root: Any, file_type: str) -> Iterator[Block]:
    if root is None:
        return
    if file_type != FileType.SVG:
        for head in root.xpath("/html/head"):
            head.clear()
    words: list[str] = []
    kind, level = Kind.PARAGRAPH, 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        name = element.tag
        starts = event == "start"
        if name in _BLOCKS or name in _HEADINGS:
            yield from _block(words, kind, level)
            kind, level = (Kind.PARAGRAPH, 0) if not starts else _kind_of(name, kind, level)
        if starts:
            words.append(_before(element))
            words.append(element.text or "")
        else:
            words.append("\t" if name in _CELLS else "")
            words.append(element.tail or "")
    yield from _block(words, kind, level)


def _kind_of(name: str, kind: Kind, level: int) -> tuple[Kind, int]:
    if name in _HEADINGS:
        return Kind.HEADING, _HEADINGS[name]
    if name == "li":
        return Kind.ITEM, 0
    return (kind, level) if name == "br" else (Kind.PARAGRAPH, 0)


def _before(element: Any) -> str:
    """What an element adds to the text before its content."""
    if element.tag == "img":
        return f" {element.get('alt', '')} "
    if element.tag == "tspan" and any(element.get(name) for name in _MOVES):
        return " "
    return ""


def _block(words: list[str], kind: Kind, level: int) -> Iterator[Block]:
    cells = [" ".join(cell.split()) for cell in "".join(words).split("\t")]
    words.clear()
    if text := "\t".join(cell for cell in cells if cell):
        yield Block(kind, text, level)
