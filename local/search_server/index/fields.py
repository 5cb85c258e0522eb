"""Field types, and the parsing of a JSON value for each of them."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import StrEnum

from local.search_server.index import dates

Value = str | int | float

MAX_KEYWORD_BYTES = 32_766  # UTF-8; Lucene's limit for a term


class Kind(StrEnum):
    TEXT = "text"
    KEYWORD = "keyword"
    LONG = "long"
    INTEGER = "integer"
    SHORT = "short"
    BYTE = "byte"
    DOUBLE = "double"
    FLOAT = "float"
    DATE = "date"
    BOOLEAN = "boolean"


class Family(StrEnum):
    """How the index stores a field. The values are parts of the names of stored columns."""

    TEXT = "text"
    KEYWORD = "word"
    INTEGER = "whole"
    FLOAT = "real"


_BITS = {Kind.LONG: 64, Kind.INTEGER: 32, Kind.SHORT: 16, Kind.BYTE: 8}
_FAMILIES = {
    Kind.TEXT: Family.TEXT,
    Kind.KEYWORD: Family.KEYWORD,
    Kind.DOUBLE: Family.FLOAT,
    Kind.FLOAT: Family.FLOAT,
}


@dataclass(frozen=True, slots=True)
class Field:
    """``path`` is its name in queries (``title.raw``), ``source`` is the path of its values in a document (``title``)."""

    path: str
    source: str
    kind: Kind
    analyzer: str = "standard"
    search_analyzer: str = "standard"
    normalizer: str = ""
    ignore_above: int = 2**31 - 1  # UTF-16 units
    searchable: bool = True
    sortable: bool = True

    @property
    def family(self) -> Family:
        return _FAMILIES.get(self.kind, Family.INTEGER)


def parse(field: Field, value: object) -> Value:
    """Returns the value that is indexed, sorted and compared. Raises ValueError with a reason in OpenSearch's words."""
    match field.kind:
        case Kind.TEXT | Kind.KEYWORD:
            return as_text(value)
        case Kind.DATE:
            try:
                return dates.parse(value)
            except dates.NotADate:
                raise ValueError(
                    f"failed to parse date field [{as_text(value)}] with format [strict_date_optional_time||epoch_millis]"
                ) from None
        case Kind.BOOLEAN:
            return _boolean(value)
        case Kind.DOUBLE | Kind.FLOAT:
            return _float(field.kind, value)
        case _:
            return _integer(field.kind, value)


def as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def utf16_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _boolean(value: object) -> int:
    if (value in (True, "true") and not isinstance(value, int | float)) or value is True:
        return 1
    if value is False or value in ("false", ""):
        return 0
    raise ValueError(f"Failed to parse value [{as_text(value)}] as only [true] or [false] are allowed.")


def _float(kind: Kind, value: object) -> float:
    number = _number(value)
    try:
        result = struct.unpack("f", struct.pack("f", number))[0] if kind is Kind.FLOAT else float(number)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise ValueError(f"[{kind}] supports only finite values, but got [{value}]")
    return float(result)


def _integer(kind: Kind, value: object) -> int:
    number = int(_number(value))  # 3.7 → 3: OpenSearch's default, coerce
    limit = 2 ** (_BITS[kind] - 1)
    if not -limit <= number < limit:
        raise ValueError(f"Value [{value}] is out of range for {'an' if kind is Kind.INTEGER else 'a'} {kind}")
    return number


def _number(value: object) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            try:
                number = float(value)
            except ValueError:
                pass
            else:
                if math.isfinite(number):
                    return number
    raise ValueError(f'For input string: "{as_text(value)}"')
