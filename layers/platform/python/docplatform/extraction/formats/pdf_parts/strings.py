"""Strings that pdfium returns."""

from __future__ import annotations

import ctypes
from typing import Any

from pypdfium2 import raw


def utf16(read: Any) -> str:
    """A string of pdfium. ``read`` is called twice: for the size in bytes, then for the text in UTF-16 with a zero at
    its end."""
    size = read(None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    read(ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", errors="ignore")
