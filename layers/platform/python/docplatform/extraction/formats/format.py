"""What every engine offers. An engine is a module; which one reads which type is written in child.py."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from docplatform.extraction.blocks import FirstPage
from docplatform.extraction.file_signatures import ForeignFormat
from docplatform.extraction.model import ExtractionLimits, FileType, TextResult

LONGEST_PROPERTY = 500
"""Characters of a title or an author's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProperties:
    """What inspection finds; as ``Inspection`` says it."""

    kind: FileType | ForeignFormat
    media_type: str = ""
    pages: int | None = None
    entries: int | None = None
    has_macros: bool = False


class Engine(Protocol):
    """Called in a sealed process. Raises FileRejected or ``PARSER_ERRORS``, its libraries' words for broken files."""

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
    """Without what keeps a word from being found: controls, lone surrogates, ligatures, soft hyphens, CR LF."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for letter, written_out in _REPLACEMENTS.items():
        text = text.replace(letter, written_out)
    return _UNWANTED.sub("", text)


def one_line(text: str | None) -> str:
    """A title or a name: clean, in one line, of bounded length."""
    return " ".join(clean((text or "")[: 4 * LONGEST_PROPERTY]).split())[:LONGEST_PROPERTY]


def too_many_pages(limits: ExtractionLimits) -> str:
    return f"The file has more than {limits.pages:,} pages. Split it and upload the parts."


class TextCollector:
    """Text in the making: lines, up to ``Limits.text_characters``, and up to four fifths of the time.

    What takes longer is cut there instead of being refused: most of a long document found is better than none of it.
    """

    def __init__(self, limits: ExtractionLimits) -> None:
        self._lines: list[str] = []
        self._left = limits.text_characters
        self._until = time.monotonic() + limits.seconds * 0.8
        self.truncated = False

    def add(self, line: str) -> bool:
        """Whether there is room for more."""
        if len(line) >= self._left or time.monotonic() > self._until:
            self.truncated = True
            line = line[: self._left]
        self._lines.append(line)
        self._left -= len(line) + 1
        return not self.truncated

    def text(self) -> str:
        return clean("\n".join(self._lines)).strip()
