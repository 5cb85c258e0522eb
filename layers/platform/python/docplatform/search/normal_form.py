"""The one normal form of everything that is searched: texts, names, titles, authors and queries.

Both search engines get text in this form only, so a word is found in whatever way it was typed: composed or decomposed, in full or
half width, with ordinary or narrow blanks, with or without characters that are not seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from docplatform.core import names

SEPARATORS = "_.@':·\u2018\u2019\u2027\u055f\u05f4\u203f\u2040\u2054"
"""Characters that join words into one by UAX #29, and that people search across: the parts of addresses, dotted and underscored
words, elisions. The engine reads a blank in their place, in texts and in queries (``adapters.opensearch``)."""

_BREAK_HERE = re.compile(
    "(?<=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b"
)  # between words of scripts without blanks
_ELONGATION = "\u0640"  # Arabic tatweel, which only widens a word
_CHUNK = 1_000  # characters; normalizing takes time in the square of a run of combining marks
_WORD = re.compile(r'(?P<minus>-*+)(?:(?P<phrase>"[^"]*")|(?P<word>[^"\s]+))')
_JOINED = re.compile(rf"\w[{re.escape(SEPARATORS)}]+\w")


def normal_form(text: str) -> str:
    """``text`` in Unicode NFKC (UAX #15) without characters that are not seen."""
    if text.isascii():
        return text
    visible = names.without_invisible(_BREAK_HERE.sub(" ", text)).replace(_ELONGATION, "")
    form = "".join(unicodedata.normalize("NFKC", chunk) for chunk in _chunks(visible))
    return normal_form(form) if _ELONGATION in form else form  # some Arabic presentation forms contain it


def _chunks(text: str) -> Iterator[str]:
    """Pieces of at most ``_CHUNK`` characters, which end at a blank if there is one."""
    at = 0
    while at < len(text):
        end = at + _CHUNK
        if end < len(text):
            end = (text.rfind(" ", at, end) + 1) or end
        yield text[at:end]
        at = end


def name_key(name: str) -> str:
    """The form in which a whole name is compared with a whole query: without case, and with single blanks."""
    return " ".join(unicodedata.normalize("NFKC", normal_form(name).casefold()).split())


def parts(words: str) -> int:
    """The number of words that the engine looks for."""
    return len(re.findall(rf"[^\s{re.escape(SEPARATORS)}]+", words))


def with_phrases(words: str) -> str:
    """The query with each word that has parts as a phrase: ``lease.pdf -a_b`` → ``"lease.pdf" -"a_b"``. So its parts must stand
    together, as they do in the word."""

    def quoted(found: re.Match[str]) -> str:
        word = found["word"]
        return f'{found["minus"]}"{word}"' if word and _JOINED.search(word) else found[0]

    return _WORD.sub(quoted, words)
