"""``_source``: which parts of a document are returned."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from local.search_server import errors


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """``wanted`` False: no source at all. Patterns name a field or, with its parts, an object; ``*`` stands for anything."""

    wanted: bool = True
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    @staticmethod
    def parse(value: Any) -> SourceFilter:
        """Of a request body. Raises SearchError."""
        match value:
            case bool():
                return SourceFilter(value)
            case str():
                return SourceFilter(includes=(value,))
            case list():
                return SourceFilter(includes=tuple(map(str, value)))
            case dict():
                for name in value:
                    if name not in ("includes", "include", "excludes", "exclude"):
                        raise errors.parsing(f"Unknown key for a VALUE in [{name}].")
                includes = value.get("includes", value.get("include", []))
                excludes = value.get("excludes", value.get("exclude", []))
                return SourceFilter(True, _listed(includes), _listed(excludes))
        raise errors.parsing(f"Expected one of [VALUE_BOOLEAN, START_OBJECT] but found [{value}]")

    @staticmethod
    def from_parameters(parameters: dict[str, str]) -> SourceFilter | None:
        """Of a query string; None when it says nothing."""
        if not {"_source", "_source_includes", "_source_excludes"} & set(parameters):
            return None
        includes = _csv(parameters.get("_source_includes", ""))
        wanted = parameters.get("_source", "true")
        if wanted not in ("true", "false", ""):
            includes = (*_csv(wanted), *includes)
        return SourceFilter(wanted != "false", includes, _csv(parameters.get("_source_excludes", "")))

    def apply(self, source: dict[str, Any]) -> dict[str, Any]:
        if not self.includes and not self.excludes:
            return source
        filtered: dict[str, Any] = self._part(source, "", not self.includes)
        return filtered

    def _part(self, node: dict[str, Any], prefix: str, included: bool) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, value in node.items():
            path = prefix + name
            if _names(self.excludes, path):
                continue
            inside = included or _names(self.includes, path)
            value = self._value(value, path, inside)
            if value is not _NOTHING:
                kept[name] = value
        return kept

    def _value(self, value: Any, path: str, included: bool) -> Any:
        if isinstance(value, dict):
            part = self._part(value, path + ".", included)
            return part if part or included else _NOTHING
        if isinstance(value, list) and any(isinstance(each, dict) for each in value):
            parts = [self._value(each, path, included) for each in value]
            kept = [part for part in parts if part is not _NOTHING]
            return kept if kept or included else _NOTHING
        return value if included else _NOTHING


_NOTHING = object()


def _names(patterns: tuple[str, ...], path: str) -> bool:
    return any(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), path) for pattern in patterns)


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _csv(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)
