"""Right-to-left words in reading order.

pdfium puts the characters of a page in the order of reading, but not those that a file moves back one by one, nor a text
that is marked as reversed (ISO 32000-1 §14.8.2.3.3) although its letters run from left to right. Where the characters stand
on the page decides: letters of a right-to-left script follow one another to the left, other letters to the right.
"""

from __future__ import annotations

import ctypes
import re
import unicodedata
from itertools import pairwise
from typing import Any

from pypdfium2 import raw

from docplatform.extraction.formats.pdf_parts.strings import utf16

_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_HAS_RIGHT_TO_LEFT = re.compile(f"[{_RIGHT_TO_LEFT}]")
_WORD = re.compile(f"[{_RIGHT_TO_LEFT}]+")
_RUN = re.compile(f"[{_RIGHT_TO_LEFT}]+(?:[ \u00a0][{_RIGHT_TO_LEFT}]+)*")
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f\u0370-\u04ff]{2,}")
_DIGITS = re.compile("[\u0660-\u0669\u06f0-\u06f9]+")
_MOST_OBJECTS = 200  # the objects of a page that are asked for a mark


def in_reading_order(page: Any, text_page: Any, text: str) -> str:
    """``text``, the text of ``text_page``, with its reversed words turned."""
    rtl, marked = _HAS_RIGHT_TO_LEFT.search(text) is not None, _is_marked(page)
    if not (rtl or marked) or not _matches(text_page, text):
        return text
    places = _Places(text_page)
    if rtl:
        text = _RUN.sub(lambda run: _ordered_run(run, places), text)
    if marked:
        text = _LATIN_WORD.sub(lambda word: word[0][::-1] if places.run_back(word) else word[0], text)
    return text


class _Places:
    """Where the characters of a page stand, by their index in its text."""

    def __init__(self, text_page: Any) -> None:
        self._text_page = text_page

    def left(self, index: int) -> float | None:
        """The left edge of a character; None if the page has no such character, or if it is turned."""
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        if not raw.FPDFText_GetCharBox(self._text_page, index, left, right, bottom, top):
            return None
        return left.value if abs(raw.FPDFText_GetCharAngle(self._text_page, index)) < 0.1 else None

    def steps(self, start: int, end: int, text: str) -> tuple[int, int]:
        """How many letters from ``start`` to ``end`` stand to the right of the letter before, and how many to its left."""
        to_right = to_left = 0
        before: float | None = None
        for index in range(start, end):
            if unicodedata.combining(text[index - start]):
                continue
            left = self.left(index)
            if left is not None and before is not None:
                to_right, to_left = to_right + (left > before), to_left + (left < before)
            before = left
        return to_right, to_left

    def run_back(self, word: re.Match[str]) -> bool:
        to_right, to_left = self.steps(word.start(), word.end(), word[0])
        return to_left > to_right


def _ordered_run(run: re.Match[str], places: _Places) -> str:
    """Words of a right-to-left script. Each word is turned if its letters run to the right, and so is their order."""
    words: list[str] = []
    starts: list[float] = []
    for word in _WORD.finditer(run[0]):
        first = run.start() + word.start()
        to_right, to_left = places.steps(first, run.start() + word.end(), word[0])
        words.append(_turned(word[0]) if to_right > to_left and not _DIGITS.fullmatch(word[0]) else word[0])
        starts.append(places.left(first) or 0.0)
    rising = sum(later > before for before, later in pairwise(starts))
    return " ".join(reversed(words) if 2 * rising > len(words) - 1 else words)


def _turned(word: str) -> str:
    """A word backwards. Marks stay behind their letters, and digits in their order."""
    clusters: list[str] = []
    for letter in word:
        if clusters and unicodedata.combining(letter):
            clusters[-1] += letter
        else:
            clusters.append(letter)
    return _DIGITS.sub(lambda digits: digits[0][::-1], "".join(reversed(clusters)))


def _matches(text_page: Any, text: str) -> bool:
    """Whether the characters of ``text`` have the same index on the page: pdfium leaves some out of a text."""
    count = raw.FPDFText_CountChars(text_page)
    return count == len(text) and all(
        raw.FPDFText_GetUnicode(text_page, index) == ord(text[index]) for index in range(0, count, max(1, count // 50))
    )


def _is_marked(page: Any) -> bool:
    for number in range(min(raw.FPDFPage_CountObjects(page), _MOST_OBJECTS)):
        item = raw.FPDFPage_GetObject(page, number)
        for index in range(raw.FPDFPageObj_CountMarks(item)):
            if _mark(raw.FPDFPageObj_GetMark(item, index)) == "ReversedChars":
                return True
    return False


def _mark(mark: Any) -> str:
    def name_of(buffer: Any, size: int) -> int:
        needed = ctypes.c_ulong()
        raw.FPDFPageObjMark_GetName(mark, buffer, size, needed)
        return needed.value

    return utf16(name_of)
