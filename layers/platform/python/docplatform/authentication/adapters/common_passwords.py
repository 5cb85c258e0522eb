"""The 30,000 most used passwords, from zxcvbn's list, loaded when the first password is set."""

from __future__ import annotations

import string
from functools import cache
from itertools import pairwise

_MOST_PADDING = 6
_PADDING = string.digits + string.punctuation + string.whitespace


def is_common(password: str) -> bool:
    """Whether the password is on the list: as it is, repeated, or with a few digits and signs around it. Passwords that
    only count up or down, like ``abcdefghijkl``, are common as well."""
    folded = password.casefold()
    if len({ord(after) - ord(before) for before, after in pairwise(folded)} | {1, -1}) == 2:
        return True
    bare = folded.strip(_PADDING)
    candidates = {folded, _unit(folded)}
    if len(folded) - len(bare) <= _MOST_PADDING:
        candidates |= {bare, _unit(bare)}
    return not candidates.isdisjoint(_frequent())


def _unit(text: str) -> str:
    """The shortest beginning whose repetition is ``text``; the last repetition may be incomplete."""
    return next((text[:length] for length in range(1, len(text)) if text.startswith(text[length:])), text)


@cache
def _frequent() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])
