"""The mapping of an index: its fields, and the rules for adding fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local.search_server import errors
from local.search_server.analysis.analysis import Analysis
from local.search_server.index.fields import Field, Kind

MAX_FIELDS = 1000  # index.mapping.total_fields.limit

_ROOT = {"properties", "dynamic", "date_detection"}
_OBJECT = {"type", "properties", "dynamic", "enabled"}
_COMMON = {"type", "index", "fields"}
_PARAMETERS_OF_KIND: dict[Kind, set[str]] = {
    Kind.TEXT: {"analyzer", "search_analyzer"},
    Kind.KEYWORD: {"ignore_above", "normalizer", "doc_values"},
    Kind.DATE: {"format", "doc_values"},
}
_PARAMETERS_NOT_OFFERED = {
    "boost", "coerce", "copy_to", "eager_global_ordinals", "fielddata", "ignore_malformed", "index_options", "index_phrases",
    "index_prefixes", "locale", "meta", "norms", "null_value", "position_increment_gap", "similarity", "store", "term_vector",
}  # fmt: skip
_TYPES_NOT_OFFERED = {
    "alias", "binary", "completion", "constant_keyword", "date_nanos", "date_range", "derived", "double_range", "flat_object",
    "float_range", "geo_point", "geo_shape", "half_float", "integer_range", "ip", "ip_range", "join", "knn_vector", "long_range",
    "match_only_text", "nested", "percolator", "rank_feature", "rank_features", "scaled_float", "search_as_you_type",
    "token_count", "unsigned_long", "wildcard", "xy_point",
}  # fmt: skip
_DATE_FORMATS = {"strict_date_optional_time||epoch_millis", "strict_date_optional_time"}


@dataclass(frozen=True)
class Mapping:
    """Immutable mapping; ``tree`` is its JSON form."""

    tree: dict[str, Any]
    analysis: Analysis

    @staticmethod
    @errors.malformed("mapping")
    def parse(body: dict[str, Any], analysis: Analysis) -> Mapping:
        """Raises SearchError for a type, parameter or analyzer that is unknown or not offered."""
        tree = json.loads(json.dumps(body))
        for key in tree:
            if key in (
                "dynamic_templates",
                "_source",
                "_routing",
                "_meta",
                "numeric_detection",
                "dynamic_date_formats",
                "derived",
            ):
                raise errors.not_offered(f"mapping parameter [{key}]")
            if key not in _ROOT:
                raise errors.bad_mapping(f"Root mapping definition has unsupported parameters:  [{key} : {tree[key]}]")
        _check_dynamic(tree)
        if not isinstance(tree.get("date_detection", False), bool):
            raise errors.bad_mapping(f"Could not convert [date_detection] to boolean: {tree['date_detection']}")
        for name, node in tree.get("properties", {}).items():
            _check(name, node, analysis)
        mapping = Mapping(tree, analysis)
        if len(mapping.fields) + len(mapping.objects) - 1 > MAX_FIELDS:
            raise errors.illegal_argument(f"Limit of total fields [{MAX_FIELDS}] has been exceeded")
        return mapping

    def extended(self, body: dict[str, Any]) -> Mapping:
        """Returns a mapping with the fields of ``body`` added. Raises SearchError for a field that exists with another definition."""
        added = Mapping.parse(body, self.analysis).tree
        return Mapping.parse(_merged(self.tree, added, ""), self.analysis)

    def json(self) -> dict[str, Any]:
        ordered: dict[str, Any] = json.loads(json.dumps(self.tree, sort_keys=True))
        return ordered if ordered.get("properties") else {k: v for k, v in ordered.items() if k != "properties"}

    @cached_property
    def fields(self) -> dict[str, Field]:
        return {field.path: field for field in _fields(self.tree.get("properties", {}), "")}

    @cached_property
    def by_source(self) -> dict[str, tuple[Field, ...]]:
        """Path in the document → the field at this path and its sub-fields."""
        grouped: dict[str, list[Field]] = {}
        for field in self.fields.values():
            grouped.setdefault(field.source, []).append(field)
        return {source: tuple(fields) for source, fields in grouped.items()}

    @cached_property
    def objects(self) -> dict[str, str]:
        """Path of each object ("" is the document) → its ``dynamic``: true, false or strict; "off" for a disabled object."""
        found = {"": str(self.tree.get("dynamic", "true")).lower()}

        def visit(properties: dict[str, Any], prefix: str, inherited: str) -> None:
            for name, node in properties.items():
                if _is_object(node):
                    path = prefix + name
                    off = str(node.get("enabled", True)).lower() == "false"
                    found[path] = "off" if off else str(node.get("dynamic", inherited)).lower()
                    visit(node.get("properties", {}), path + ".", found[path])

        visit(self.tree.get("properties", {}), "", found[""])
        return found

    @property
    def detects_dates(self) -> bool:
        return bool(self.tree.get("date_detection", True))


def _is_object(node: dict[str, Any]) -> bool:
    kind = node.get("type", "object" if {"properties", "dynamic", "enabled"} & set(node) else None)
    return kind == "object"


def _fields(properties: dict[str, Any], prefix: str) -> Iterator[Field]:
    for name, node in properties.items():
        path = prefix + name
        if _is_object(node):
            yield from _fields(node.get("properties", {}), path + ".")
            continue
        yield _field(path, path, node)
        for sub, sub_node in node.get("fields", {}).items():
            yield _field(f"{path}.{sub}", path, sub_node)


def _field(path: str, source: str, node: dict[str, Any]) -> Field:
    analyzer = node.get("analyzer", "standard")
    return Field(
        path,
        source,
        Kind(node["type"]),
        analyzer=analyzer,
        search_analyzer=node.get("search_analyzer", analyzer),
        normalizer=node.get("normalizer", ""),
        ignore_above=int(node.get("ignore_above", 2**31 - 1)),
        searchable=_flag(node, "index"),
        sortable=_flag(node, "doc_values") and node["type"] != Kind.TEXT,
    )


def _flag(node: dict[str, Any], name: str) -> bool:
    return str(node.get(name, True)).lower() == "true"


def _check_dynamic(node: dict[str, Any]) -> None:
    if "dynamic" in node and str(node["dynamic"]).lower() not in ("true", "false", "strict"):
        if node["dynamic"] in ("strict_allow_templates", "false_allow_templates"):
            raise errors.not_offered(f"dynamic [{node['dynamic']}]")
        raise errors.bad_mapping(f"Could not convert [dynamic] to boolean: {node['dynamic']}")


def _check(path: str, node: Any, analysis: Analysis, *, sub_field: bool = False) -> None:
    name = path.rpartition(".")[2]
    if not isinstance(node, dict):
        raise errors.bad_mapping(
            f"Expected map for property [fields] on field [{name}] but got a class {type(node).__name__}"
        )
    if not name or "." in name:
        raise errors.bad_mapping("field name cannot be an empty string")
    if _is_object(node) and not sub_field:
        if unknown := set(node) - _OBJECT:
            raise errors.bad_mapping(f"Mapping definition for [{name}] has unsupported parameters:  [{min(unknown)}]")
        _check_dynamic(node)
        for child, child_node in node.get("properties", {}).items():
            if "." in child:
                raise errors.not_offered(f"a field name with a dot [{child}]")
            _check(f"{path}.{child}", child_node, analysis)
        return
    _check_field(name, node, analysis)
    for sub, sub_node in node.get("fields", {}).items():
        if isinstance(sub_node, dict) and "fields" in sub_node:
            raise errors.not_offered("a sub-field with sub-fields")
        _check(sub, sub_node, analysis, sub_field=True)


def _check_field(name: str, node: dict[str, Any], analysis: Analysis) -> None:
    kind = node.get("type")
    if kind is None:
        raise errors.bad_mapping(f"No type specified for field [{name}]")
    if kind in _TYPES_NOT_OFFERED:
        raise errors.not_offered(f"field type [{kind}]")
    if kind not in {each.value for each in Kind}:
        raise errors.bad_mapping(f"No handler for type [{kind}] declared on field [{name}]")
    for parameter in set(node) - _COMMON - _PARAMETERS_OF_KIND.get(Kind(kind), {"doc_values"}):
        if parameter in _PARAMETERS_NOT_OFFERED:
            raise errors.not_offered(f"mapping parameter [{parameter}]")
        raise errors.bad_mapping(f"unknown parameter [{parameter}] on mapper [{name}] of type [{kind}]")
    for parameter in ("analyzer", "search_analyzer"):
        if node.get(parameter, "standard") not in analysis.analyzers:
            raise errors.bad_mapping(f"analyzer [{node[parameter]}] has not been configured in mappings")
    if node.get("normalizer", "lowercase") not in analysis.normalizers:
        raise errors.bad_mapping(f"normalizer [{node['normalizer']}] not found for field [{name}]")
    if node.get("format", "strict_date_optional_time||epoch_millis") not in _DATE_FORMATS:
        raise errors.not_offered(f"date format [{node['format']}]")
    for parameter in ("index", "doc_values"):
        if str(node.get(parameter, True)).lower() not in ("true", "false"):
            raise errors.bad_mapping(
                f"Failed to parse value [{node[parameter]}] as only [true] or [false] are allowed."
            )


def _merged(old: dict[str, Any], new: dict[str, Any], path: str) -> dict[str, Any]:
    merged = {**old, **{key: value for key, value in new.items() if key != "properties"}}
    properties = dict(old.get("properties", {}))
    for name, node in new.get("properties", {}).items():
        here = f"{path}{name}"
        properties[name] = _merged_node(properties[name], node, here) if name in properties else node
    if properties:
        merged["properties"] = properties
    return merged


def _merged_node(old: dict[str, Any], new: dict[str, Any], path: str) -> dict[str, Any]:
    if _is_object(old) != _is_object(new):
        kinds = [("object" if _is_object(node) else node["type"]) for node in (old, new)]
        raise errors.illegal_argument(f"mapper [{path}] cannot be changed from type [{kinds[0]}] to [{kinds[1]}]")
    if _is_object(old):
        return _merged(old, new, path + ".")
    if old["type"] != new["type"]:
        raise errors.illegal_argument(f"mapper [{path}] cannot be changed from type [{old['type']}] to [{new['type']}]")
    for parameter in ("analyzer", "normalizer", "index", "doc_values", "format"):
        if old.get(parameter) != new.get(parameter):
            raise errors.illegal_argument(
                f"Mapper for [{path}] conflicts with existing mapper:\n\tCannot update parameter [{parameter}]"
                f" from [{old.get(parameter, 'default')}] to [{new.get(parameter, 'default')}]"
            )
    fields = {**old.get("fields", {})}
    for name, node in new.get("fields", {}).items():
        fields[name] = _merged_node(fields[name], node, f"{path}.{name}") if name in fields else node
    return {**old, **new, **({"fields": fields} if fields else {})}
