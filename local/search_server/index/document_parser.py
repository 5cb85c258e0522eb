"""Parsing of a document by a mapping: the values of its fields, and its fields that the mapping lacks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from local.search_server import errors
from local.search_server.index import dates, fields
from local.search_server.index.fields import Family, Kind, Value
from local.search_server.index.mappings import Mapping

_MAX_DEPTH = 20  # index.mapping.depth.limit


@dataclass(slots=True)
class ParsedDocument:
    """``values``: path of a field → its values, in the document's order. ``added``: mapping of the new fields."""

    values: dict[str, list[Value]] = field(default_factory=dict)
    added: dict[str, Any] = field(default_factory=dict)

    def present(self) -> set[str]:
        """Returns the paths of all fields with a value, and of the objects that contain them."""
        paths = set(self.values)
        for path in self.values:
            while path := path.rpartition(".")[0]:
                paths.add(path)
        return paths


def parse_document(
    mapping: Mapping, document: dict[str, Any], document_id: str = "", *, lenient: bool = False
) -> ParsedDocument:
    """Raises SearchError (mapper_parsing_exception, strict_dynamic_mapping_exception) for a document that does not fit.

    ``lenient`` skips values that do not fit: a document may be older than the mapping of a field.
    """
    return _DocumentParser(mapping, document_id, lenient).parse(document)


def parse_values(mapping: Mapping, document: dict[str, Any], paths: set[str]) -> dict[str, list[Value]]:
    """Returns the values of some fields of a document that is indexed already."""
    roots = {mapping.fields[path].source.partition(".")[0] for path in paths if path in mapping.fields}
    parts = {name: value for name, value in document.items() if name.partition(".")[0] in roots}
    return parse_document(mapping, parts, lenient=True).values


class _DocumentParser:
    def __init__(self, mapping: Mapping, document_id: str, lenient: bool) -> None:
        self._mapping, self._document_id, self._lenient, self._parsed = mapping, document_id, lenient, ParsedDocument()

    def parse(self, document: dict[str, Any]) -> ParsedDocument:
        self._object(document, "", self._mapping.objects[""], 1)
        return self._parsed

    def _object(self, node: dict[str, Any], prefix: str, dynamic: str, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise errors.bad_document(f"The depth of the document exceeds the limit of [{_MAX_DEPTH}]")
        for key, value in node.items():
            if not all(key.split(".")):
                raise errors.bad_document(
                    "failed to parse", "object field starting or ending with a [.] makes object resolution ambiguous"
                )
            try:
                self._value(prefix + key, value, dynamic, depth)
            except errors.SearchError:
                if not self._lenient:
                    raise

    def _value(self, path: str, value: Any, dynamic: str, depth: int) -> None:
        known = self._mapping.by_source.get(path)
        as_object = self._mapping.objects.get(path)
        if as_object == "off":
            return
        if known is None and as_object is None and not self._admits(path, value, dynamic):
            return
        if isinstance(value, list):
            for each in value:
                self._value(path, each, dynamic, depth)
        elif isinstance(value, dict):
            if known is not None:
                raise self._bad_value(known[0], "Can't get text on a START_OBJECT", "{...}")
            self._object(value, path + ".", as_object or dynamic, depth + 1)
        elif value is not None:
            if as_object is not None:
                raise errors.bad_document(
                    f"object mapping for [{path}] tried to parse field [{path.rpartition('.')[2]}] as object, but found a"
                    " concrete value"
                )
            for each in known or ():
                self._add_value(each, value)

    def _add_value(self, target: fields.Field, value: Any) -> None:
        if target.kind is Kind.BOOLEAN and value == "":
            value = False
        if value == "" and target.family not in (Family.TEXT, Family.KEYWORD) and target.kind is not Kind.BOOLEAN:
            raise self._bad_value(target, "cannot parse empty string", "")
        try:
            parsed = fields.parse(target, value)
        except ValueError as error:
            raise self._bad_value(target, str(error), fields.as_text(value)) from error
        if target.kind is Kind.KEYWORD:
            assert isinstance(parsed, str)
            if fields.utf16_length(parsed) > target.ignore_above:
                return
            if target.normalizer:
                parsed = self._mapping.analysis.normalizers[target.normalizer].indexed(parsed)
            if len(parsed.encode("utf-8", "surrogatepass")) > fields.MAX_KEYWORD_BYTES:
                raise errors.illegal_argument(
                    f'Document contains at least one immense term in field="{target.path}" (whose UTF8 encoding is longer than'
                    f" the max length {fields.MAX_KEYWORD_BYTES}), all of which were skipped."
                )
        self._parsed.values.setdefault(target.path, []).append(parsed)

    def _bad_value(self, target: fields.Field, reason: str, preview: str) -> errors.SearchError:
        return errors.bad_document(
            f"failed to parse field [{target.path}] of type [{target.kind}] in document with id '{self._document_id}'."
            f" Preview of field's value: '{preview[:100]}'",
            reason,
        )

    def _admits(self, path: str, value: Any, dynamic: str) -> bool:
        """Tells whether the parser should read a field that the mapping does not have."""
        if dynamic == "strict":
            parent, _, name = path.rpartition(".")
            raise errors.SearchError(
                400,
                "strict_dynamic_mapping_exception",
                f"mapping set to strict, dynamic introduction of [{name}] within [{parent or '_doc'}] is not allowed",
            )
        if dynamic == "false":
            return False
        if value is not None and not isinstance(value, dict | list):
            self._add(path, _inferred_mapping(value, self._mapping.detects_dates))
        return True

    def _add(self, path: str, node: dict[str, Any]) -> None:
        *parents, name = path.split(".")
        here = self._parsed.added.setdefault("properties", {})
        for parent in parents:
            here = here.setdefault(parent, {}).setdefault("properties", {})
        here.setdefault(name, node)


def _inferred_mapping(value: str | int | float | bool, detects_dates: bool) -> dict[str, Any]:
    """Returns the type that OpenSearch's dynamic mapping gives to a new field."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "long"}
    if isinstance(value, float):
        return {"type": "float"}
    if detects_dates and any(sign in value for sign in ":-/"):
        if re.fullmatch(r"\d{4}/\d{2}/\d{2}( \d{2}:\d{2}:\d{2})?( [+-]\d{2}:?\d{2}| Z)?", value):
            raise errors.not_offered(f"a date field found in [{value}]: map it, or set date_detection to false,")
        try:
            dates.parse(value)
            return {"type": "date"}
        except dates.NotADate:
            pass
    return {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
