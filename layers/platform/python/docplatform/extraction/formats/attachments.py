"""The text of files within other files: of a PDF's and a message's attachments.

The worker imports this module, and with it the engines, before it extracts the text of a file that can hold others. The
engines call it by ``format.attached``.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from types import ModuleType
from typing import cast

from docplatform.extraction.file_signatures import (
    HEAD,
    Container,
    ForeignFormat,
    recognise,
    sure_text_format,
    text_format,
)
from docplatform.extraction.formats import (
    containers,
    format,
    html,
    mail,
    office_package,
    ole,
    pdf,
    presentation,
    spreadsheet,
    text,
    word,
)
from docplatform.extraction.formats.format import Engine
from docplatform.extraction.model import MEBIBYTE, ExtractionLimits, Family, FileRejected, FileType, text_type

_MOST_FILES, _MOST_BYTES, _DEEPEST = 200, 64 * MEBIBYTE, 2
_MOST_SECONDS = 35.0  # after the process began; then there is time for one more file
_STARTED = time.monotonic()
_LIMITS = ExtractionLimits(seconds=10, text_characters=500_000)
_MODULES: dict[FileType, ModuleType] = {
    FileType.PDF: pdf,
    FileType.DOCX: word,
    FileType.PPTX: presentation,
    **dict.fromkeys((FileType.XLSX, FileType.XLSB, FileType.XLS, FileType.ODS), spreadsheet),
    **dict.fromkeys((FileType.HTML, FileType.SVG), html),
    FileType.EMAIL: mail,
    **dict.fromkeys((FileType.TEXT, FileType.CSV, FileType.MARKDOWN, FileType.JSON), text),
}


class AttachmentReader:
    """Counts what it reads: a file may hold files that hold files."""

    def __init__(self) -> None:
        self._files, self._bytes, self._depth = _MOST_FILES, _MOST_BYTES, 0

    def lines(self, name: str, size: int, content: Callable[[], bytes]) -> Iterator[str]:
        """The lines of an attached file; none if it cannot be read. ``size`` in bytes."""
        self._files -= 1
        self._bytes -= size
        late = time.monotonic() - _STARTED > _MOST_SECONDS
        if self._files < 0 or self._bytes < 0 or self._depth >= _DEEPEST or late or not size:
            return
        self._depth += 1
        try:
            yield from _text_of(name, content()).splitlines()
        finally:
            self._depth -= 1


def _text_of(name: str, data: bytes) -> str:
    kind = recognise(data[:HEAD])
    errors: tuple[type[BaseException], ...] = (FileRejected, *office_package.PACKAGE_ERRORS, *ole.OLE_ERRORS)
    try:
        if kind is Container.TEXT:
            head = data[:HEAD]
            kind = text_type("", PurePosixPath(name).suffix, text_format(head), sure_text_format(head))
        elif isinstance(kind, Container):
            kind = containers.inspect(io.BytesIO(data), _LIMITS, kind).kind
        if isinstance(kind, ForeignFormat) or (kind.family is Family.IMAGE and kind is not FileType.SVG):
            return ""
        engine = cast(Engine, _MODULES[kind])
        errors = (*errors, *engine.PARSER_ERRORS)
        return engine.text(io.BytesIO(data), _LIMITS, kind).text
    except errors:
        return ""


format.attachment_reader = AttachmentReader()
