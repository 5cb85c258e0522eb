"""Boundaries of sentences and words, as Java's BreakIterator (locale ROOT) finds them; OpenSearch cuts fragments there.

A sentence ends after ``! ? 。`` and the closing quotes and spaces that follow. It ends after a full stop only if a space follows,
unless after the space comes a digit or, where it is a single space, a lower-case letter. A line break alone does not end a sentence.
The boundaries in unusual sequences of punctuation may differ from Java's.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right

_TERMINATORS, _STOPS = "!?。！？", ".．"
_ENDING = re.compile(rf"[{_TERMINATORS}{_STOPS}]+|\u2029")
_SPACES = re.compile(r"[\t\n\r\f \xa0\u2000-\u200a\u2028\u202f\u205f\u3000]*")
_QUOTES = "\"'"
_NUMBER = r"[$€£¥#.]?\d+(?:[.,']\d+)*[%¢‰]?"
_LETTER = r"[^\W\d_\u3040-\u30ff\u4e00-\u9fff]"
_WORD = re.compile(
    rf"(?:{_NUMBER}|{_LETTER}+(?:['.\-_\xad]{_LETTER}+)*)+|[\u4e00-\u9fff]+|[\u3040-\u309f]+|[\u30a0-\u30ff]+"
    r"|[\t \xa0\u2000-\u200a\u2028\u3000]*(?:\r\n|[\n\f\u2029])|[\t \xa0\u2000-\u200a\u2028\u3000]+|."
)


class Boundaries:
    """Sorted offsets in a text, including 0 and the length of the text."""

    def __init__(self, offsets: list[int]) -> None:
        self._offsets = offsets

    def preceding(self, offset: int) -> int:
        """Returns the last boundary before ``offset``, or 0."""
        at = bisect_left(self._offsets, offset) - 1
        return self._offsets[at] if at >= 0 else 0

    def following(self, offset: int) -> int | None:
        """Returns the first boundary after ``offset``, or None."""
        at = bisect_right(self._offsets, offset)
        return self._offsets[at] if at < len(self._offsets) else None


def sentences(text: str) -> Boundaries:
    offsets = [0]
    for ending in _ENDING.finditer(text):
        if ending.start() < offsets[-1]:
            continue
        after = _sentence_end(text, ending)
        if after is not None and after < len(text):
            offsets.append(after)
    return Boundaries([*offsets, len(text)] if text else [0])


def _sentence_end(text: str, ending: re.Match[str]) -> int | None:
    at = ending.end()
    if ending.group() == "\u2029":
        return at
    while at < len(text) and (text[at] in _QUOTES or unicodedata.category(text[at]) in ("Pe", "Pf")):
        at += 1
    spaces = _SPACES.match(text, at)
    assert spaces is not None
    after = spaces.end()
    if after < len(text) and text[after] == "\u2029":
        return after + 1
    if ending.group()[-1] in _TERMINATORS or set(ending.group()) & set(_TERMINATORS):
        return after
    following = text[after : after + 2]
    kind = unicodedata.category(following[0]) if following else ""
    if following[:1] in (*_TERMINATORS, *_STOPS) or kind == "Nd" or following == "- ":
        return None
    spaced = after - at
    if not spaced:
        return after if kind in ("Ps", "Pi", "Pc") or (kind == "Lu" and text[at - 1] in _QUOTES) else None
    return None if kind == "Ll" and spaced == 1 else after


def words(text: str, start: int, end: int) -> Boundaries:
    """Returns the word boundaries between ``start`` and ``end``. Those close to either end are not reliable."""
    return Boundaries([start + match.start() for match in _WORD.finditer(text[start:end])] + [min(end, len(text))])
