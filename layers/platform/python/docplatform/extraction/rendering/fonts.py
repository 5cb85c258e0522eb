"""Fonts: Open Sans for Latin, Greek and Cyrillic, Noto Sans CJK for Chinese, Japanese and Korean.

Characters of other scripts are drawn as grey bars of about their width, so the page keeps its layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import noto_cjk_sans_otc
import ttf_opensans
from PIL import ImageDraw, ImageFont

_NOTHING = "\uffff"  # not a character: every font draws its glyph for a missing character
_GREY = "#c7ced6"
_MOST_LETTERS = 4_000  # the characters of a paragraph that are drawn; a page shows fewer


def _open(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


class Font:
    """A font in one size. ``size`` in pixels. ``line``: the height of a line in pixels. The constructor opens the font
    files."""

    def __init__(self, size: int, *, bold: bool = False) -> None:
        latin = ttf_opensans.OPENSANS_SEMIBOLD if bold else ttf_opensans.OPENSANS_REGULAR
        self._fonts = (_open(str(latin.path), size), _open(str(noto_cjk_sans_otc.FONT_PATH), size))
        self._missing = tuple(bytes(font.getmask(_NOTHING)) for font in self._fonts)
        self._ascent = size
        self.line = int(size * 1.4)
        self._font_of = lru_cache(maxsize=8_192)(self._find)
        self._width_of = lru_cache(maxsize=8_192)(self._measure)

    def width(self, text: str) -> float:
        return sum(self._width_of(letter) for letter in text)

    def wrapped(self, text: str, available: int) -> Iterator[str]:
        """The lines of ``text``, no wider than ``available`` pixels. They break at spaces. A word that is wider than a
        line (as in Chinese) breaks at any character."""
        for part in text[:_MOST_LETTERS].split("\n"):
            line, width = "", 0.0
            for word in _words(part.replace("\t", "    ")):
                wide = self.width(word)
                if line and width + wide > available:
                    yield line.rstrip()
                    line, width, word = "", 0.0, word.lstrip()
                    wide = self.width(word)
                if wide <= available:
                    line, width = line + word, width + wide
                    continue
                for letter in word:
                    step = self._width_of(letter)
                    if line and width + step > available:
                        yield line
                        line, width = "", 0.0
                    line, width = line + letter, width + step
            yield line.rstrip()

    def draw(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, fill: str) -> None:
        """Draw one line. ``at``: its upper left corner. Neighbouring characters of one font are drawn together."""
        x, y = at
        for font, run in self._runs(text):
            wide = self.width(run)
            if font is None:
                draw.rectangle((x, y + self.line * 0.35, x + wide - 1, y + self.line * 0.75), fill=_GREY)
            else:
                draw.text((x, y + self._ascent), run, font=font, fill=fill, anchor="ls")
            x += wide

    def _runs(self, text: str) -> Iterator[tuple[ImageFont.FreeTypeFont | None, str]]:
        run, current = "", self._fonts[0]
        font: ImageFont.FreeTypeFont | None = current
        for letter in text:
            found = self._font_of(letter)
            if found is not font and run:
                yield font, run
                run = ""
            font, run = found, run + letter
        if run:
            yield font, run

    def _find(self, letter: str) -> ImageFont.FreeTypeFont | None:
        if letter.isspace():
            return self._fonts[0]
        for font, missing in zip(self._fonts, self._missing, strict=True):
            if bytes(font.getmask(letter)) != missing:
                return font
        return None

    def _measure(self, letter: str) -> float:
        font = self._font_of(letter)
        return float(font.getlength(letter)) if font is not None else self._ascent * 0.55


def _words(text: str) -> Iterator[str]:
    """The words of ``text``, each with the spaces before it."""
    start = 0
    for at in range(1, len(text)):
        if text[at] == " " and text[at - 1] != " ":
            yield text[start:at]
            start = at
    if text[start:]:
        yield text[start:]


BODY = Font(22)
CELL = Font(19)
HEADINGS = (Font(38, bold=True), Font(31, bold=True), Font(26, bold=True))
TABLE_TITLE = Font(26, bold=True)
SLIDE_TITLE = Font(48, bold=True)
SLIDE_BODY = Font(30)
