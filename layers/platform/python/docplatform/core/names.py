"""Names of folders and documents: which are valid, and when two are the same."""

from __future__ import annotations

import unicodedata

from docplatform.core.errors import InvalidName

LONGEST = 255  # characters
_LONGEST_KEY = 900  # bytes; a DynamoDB sort key holds 1,024
_FORBIDDEN = frozenset("/\\")


def clean(name: str) -> str:
    """``name`` in Unicode NFC without surrounding blanks. Raises InvalidName."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name or name in (".", ".."):
        raise InvalidName("Give it a name that is more than blanks or dots.")
    if len(name) > LONGEST or len(folded(name).encode()) > _LONGEST_KEY:
        raise InvalidName(f"Use at most {LONGEST} characters.")
    for character in name:
        if character in _FORBIDDEN or unicodedata.category(character) in ("Cc", "Cs", "Co", "Zl", "Zp"):
            raise InvalidName("Leave out slashes, backslashes, line breaks and control characters.")
    return name


def folded(name: str) -> str:
    """The form of a name without differences of case (Unicode case folding). It is unique in a folder, and a folder
    is sorted by it."""
    return unicodedata.normalize("NFC", name.casefold())


def searchable(name: str) -> str:
    """The words of a name: ``Q3_report-final.pdf`` → ``Q3 report final pdf``."""
    return "".join(character if character.isalnum() else " " for character in name)
