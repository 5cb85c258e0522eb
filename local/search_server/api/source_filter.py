"""``_source`` of a search: the parts of a document that are returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.search_server import errors


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """``wanted`` False: nothing is returned. ``names``: fields and whole objects to return; empty: the whole document."""

    wanted: bool = True
    names: frozenset[str] = frozenset()

    @staticmethod
    def parse(value: Any) -> SourceFilter:
        """Parses ``_source``. Raises SearchError."""
        if isinstance(value, bool):
            return SourceFilter(value)
        names = [value] if isinstance(value, str) else value
        if isinstance(value, dict) or any("*" in str(name) for name in names if isinstance(names, list)):
            raise errors.not_offered("[_source] with patterns or exclusions")
        if not isinstance(names, list):
            raise errors.parsing(f"Expected one of [VALUE_BOOLEAN, START_OBJECT] but found [{value}]")
        return SourceFilter(names=frozenset(map(str, names)))

    def apply(self, source: dict[str, Any]) -> dict[str, Any]:
        return self._part(source, "") if self.names else source

    def _part(self, node: dict[str, Any], prefix: str) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, value in node.items():
            if prefix + name in self.names:
                kept[name] = value
            elif part := self._inside(value, f"{prefix}{name}."):
                kept[name] = part
        return kept

    def _inside(self, value: Any, prefix: str) -> Any:
        if isinstance(value, dict):
            return self._part(value, prefix)
        if isinstance(value, list):
            return [part for each in value if (part := self._inside(each, prefix))]
        return None
