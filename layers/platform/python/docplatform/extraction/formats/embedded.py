"""Documents embedded in a Word document (altChunk, ECMA-376 part 1 §17.17.2): HTML, web archives and plain text."""

from __future__ import annotations

from collections.abc import Iterator

from docplatform.extraction.blocks import Block, Kind
from docplatform.extraction.formats import html, mail
from docplatform.extraction.formats.encodings import decode
from docplatform.extraction.formats.zip_archive import Zip

EMBEDDED_ERRORS = mail.PARSER_ERRORS

_MOST = 4 * 1024 * 1024  # bytes of one embedded document


def blocks(container: Zip, part: str, content_type: str) -> Iterator[Block]:
    """The paragraphs of an embedded document; none for an Office package or Rich Text."""
    if content_type in ("text/html", "application/xhtml+xml", "application/xml"):
        yield from html.blocks(container.read(part, _MOST))
    elif content_type in ("message/rfc822", "multipart/related"):
        yield from mail.body(mail.parsed(container.read(part, _MOST)))
    elif content_type == "text/plain":
        for line in decode(container.read(part, _MOST)).splitlines():
            if text := " ".join(line.split()):
                yield Block(Kind.PARAGRAPH, text)
