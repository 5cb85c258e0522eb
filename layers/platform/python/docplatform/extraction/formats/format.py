"""The interface of engines, and code they share. An engine is a module; worker.py lists the engine of each type."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from docplatform.extraction.blocks import FirstPage
from docplatform.extraction.file_signatures import ForeignFormat
from docplatform.extraction.model import LONGEST_ATTACHMENTS, MOST_ATTACHMENTS, ExtractionLimits, FileType, TextResult

LONGEST_PROPERTY = 500
"""The maximum number of characters of a title or an author's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProperties:
    """The result of an engine's inspection. The fields are as in ``Inspection``."""

    kind: FileType | ForeignFormat
    media_type: str = ""
    pages: int | None = None
    entries: int | None = None
    has_macros: bool = False


class Engine(Protocol):
    """The functions of an engine, which run in the parser process. They raise FileRejected, or one of
    ``PARSER_ERRORS``: the errors that the engine's libraries raise for a damaged file."""

    PARSER_ERRORS: tuple[type[BaseException], ...]

    def inspect(self, file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties: ...

    def text(self, file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult: ...

    def first_page(self, file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FirstPage: ...


_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u2060\ufeff\ufffe\uffff\ud800-\udfff]")
_REPLACEMENTS = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\u00ad": "",
    "\u00a0": " ",
}


def clean(text: str) -> str:
    """The text in a form that search can find: without control characters, lone surrogates and soft hyphens, with
    letters in place of ligatures, and with LF for CR LF."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for letter, written_out in _REPLACEMENTS.items():
        text = text.replace(letter, written_out)
    return _UNWANTED.sub("", text)


def one_line(text: str | None) -> str:
    """A title or a name: clean, in one line, with at most ``LONGEST_PROPERTY`` characters."""
    return " ".join(clean((text or "")[: 4 * LONGEST_PROPERTY]).split())[:LONGEST_PROPERTY]


def too_many_pages(limits: ExtractionLimits) -> str:
    return f"The file has more than {limits.pages:,} pages. Split it and upload the parts."


decryption: Callable[[BinaryIO], BinaryIO] | None = None
"""Opens files that are encrypted with a password of the programs. ``default_password.py`` sets it."""

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def decrypted(file: BinaryIO) -> BinaryIO:
    """``file``, or what it is without the encryption that the programs open without asking. Raises FileRejected (encrypted)
    if a password is needed."""
    file.seek(0)
    if decryption is None or file.read(len(OLE2)) != OLE2:
        return file
    return decryption(file)


NoteName = Callable[[str], None]


class _AttachmentReader(Protocol):
    def lines(self, name: str, size: int, content: Callable[[], bytes]) -> Iterator[str]: ...


attachment_reader: _AttachmentReader | None = None
"""Reads files within files. ``attachments.py`` sets it where the engines for all types are imported."""


def attached(name: str, size: int, content: Callable[[], bytes], note: NoteName) -> Iterator[str]:
    """The name of an attached file and its lines. ``size`` in bytes. ``content`` is called if the file is to be read, ``note``
    with the name."""
    if name := one_line(name):
        note(name)
        yield name
    if attachment_reader is not None:
        yield from attachment_reader.lines(name, size, content)


class TextCollector:
    """Collects lines, up to ``ExtractionLimits.text_characters`` and four fifths of ``ExtractionLimits.seconds``.

    A longer text is cut, not rejected, because it is better to find most of a long document than nothing.
    """

    def __init__(self, limits: ExtractionLimits) -> None:
        self._lines: list[str] = []
        self._left = limits.text_characters
        self._until = time.monotonic() + limits.seconds * 0.8
        self.truncated = False
        self.attachments: tuple[str, ...] = ()

    def add(self, line: str) -> bool:
        """Add a line, cut if it is too long. Returns whether more lines can be added."""
        if len(line) >= self._left or time.monotonic() > self._until:
            self.truncated = True
            line = line[: self._left]
        self._lines.append(line)
        self._left -= len(line) + 1
        return not self.truncated

    def note_attachment(self, name: str) -> None:
        """Keep the name of an attached file, of so many as ``MOST_ATTACHMENTS`` and ``LONGEST_ATTACHMENTS`` allow."""
        kept = self.attachments
        if len(kept) < MOST_ATTACHMENTS and sum(map(len, kept)) + len(name) <= LONGEST_ATTACHMENTS:
            self.attachments = (*kept, name)

    def text(self) -> str:
        return clean("\n".join(self._lines)).strip()
