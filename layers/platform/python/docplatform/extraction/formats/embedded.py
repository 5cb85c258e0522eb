"""Documents embedded in a Word document (altChunk, ECMA-376 part 1 §17.17.2): HTML, web archives and plain text."""

from __future__ import annotations

import email
import email.generator
import email.parser
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage

from lxml import etree

from docplatform.extraction.blocks import Block, Kind
from docplatform.extraction.formats.zip_archive import Zip

_MOST = 4 * 1024 * 1024  # bytes of one embedded document
_INVISIBLE = ("script", "style", "head", "title", "template")
_LINE_BREAKING = frozenset(
    {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "hr", "section"}
)


def blocks(container: Zip, part: str, content_type: str) -> Iterator[Block]:
    """The paragraphs of an embedded document; none for an Office package or Rich Text."""
    if content_type not in ("text/html", "application/xhtml+xml", "text/plain", "message/rfc822", "application/xml"):
        return
    data = container.read(part, _MOST)
    if content_type == "message/rfc822":
        data = _html_of_archive(data)
    lines = (
        data.decode("utf-8-sig", errors="replace").splitlines() if content_type == "text/plain" else _html_lines(data)
    )
    for line in lines:
        if text := " ".join(line.split()):
            yield Block(Kind.PARAGRAPH, text)


def _html_of_archive(data: bytes) -> bytes:
    """The page of a web archive: a mail message whose other parts are the page's images and styles (RFC 2557)."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    body = message.get_body(("html", "plain")) if isinstance(message, EmailMessage) else None
    payload = body.get_payload(decode=True) if body is not None else None
    return payload if isinstance(payload, bytes) else b""


def _html_lines(data: bytes) -> list[str]:
    if not data.strip():
        return []
    root = etree.fromstring(
        data, etree.HTMLParser(no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    )
    if root is None:
        return []
    words: list[str] = []
    etree.strip_elements(root, *_INVISIBLE, with_tail=False)
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if element.tag in _LINE_BREAKING:
            words.append("\n")
        if event == "start":
            words.append((element.text or "").replace("\n", " "))
        else:
            words.append((element.tail or "").replace("\n", " "))
    return "".join(words).split("\n")
