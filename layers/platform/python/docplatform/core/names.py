"""Names that people give: which are valid, and when two are the same."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from docplatform.core.errors import InvalidName

LONGEST = 255  # characters
_LONGEST_KEY = 900  # bytes; a DynamoDB sort key holds 1,024
_FORBIDDEN = frozenset("/\\")
_CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # Unicode general categories: control, surrogate, line and paragraph separator

# Characters that are not seen (Unicode: Default_Ignorable_Code_Point, DerivedCoreProperties.txt), or that change the direction
# of what follows (UAX #9). Some are legal in their place: see _is_in_place.
_JOINERS = "\u200c\u200d"  # ZWNJ, ZWJ
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors
_TAGS = "\U000e0020-\U000e007f"  # of flags such as that of Wales
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{_JOINERS}{_SELECTORS}{_TAGS}{_UNSEEN}]")
_LOST = {
    "\ufffd": "a character that was lost on the way",
    "\ufffc": "an object that was lost on the way",
}
_WAVING_BLACK_FLAG, _END_OF_TAGS = "\U0001f3f4", "\U000e007f"
_VIRAMA = 9  # canonical combining class


def clean(name: str) -> str:
    """The name of a folder or document, in Unicode NFC and without surrounding blanks. Raises InvalidName."""
    name = unicodedata.normalize("NFC", name).strip()
    if not without_invisible(name) or name in (".", ".."):
        raise InvalidName("Give it a name that is more than blanks or dots.")
    if len(name) > LONGEST:
        raise InvalidName(
            f"Use at most {LONGEST} characters. This name has {len(name)}; an emoji or an accented letter can be several."
        )
    for character in name:
        if character in _FORBIDDEN or unicodedata.category(character) in (*_CONTROLS, "Co"):
            raise InvalidName("Leave out slashes, backslashes, line breaks and control characters.")
    check_visible(name)
    return name


def is_one_line(name: str) -> bool:
    return not any(unicodedata.category(character) in _CONTROLS for character in name)


def check_visible(name: str) -> None:
    """Raises InvalidName for a character that is not seen, that changes the direction of text, or that stands for one
    that was lost. Joiners (ZWJ, ZWNJ) are legal inside words and emoji, and after a virama; a variation selector after
    the character that it varies; tags in a flag."""
    for place, character in enumerate(name):
        if character in _LOST:
            raise InvalidName(
                f"The name has {_named(character)}, which stands for {_LOST[character]}. Type the name again."
            )
        if _INVISIBLE.match(character) and not _is_in_place(name, place):
            raise InvalidName(
                f"The name has {_named(character)}, which cannot be seen or changes how the rest is shown. Leave it out."
            )


def _named(character: str) -> str:
    return f"U+{ord(character):04X} ({unicodedata.name(character, 'a format character').lower()})"


def _is_in_place(name: str, place: int) -> bool:
    character, before = name[place], _base_before(name, place)
    after = name[place + 1] if place + 1 < len(name) else ""
    if not before:
        return False
    if character in _JOINERS:
        if unicodedata.combining(before) == _VIRAMA:
            return True
        return bool(after) and (
            (_is_of_word(before) and _is_of_word(after)) or (_is_picture(before) and _is_picture(after))
        )
    if re.match(f"[{_SELECTORS}]", character):
        return name[place - 1] == before and not before.isspace()
    if re.match(f"[{_TAGS}]", character):
        flag = name.rfind(_WAVING_BLACK_FLAG, 0, place)
        end = name.find(_END_OF_TAGS, place)
        return flag >= 0 <= end and bool(re.fullmatch(f"[{_TAGS}]+", name[flag + 1 : end + 1]))
    return False


def _base_before(name: str, place: int) -> str:
    """The character before ``place``, over variation selectors and tags; '' if there is none."""
    before = re.sub(f"[{_SELECTORS}{_TAGS}]+$", "", name[:place])
    return before[-1:]


def _is_of_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


def _is_picture(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Sk", "Sm", "Me", "Po")


def without_invisible(text: str) -> str:
    return _INVISIBLE.sub("", text)


def folded(name: str) -> str:
    """The form of a name without differences of case (Unicode case folding)."""
    return unicodedata.normalize("NFC", name.casefold())


def former_unique_form(name: str) -> str:
    """``unique_form`` of earlier versions, which knew no invisible characters and refused longer names."""
    form = folded(name)
    return form if len(form.encode()) <= _LONGEST_KEY else unique_form(name)


def unique_form(name: str) -> str:
    """The form of a name that is unique among its like, and by which a folder is sorted: without case, and without what
    cannot be seen. Two names that look the same but for an invisible character are the same name. At most 900 bytes: the
    end of a longer one is replaced by a hash."""
    form = folded(without_invisible(name))
    if len(form.encode()) <= _LONGEST_KEY:
        return form
    digest = hashlib.sha256(form.encode()).hexdigest()
    return form.encode()[: _LONGEST_KEY - len(digest)].decode(errors="ignore") + digest
