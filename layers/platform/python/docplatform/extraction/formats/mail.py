"""E-mail messages and web archives (RFC 5322, RFC 2045, RFC 2557), and mailboxes of them (RFC 4155), with the standard
library's parser."""

from __future__ import annotations

import codecs
import email.errors
import email.generator
import email.header
import email.parser
import email.policy
import email.utils
import quopri
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from itertools import islice
from typing import BinaryIO

from docplatform.extraction.blocks import BLOCKS_ON_A_PAGE, Block, Flow, Kind
from docplatform.extraction.formats import html
from docplatform.extraction.formats import text as plain
from docplatform.extraction.formats.encodings import codec_named, decode
from docplatform.extraction.formats.format import FileProperties, NoteName, TextCollector, attached, one_line
from docplatform.extraction.model import MEBIBYTE, ExtractionLimits, TextResult

PARSER_ERRORS: tuple[type[BaseException], ...] = (email.errors.MessageError, *html.PARSER_ERRORS)

# The standard library imports them when it meets such a message.
_USED_LATER = (email.generator, email.policy, quopri, codecs.lookup("raw-unicode-escape"))
_MOST = 32 * MEBIBYTE
_SHOWN = ("Subject", "From", "To", "Cc", "Date")
_READ_PARTS = ("text/plain", "text/html", "application/xhtml+xml", "text/csv", "text/markdown", "text/calendar")
_NEXT_MESSAGE = re.compile(rb"^From [^\r\n]*\d{4}[^\r\n]*\r?\n", re.MULTILINE)  # RFC 4155, appendix A
_MOST_PARTS = 500


def _nobody(_name: str) -> None:
    """Where names of attached files are not asked for."""


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    return plain.inspect(file, limits, file_type)


def text(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult:
    """For each message its subject, its people, its date, its text, and the names of its attachments."""
    messages, whole = _messages(file)
    collector = TextCollector(limits)
    all(collector.add(block.text) for message in messages for block in blocks(message, collector.note_attachment))
    first = messages[0]
    return TextResult(
        text=collector.text(),
        truncated=collector.truncated or not whole,
        title=one_line(_header(first, "Subject")),
        author=one_line(_header(first, "From")),
        created=_date(first),
        attachments=collector.attachments,
    )


def first_page(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Flow:
    messages, _ = _messages(file)
    return Flow(blocks=tuple(islice(blocks(messages[0]), BLOCKS_ON_A_PAGE)))


def parsed(data: bytes) -> Message:
    return email.parser.BytesParser().parsebytes(data)


def blocks(message: Message, note: NoteName = _nobody) -> Iterator[Block]:
    """The headers that a reader sees, and the parts that are text. ``note`` is called with the name of each attached file."""
    for name in _SHOWN:
        if value := one_line(_header(message, name)):
            yield Block(Kind.HEADING, value, 1) if name == "Subject" else Block(Kind.PARAGRAPH, f"{name}: {value}")
    yield from body(message, note)


def body(message: Message, note: NoteName = _nobody) -> Iterator[Block]:
    """The parts that are text, and the names of the others. Of alternatives, the plain text is read, or else the last."""
    for part in islice(_parts(message), _MOST_PARTS):
        if part.get_content_maintype() == "message":
            for each in _inner(part):
                yield from blocks(each, note)
            continue
        yield from _part_blocks(part, note)


def _part_blocks(part: Message, note: NoteName) -> Iterator[Block]:
    kind = part.get_content_type()
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return
    name = _decoded(part.get_filename() or "")
    if kind not in _READ_PARTS:
        for line in attached(name, len(content), lambda: content, note):
            yield Block(Kind.PARAGRAPH, line)
        return
    if name := one_line(name):
        note(name)
        yield Block(Kind.PARAGRAPH, name)
    charset = str(part.get_param("charset") or "")
    if kind in ("text/html", "application/xhtml+xml"):
        yield from html.blocks(content, declared=charset)
        return
    for line in decode(content, declared=charset).splitlines():
        yield Block(Kind.PARAGRAPH, line)


def _parts(message: Message) -> Iterator[Message]:
    inner = _inner(message)
    if message.get_content_maintype() == "message" or not message.is_multipart():
        yield message
    elif message.get_content_subtype() == "alternative":
        plain_parts = [part for part in inner if part.get_content_type() == "text/plain" and part.get_payload()]
        for part in plain_parts[:1] or inner[-1:]:
            yield from _parts(part)
    else:
        for part in inner:
            yield from _parts(part)


def _inner(message: Message) -> list[Message]:
    inner = message.get_payload()
    return [part for part in inner if isinstance(part, Message)] if isinstance(inner, list) else []


def _messages(file: BinaryIO) -> tuple[list[Message], bool]:
    file.seek(0)
    data = file.read(_MOST).removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    whole = not file.read(1)
    if not data.startswith(b"From "):
        return [parsed(data)], whole
    return [parsed(each) for each in _NEXT_MESSAGE.split(data) if each.strip()] or [parsed(b"")], whole


def _header(message: Message, name: str) -> str:
    for (
        key,
        value,
    ) in message.raw_items():  # as it is in the file, without the marks that ``get`` puts for its raw bytes
        if key.lower() == name.lower():
            return _decoded(value)
    return ""


def _decoded(value: object) -> str:
    """A header with its encoded words (RFC 2047). Raw bytes, as programs without RFC 6532 write them, are decoded too."""
    raw = str(value)
    try:
        words = email.header.decode_header(raw)
    except email.errors.HeaderParseError:
        words = [(raw, None)]
    return "".join(_word(word, charset) for word, charset in words)


def _word(word: bytes | str, charset: str | None) -> str:
    if isinstance(word, str):
        raw = word.encode("utf-8", errors="surrogateescape")
        return decode(raw) if raw != word.encode("utf-8", errors="replace") else word
    return word.decode(codec_named(charset), errors="replace") if charset and codec_named(charset) else decode(word)


def _date(message: Message) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(str(message.get("Date", "")))
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
