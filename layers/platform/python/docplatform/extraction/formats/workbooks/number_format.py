"""Values as a sheet shows them, by their number format (ECMA-376 part 1 §18.8.30 and §18.8.31), in English.

Fractions and repeated fill characters are left out: their cells are shown as stored.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

GENERAL = "General"
BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    14: "m/d/yyyy",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "m/d/yyyy h:mm",
    37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
    **dict.fromkeys((*range(27, 37), *range(50, 59)), "yyyy/m/d"),  # dates of East Asia
}
"""Formats that have an identifier and no text in the file."""

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<space>.)|\*(?P<fill>.)|\[\$(?P<currency>[^\]\-]*)[^\]]*\]'
    r"|\[(?P<elapsed>h+|m+|s+)\]|\[(?P<bracket>[^\]]*)\]|(?P<half>AM/PM|A/P)|(?P<exponent>E[+-]0+)|(?P<general>General)|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?|e+|g+)"
    r"|(?P<digits>[0#?][0#?,]*(?:\.[0#?]*,*)?|\.[0#?]+)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[\d.]+)")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_EPOCHS = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}
_Token = tuple[str, str]


def shown(value: float, code: str, *, from_1904: bool = False) -> str:
    """A number as it is shown in the format ``code``; '' for a format that this module does not know. ``from_1904``: the
    workbook counts days from 1904."""
    try:
        sections = _sections(code)
        tokens, drops_sign = _section_for(value, sections)
        if any(kind in ("date", "elapsed", "half") for kind, _ in tokens):
            return _date(value, tokens, from_1904)
        return _number(abs(value) if drops_sign else value, tokens)
    except (InvalidOperation, ValueError, OverflowError):
        return ""


def is_date(code: str) -> bool:
    """Whether a number in this format is a date or a time of day, in days since the epoch."""
    return any(kind in ("date", "half") for kind, _ in _sections(code)[0])


def iso_datetime(value: float, *, from_1904: bool = False) -> str:
    """A date and time in ISO 8601, without the part that is zero; '' if it is out of range."""
    try:
        at = _EPOCHS[from_1904] + timedelta(seconds=round(value * 86_400))
    except OverflowError:
        return ""
    if 0 <= value < 1:
        return at.time().isoformat()
    return at.date().isoformat() if not (at.hour or at.minute or at.second) else at.isoformat(sep=" ")


def shown_text(value: str, code: str) -> str:
    """A text as it is shown: the fourth section, or a section with "@", says what stands around it."""
    sections = _sections(code)
    tokens = sections[3] if len(sections) > 3 else sections[0]
    if not any(token == ("other", "@") for token in tokens):
        return value
    return "".join(value if token == ("other", "@") else _literal(*token) for token in tokens)


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[tuple[_Token, ...], ...]:
    sections: list[list[_Token]] = [[]]
    for match in _TOKEN.finditer(code[:1_000]):
        kind = match.lastgroup or "other"
        if kind == "other" and match[0] == ";":
            sections.append([])
        else:
            sections[-1].append((kind, match[kind]))
    return tuple(tuple(section) for section in sections)


def _section_for(value: float, sections: tuple[tuple[_Token, ...], ...]) -> tuple[tuple[_Token, ...], bool]:
    """The section for a value, and whether the sign is left to the section."""
    numbers = sections[:3]
    conditions = [_condition(section) for section in numbers]
    if any(conditions):
        for section, condition in zip(numbers, conditions, strict=True):
            if condition is None or _holds(value, *condition):
                return section, False
    if value < 0 and len(numbers) > 1:
        return numbers[1], True
    if value == 0 and len(numbers) > 2:
        return numbers[2], False
    return numbers[0], False


def _condition(section: tuple[_Token, ...]) -> tuple[str, float] | None:
    for kind, text in section:
        if kind == "bracket" and (match := _CONDITION.fullmatch(text)):
            return match[1], float(match[2])
    return None


def _holds(value: float, sign: str, bound: float) -> bool:
    return {
        "<": value < bound,
        ">": value > bound,
        "<=": value <= bound,
        ">=": value >= bound,
        "=": value == bound,
        "<>": value != bound,
    }[sign]


def _literal(kind: str, text: str) -> str:
    if kind == "space":
        return " "
    return text if kind in ("quoted", "escaped", "currency", "other") else ""


def _number(value: float, tokens: tuple[_Token, ...]) -> str:
    digits = [text for kind, text in tokens if kind == "digits"]
    if any(token == ("other", "/") for token in tokens) and digits:
        return ""  # a fraction
    if not digits:
        general = f"{value:.15g}"
        return "".join(general if kind == "general" else _literal(kind, text) for kind, text in tokens)
    if any(kind == "exponent" for kind, _ in tokens):
        return _scientific(value, digits[0])
    percents = sum(token == ("other", "%") for token in tokens)
    spread = len(digits) > 1 and not any("." in text or "," in text for text in digits)  # as in 000-00-0000
    pattern = "".join(digits) if spread else digits[0]
    written = _written(Decimal(repr(value)) * 100**percents, pattern)
    sign, written = ("-", written[1:]) if written.startswith("-") else ("", written)
    pieces, begun = [], False
    for kind, text in tokens:
        if kind != "digits":
            pieces.append(_literal(kind, text))
        elif spread:
            rest = sum(len(each) for each in digits[digits.index(text) + 1 :]) if not begun else 0
            take = len(written) - rest if not begun else len(text)
            pieces.append(written[:take])
            written, digits, begun = written[take:], digits[1:], True
        elif not begun:
            pieces.append(written)
            begun = True
    return sign + "".join(pieces)


def _written(number: Decimal, pattern: str) -> str:
    scale = len(pattern) - len(pattern.rstrip(","))  # each comma at the end divides by a thousand
    whole, _, part = pattern.rstrip(",").partition(".")
    number /= 1000**scale
    places = len(part)
    number = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    sign = "-" if number < 0 else ""
    integer, _, fraction = f"{abs(number):f}".partition(".")
    needed = whole.count("0")
    integer = integer.lstrip("0").rjust(needed, "0") if needed or int(integer) else ""
    if "," in whole:
        integer = f"{int(integer or 0):,}".rjust(needed, "0") if integer else ""
    optional = len(part) - len(part.rstrip("#?"))
    for _ in range(optional):
        fraction = fraction[:-1] if fraction.endswith("0") else fraction
    zero = not (integer + fraction).strip("0,")
    return ("" if zero else sign) + integer + ("." if "." in pattern else "") + fraction


def _scientific(value: float, pattern: str) -> str:
    mantissa, _, exponent = f"{value:.{len(pattern.partition('.')[2])}E}".partition("E")
    return f"{mantissa}E{exponent[0]}{exponent[1:].lstrip('0').rjust(2, '0')}"


def _date(value: float, tokens: tuple[_Token, ...], from_1904: bool) -> str:
    if value < 0 and not from_1904:
        return ""
    decimals = max((len(text.partition(".")[2]) for kind, text in tokens if kind == "date"), default=0)
    seconds = round(value * 86_400, decimals)
    at = _EPOCHS[from_1904] + timedelta(seconds=seconds)
    pieces: list[str] = []
    for number, (kind, text) in enumerate(tokens):
        if kind == "elapsed":
            total = {"h": seconds / 3600, "m": seconds / 60, "s": seconds}[text[0].lower()]
            pieces.append(str(int(total)).rjust(len(text), "0"))
        elif kind == "half":
            pieces.append("AM" if at.hour < 12 else "PM")
        elif kind == "date":
            half = any(each == "half" for each, _ in tokens)
            pieces.append(_date_part(at, text.lower(), half=half, minutes=_is_minutes(tokens, number)))
        else:
            pieces.append(_literal(kind, text))
    return "".join(pieces)


def _is_minutes(tokens: tuple[_Token, ...], number: int) -> bool:
    """Whether an "m" means minutes: it follows hours or comes before seconds."""
    letters = [(at, text[0].lower()) for at, (kind, text) in enumerate(tokens) if kind in ("date", "elapsed")]
    position = [at for at, _ in letters].index(number)
    before = letters[position - 1][1] if position else ""
    after = letters[position + 1][1] if position + 1 < len(letters) else ""
    return before == "h" or after == "s"


def _date_part(at: datetime, code: str, *, half: bool, minutes: bool) -> str:
    letter, length = code[0], len(code)
    if letter in "ye":
        return str(at.year) if length > 2 or letter == "e" else f"{at.year % 100:02}"
    if letter == "g":
        return ""
    if letter == "d" and length > 2:
        return _DAYS[at.weekday()][: 3 if length == 3 else None]
    if letter == "m" and not minutes and length > 2:
        return _MONTHS[at.month - 1][: {3: 3, 5: 1}.get(length)]
    if letter == "s" and "." in code:
        places = len(code.partition(".")[2])
        return f"{at.second:02}." + f"{at.microsecond:06}"[:places]
    hour = at.hour % 12 or 12 if half else at.hour
    value = {"d": at.day, "m": at.minute if minutes else at.month, "h": hour, "s": at.second}[letter]
    return f"{value:0{min(length, 2)}}"
