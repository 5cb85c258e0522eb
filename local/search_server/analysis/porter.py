"""Porter's stemmer, as Lucene's English analyzer has it.

Source: M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, with the two changes of Porter's own later code and of
Lucene's PorterStemFilter in step 2: ``bli`` → ``ble`` (not ``abli`` → ``able``) and ``logi`` → ``log``.
The Snowball "english" stemmer (Porter 2) is another algorithm, with other stems.
"""

from __future__ import annotations

_VOWELS = frozenset("aeiou")

_STEP2 = (
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("logi", "log"),
)
_STEP3 = (
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
)
_STEP4 = (
    "al",
    "ance",
    "ence",
    "er",
    "ic",
    "able",
    "ible",
    "ant",
    "ement",
    "ment",
    "ent",
    "ion",
    "ou",
    "ism",
    "ate",
    "iti",
    "ous",
    "ive",
    "ize",
)


def stem(word: str) -> str:
    """Returns the stem of a lower-case word. Words of one or two letters stay as they are."""
    if len(word) < 3:
        return word
    word = _plural(word)
    word = _past_and_progressive(word)
    if word.endswith("y") and _has_vowel(word[:-1]):
        word = word[:-1] + "i"
    word = _replace_suffix(word, _STEP2)
    word = _replace_suffix(word, _STEP3)
    word = _drop_suffix(word)
    return _tidy(word)


def _is_consonant(word: str, i: int) -> bool:
    letter = word[i]
    if letter == "y":
        return i == 0 or not _is_consonant(word, i - 1)
    return letter not in _VOWELS


def _measure(part: str) -> int:
    """The number of vowel-consonant sequences: m in [C](VC){m}[V]."""
    measure, after_vowel = 0, False
    for i in range(len(part)):
        if _is_consonant(part, i):
            measure += after_vowel
            after_vowel = False
        else:
            after_vowel = True
    return measure


def _has_vowel(part: str) -> bool:
    return any(not _is_consonant(part, i) for i in range(len(part)))


def _ends_double_consonant(word: str) -> bool:
    return len(word) > 1 and word[-1] == word[-2] and _is_consonant(word, len(word) - 1)


def _ends_cvc(word: str) -> bool:
    n = len(word)
    return (
        n > 2
        and _is_consonant(word, n - 1)
        and not _is_consonant(word, n - 2)
        and _is_consonant(word, n - 3)
        and word[-1] not in "wxy"
    )


def _plural(word: str) -> str:
    if not word.endswith("s"):
        return word
    if word.endswith("sses") or word.endswith("ies"):
        return word[:-2]
    return word if word.endswith("ss") else word[:-1]


def _past_and_progressive(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for suffix in ("ed", "ing"):
        if word.endswith(suffix):
            part = word[: -len(suffix)]
            return _restore(part) if _has_vowel(part) else word
    return word


def _restore(part: str) -> str:
    if part.endswith(("at", "bl", "iz")):
        return part + "e"
    if _ends_double_consonant(part):
        return part if part[-1] in "lsz" else part[:-1]
    return part + "e" if _measure(part) == 1 and _ends_cvc(part) else part


def _replace_suffix(word: str, rules: tuple[tuple[str, str], ...]) -> str:
    for suffix, replacement in rules:
        if word.endswith(suffix):
            part = word[: -len(suffix)]
            return part + replacement if _measure(part) > 0 else word
    return word


def _drop_suffix(word: str) -> str:
    for suffix in _STEP4:
        if word.endswith(suffix):
            part = word[: -len(suffix)]
            if suffix == "ion" and not part.endswith(("s", "t")):
                continue
            return part if _measure(part) > 1 else word
    return word


def _tidy(word: str) -> str:
    if word.endswith("e"):
        part = word[:-1]
        measure = _measure(part)
        if measure > 1 or (measure == 1 and not _ends_cvc(part)):
            word = part
    if word.endswith("l") and _ends_double_consonant(word) and _measure(word) > 1:
        word = word[:-1]
    return word
