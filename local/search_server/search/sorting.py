"""Parsing of ``sort`` and ``search_after``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from local.search_server import errors
from local.search_server.index import dates, fields
from local.search_server.index.fields import Family, Field, Kind, Value
from local.search_server.index.index import Index

_NOT_OFFERED = {"mode", "nested", "nested_path", "nested_filter", "numeric_type", "format"}
_TEXT_FIELD = (
    "Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these"
    " operations are disabled by default. Please use a keyword field instead. Alternatively, set fielddata=true on [{}] in order"
    " to load field data by uninverting the inverted index. Note that this can use significant memory."
)
_SORTED_AS_INT32 = (Kind.INTEGER, Kind.SHORT, Kind.BYTE, Kind.BOOLEAN)  # sorted as 32 bits


@dataclass(frozen=True, slots=True)
class SortKey:
    """One sort criterion. ``field`` None: the score. ``column`` None: no document has a value.

    ``multivalued``: documents may have several values, of which the smallest counts.
    """

    field: Field | None
    descending: bool
    missing_first: bool = False
    column: str | None = None
    multivalued: bool = False

    def value(self, values: list[Value]) -> Value | None:
        """Returns the value of a document that counts."""
        return (max(values) if self.descending else min(values)) if values else None

    def before(self, a: Value | None, b: Value | None) -> bool:
        """Tells whether ``a`` comes strictly before ``b``. None is a missing value."""
        if a is None or b is None:
            return (a is None) == self.missing_first and a is not b
        return a > b if self.descending else a < b  # type: ignore[operator]

    def to_json(self, value: Value | None) -> Any:
        """Returns the value for ``sort`` of a hit. A missing value becomes the extreme of its type, or null."""
        if value is not None or self.field is None or self.field.family is Family.KEYWORD:
            return value
        high = self.descending == self.missing_first
        if self.field.family is Family.FLOAT:
            return "Infinity" if high else "-Infinity"
        limit: int = 2 ** (31 if self.field.kind in _SORTED_AS_INT32 else 63)
        return limit - 1 if high else -limit

    def from_json(self, value: Any) -> Value | None:
        """Parses a value of ``search_after``, the inverse of ``to_json``. Raises SearchError."""
        if self.field is None:
            return _score(value)
        if value is None:
            return None
        if self.field.family is Family.KEYWORD:
            return fields.as_text(value)
        if value == self.to_json(None):
            return None
        try:
            if self.field.kind is Kind.DATE and isinstance(value, str) and not value.lstrip("-").isdigit():
                return dates.parse(value)
            return float(value) if self.field.family is Family.FLOAT else int(value)
        except (ValueError, TypeError):
            raise errors.query_failed(
                f"Failed to parse search_after value for field [{self.field.path}].", "illegal_argument_exception"
            ) from None


def _score(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise errors.query_failed(
            "Failed to parse search_after value for field [_score].", "illegal_argument_exception"
        )
    return float(value)


def parse(body: Any, index: Index) -> list[SortKey]:
    """Parses ``sort``; an empty list means by score. Raises SearchError for a field that cannot be sorted by."""
    listed = body if isinstance(body, list) else [body]
    keys = []
    for each in listed:
        if isinstance(each, str):
            keys.append(_key(each, {}, index))
        elif isinstance(each, dict):
            for name, options in each.items():
                keys.append(_key(name, {"order": options} if isinstance(options, str) else options, index))
        else:
            raise errors.illegal_argument(
                "malformed sort format, within the sort array, an object, or an actual string are allowed"
            )
    if any(key.field is None for key in keys[1:]):
        raise errors.not_offered("a sort by [_score] after another criterion")
    return [] if len(keys) == 1 and keys[0].field is None else keys


def _key(path: str, options: dict[str, Any], index: Index) -> SortKey:
    for name in options:
        if name in _NOT_OFFERED:
            raise errors.not_offered(f"[{name}] of a sort")
        if name not in ("order", "missing", "unmapped_type"):
            raise errors.unknown_field("field_sort", name)
    order = str(options.get("order", "desc" if path == "_score" else "asc")).lower()
    if order not in ("asc", "desc"):
        raise errors.illegal_argument(f"No enum constant org.opensearch.search.sort.SortOrder.{order.upper()}")
    descending = order == "desc"
    if path == "_score":
        if not descending or set(options) - {"order"}:
            raise errors.not_offered("a sort by [_score] other than descending")
        return SortKey(None, True)
    if path == "_id":
        raise errors.query_failed(
            "Fielddata access on the _id field is disallowed, you can re-enable it by updating the dynamic cluster setting:"
            " indices.id_field_data.enabled",
            "illegal_argument_exception",
        )
    if path.startswith("_"):
        raise errors.not_offered(f"a sort by [{path}]")
    missing = options.get("missing", "_last")
    if missing not in ("_first", "_last"):
        raise errors.not_offered("a value for [missing] of a sort")
    return _field_key(path, options, index, descending, missing == "_first")


def _field_key(path: str, options: dict[str, Any], index: Index, descending: bool, missing_first: bool) -> SortKey:
    found = index.mapping.fields.get(path)
    if found is None:
        kind = options.get("unmapped_type")
        if kind is None:
            raise errors.query_failed(f"No mapping found for [{path}] in order to sort on")
        if kind not in {each.value for each in Kind if each is not Kind.TEXT}:
            raise errors.query_failed(f"No mapper found for type [{kind}]", "illegal_argument_exception")
        return SortKey(Field(path, path, Kind(kind)), descending, missing_first)
    if found.kind is Kind.TEXT:
        raise errors.query_failed(_TEXT_FIELD.format(path), "illegal_argument_exception")
    if not found.sortable:
        raise errors.query_failed(
            f"Can't load fielddata on [{path}] because fielddata is unsupported", "illegal_argument_exception"
        )
    multivalued = path in index.multivalued
    if multivalued and descending:
        raise errors.not_offered(f"a sort by the largest of several values of [{path}]")
    if multivalued and missing_first:
        raise errors.not_offered(f"[missing] _first in a sort by [{path}], which has several values")
    return SortKey(found, descending, missing_first, index.snapshot.columns.of.get(path), multivalued)
