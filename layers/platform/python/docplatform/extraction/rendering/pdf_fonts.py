"""Chinese, Japanese and Korean glyphs for PDFs that do not embed their fonts.

pdfium looks for such fonts in the system, where there are none and where the process cannot open any. Here it is given
Noto Sans CJK from memory. Import this module before the limits are set, and for drawing only: the font has 19 MB.
"""

from __future__ import annotations

import ctypes
from typing import Any

import noto_cjk_sans_otc
from pypdfium2 import raw

_CHARSETS = frozenset(
    {raw.FXFONT_SHIFTJIS_CHARSET, raw.FXFONT_HANGEUL_CHARSET, raw.FXFONT_GB2312_CHARSET, raw.FXFONT_CHINESEBIG5_CHARSET}
)
_WHOLE, _COLLECTION = 0, 0x74746366  # the tables that pdfium asks for: the font, and "ttcf", the collection it is in
_HANDLE = 1
_FONTS = bytes(noto_cjk_sans_otc.FONT_PATH.read_bytes())
_FIRST = int.from_bytes(_FONTS[12:16], "big")  # the offset of the first font of the collection (OpenType, "TTC header")


def _map_font(_: Any, weight: int, italic: int, charset: int, pitch_family: int, face: bytes, exact: Any) -> int | None:
    return _HANDLE if charset in _CHARSETS else None


def _font_data(_: Any, font: Any, table: int, buffer: Any, size: int) -> int:
    if table not in (_WHOLE, _COLLECTION):
        return 0
    data = _FONTS[_FIRST:] if table == _WHOLE else _FONTS
    if buffer and size >= len(data):
        ctypes.memmove(buffer, data, len(data))
    return len(data)


def _field(name: str, function: Any) -> Any:
    """``function`` as a C function of the type that pdfium's structure has for it."""
    return dict(raw.FPDF_SYSFONTINFO._fields_)[name](function)


_INFO = raw.FPDF_SYSFONTINFO(
    version=1,
    MapFont=_field("MapFont", _map_font),
    GetFontData=_field("GetFontData", _font_data),
    GetFaceName=_field("GetFaceName", lambda *_: 0),
    GetFontCharset=_field("GetFontCharset", lambda *_: raw.FXFONT_GB2312_CHARSET),
    DeleteFont=_field("DeleteFont", lambda *_: None),
)
raw.FPDF_SetSystemFontInfo(_INFO)  # the import of pypdfium2 has initialised the library
