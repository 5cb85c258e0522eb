"""The encoding of a text, from the strongest evidence to the weakest:

1. a byte order mark, or the zero bytes of UTF-16;
2. UTF-8, also with a few wrong bytes: hardly any other text is valid UTF-8 by chance;
3. what the text declares: XML's encoding, HTML's charset, CSS's @charset, the coding line of PEP 263, a Content-Type line;
4. the language that each encoding would make of it (chardet).
"""

from __future__ import annotations

import codecs
import re

import chardet
from chardet.enums import EncodingEra
from chardet.registry import REGISTRY

from docplatform.extraction.file_signatures import utf16_without_mark

SAMPLE = 64 * 1024
"""The number of bytes from which an encoding is guessed."""

_MARKS = (  # byte order marks; UTF-32 first, because its mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WESTERN = "cp1252"
# A text has ASCII's line ends, which the encodings of mainframes have elsewhere.
_GUESSED = [name for name, entry in REGISTRY.items() if entry.era is not EncodingEra.MAINFRAME]
# Encodings that extend another one are read in its place, as encoding.spec.whatwg.org says (§4.2), and so are names of
# its that Python does not know.
_WIDER = {
    "ascii": _WESTERN,
    "iso8859-1": _WESTERN,
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso-8859-8-i": "iso8859-8",
    "x-sjis": "cp932",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "ks_c_5601-1987": "cp949",
    "unicode-1-1-utf-8": "utf-8",
    # The bytes of the declaration are ASCII's, so the text is not in UTF-16.
    **dict.fromkeys(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"), "utf-8"),
}
_MORE = ("cp037", "euc_jp", "iso2022_jp", "shift_jis", "gb2312", "gbk", "big5", "cp950", "utf-7")


def _canonical(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""


# Looked up while codecs can still be imported. Python's codecs that are no encodings of text (zlib, rot13) are not among
# them, so that no declaration can name one.
_KNOWN = frozenset(filter(None, (_canonical(name) for name in (*REGISTRY, *_MORE, *_WIDER, *_WIDER.values()))))

_DECLARATIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rb"^\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([\w.:-]{1,40})",  # XML 1.0 §4.3.3
        rb"<meta\s[^>]{0,400}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})",  # html.spec.whatwg.org §13.2.3.2
        rb"^@charset \"([\w.:-]{1,40})\";",  # CSS Syntax Level 3 §3.2
        rb"^(?:[^\n]{0,200}\n)?[^\n]{0,200}?#[^\n]{0,200}?coding[:=][ \t]*([\w.-]{1,40})",  # PEP 263
        rb"content-type:[^\n]{0,200}?charset=[\"']?([\w.:-]{1,40})",  # RFC 2045 §5.1, also in gettext's files
    )
)
_DECLARED_WITHIN = 4096  # bytes
_ESCAPES = re.compile(rb"\x1b[$(&.]|~\{")  # ISO 2022 and HZ consist of ASCII bytes
_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# What no text has within a word: a Latin letter beside one of another alphabet, or a sign between two letters.
_ODD = re.compile(
    "[A-Za-z\u00c0-\u024f][\u0370-\u05ff\u0600-\u06ff\u0e00-\u0e7f]"
    "|[\u0370-\u05ff\u0600-\u06ff\u0e00-\u0e7f][A-Za-z\u00c0-\u024f]"
    "|(?<=[^\\W\\d_])[\u00a1-\u00a9\u00ab-\u00b4\u00b6\u00b8-\u00b9\u00bb-\u00bf\u00d7\u00f7\u02c6-\u02dd\u201a-\u203a\u20ac\u2122"
    "\u2200-\u25ff](?=[^\\W\\d_])"
)
_CONTROLS = re.compile("[\x7f-\x9f\ufffd]")

chardet.detect_all(
    "Die Schlüssel".encode(_WESTERN), ignore_threshold=True
)  # loads its models, while files can be opened


def codec_named(name: str) -> str:
    """The codec for the declared ``name`` of an encoding, or '' if no text is in it."""
    name = name.strip().strip("\"'").lower()
    found = _canonical(_WIDER.get(name, name))
    found = _canonical(_WIDER.get(found, found))
    return found if found in _KNOWN else ""


def decode(data: bytes, *, declared: str = "") -> str:
    """The text of ``data``. ``declared``: an encoding that is declared outside of it. Wrong bytes become U+FFFD."""
    encoding, start = encoding_of(data, whole=True, declared=declared)
    return data[start:].decode(encoding, errors="replace")


def encoding_of(data: bytes, *, whole: bool, declared: str = "") -> tuple[str, int]:
    """The encoding of a text, and the length of its byte order mark. ``data``: its beginning, or the ``whole`` text."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name, len(mark)
    if name := utf16_without_mark(data[:SAMPLE]):
        return name, 0
    declared = codec_named(declared) or _declaration(data[:_DECLARED_WITHIN])
    if _is_utf8(data, whole):
        # An encoding that escapes from ASCII is valid UTF-8 too.
        if not _ESCAPES.search(data[:SAMPLE]):
            return "utf-8", 0
        return (declared or _guess(data[:SAMPLE])), 0
    if declared and declared != "utf-8":
        return declared, 0
    return ("utf-8" if _is_nearly_utf8(data) else _guess(_telling(data))), 0


def _declaration(head: bytes) -> str:
    for pattern in _DECLARATIONS:
        if (match := pattern.search(head)) and (name := codec_named(match[1].decode("ascii", errors="replace"))):
            return name
    return ""


def _is_utf8(data: bytes, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
    except UnicodeDecodeError:
        return False
    return True


def _is_nearly_utf8(data: bytes) -> bool:
    """Whether at most one in three bytes or sequences beyond ASCII is wrong. In other encodings, most are."""
    characters = len(_CHARACTER.findall(data))
    rest = _CHARACTER.sub(b"", data)
    wrong = len(rest) - len(rest.translate(None, bytes(range(128, 256))))
    return characters >= 2 * wrong


def _telling(data: bytes) -> bytes:
    """The bytes from which to guess: the beginning or, of a long text, the beginnings of its lines beyond ASCII."""
    if len(data) <= SAMPLE:
        return data
    lines, size = [], 0
    for line in data.splitlines(keepends=True):
        if not line.isascii():
            lines.append(line[:1024])
            size += len(lines[-1])
            if size > SAMPLE:
                break
    return b"".join(lines)


def _guess(sample: bytes) -> str:
    """The most plausible encoding, by chardet's models of languages; Western European if there is none."""
    first = chardet.detect(sample, include_encodings=_GUESSED, compat_names=False)["encoding"]
    if first and _is_plausible(sample, first):
        return first
    others = chardet.detect_all(sample, ignore_threshold=True, include_encodings=_GUESSED, compat_names=False)
    for other in others:
        if other["encoding"] and _is_plausible(sample, other["encoding"]):
            return other["encoding"]
    return _WESTERN


def _is_plausible(sample: bytes, encoding: str) -> bool:
    """Whether few characters make odd words, and few bytes are no characters."""
    decoded = sample.decode(encoding, errors="replace")
    beyond_ascii = sum(character > "\x7f" for character in decoded)
    return 4 * (len(_ODD.findall(decoded)) + len(_CONTROLS.findall(decoded))) <= beyond_ascii
