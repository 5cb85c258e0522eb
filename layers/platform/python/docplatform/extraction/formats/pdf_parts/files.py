"""Files that are attached to a PDF (ISO 32000-1 §7.11.4): portfolios, invoices with their data, attachments of comments."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import partial
from typing import Any

from pypdfium2 import raw

from docplatform.extraction.formats import format as engines
from docplatform.extraction.formats.pdf_parts.strings import utf16

_MOST = 500


def texts(document: Any, in_annotations: list[Any], note: engines.NoteName) -> Iterator[str]:
    """The name and the text of each attached file, each file once. ``note`` is called with each name."""
    found = [raw.FPDFDoc_GetAttachment(document, number) for number in range(_count(document))]
    seen: set[tuple[str, int]] = set()
    for file in [*found, *in_annotations][:_MOST]:
        name = utf16(partial(raw.FPDFAttachment_GetName, file)) if file else ""
        size = _size(file) if file else 0
        if file and (name, size) not in seen:
            seen.add((name, size))
            yield from engines.attached(name, size, partial(_content, file, size), note)


def _count(document: Any) -> int:
    return int(max(0, min(raw.FPDFDoc_GetAttachmentCount(document), _MOST)))


def _size(file: Any) -> int:
    size = ctypes.c_ulong()
    return int(size.value) if raw.FPDFAttachment_GetFile(file, None, 0, size) else 0


def _content(file: Any, size: int) -> bytes:
    buffer, written = ctypes.create_string_buffer(size), ctypes.c_ulong()
    return buffer.raw if raw.FPDFAttachment_GetFile(file, buffer, size, written) else b""
