"""``_bulk``: many writes in one request."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.search_server import errors
from local.search_server.api.documents_api import (
    STATUS_OF_RESULT,
    JsonResponse,
    check_id,
    creating,
    deleting,
    indexing,
    updating,
    write_response,
)
from local.search_server.index.catalog import Catalog
from local.search_server.index.document_log import StoredDocument
from local.search_server.index.index import Decision, Index, Write

_ACTIONS = ("create", "delete", "index", "update")
_METADATA_NOT_OFFERED = {
    "_source", "if_primary_term", "if_seq_no", "pipeline", "require_alias", "retry_on_conflict", "routing", "version",
    "version_type",
}  # fmt: skip


@dataclass(slots=True)
class _Item:
    action: str
    index: str
    id: str
    text: str
    response: dict[str, Any] | None = None

    def fail(self, error: errors.SearchError) -> None:
        self.response = {"_index": self.index, "_id": self.id, "status": error.status, "error": error.cause()}


def bulk(catalog: Catalog, collection: str, default_index: str | None, text: str) -> JsonResponse:
    """Runs each item by itself: one can fail and the others succeed. The items of one index become durable together."""
    began = time.perf_counter()
    items = _items(text, default_index)
    if not items:
        raise errors.validation_failed("no requests added")
    for name in dict.fromkeys(item.index for item in items):
        _write_items(catalog, collection, name, [item for item in items if item.index == name])
    responses = [{item.action: item.response} for item in items]
    failed = any("error" in response for item in items if (response := item.response))
    return 200, {"took": round((time.perf_counter() - began) * 1000), "errors": failed, "items": responses}


def _items(text: str, default_index: str | None) -> list[_Item]:
    if not text.endswith("\n"):
        raise errors.illegal_argument("The bulk request must be terminated by a newline [\\n]")
    items, lines, number = [], text.split("\n")[:-1], 0
    while number < len(lines):
        line, number = lines[number], number + 1
        if not line.strip():
            continue
        action, metadata = _action(line, number)
        for key in metadata:
            if key in _METADATA_NOT_OFFERED:
                raise errors.not_offered(f"[{key}] in a bulk action")
            if key not in ("_index", "_id"):
                raise errors.illegal_argument(f"Action/metadata line [{number}] contains an unknown parameter [{key}]")
        document = ""
        if action != "delete":
            if number >= len(lines):
                break
            document, number = lines[number], number + 1
        name = metadata.get("_index", default_index)
        if name is None:
            raise errors.validation_failed("index is missing")
        document_id = metadata.get("_id")
        if document_id is None:
            if action in ("delete", "update"):
                raise errors.validation_failed("id is missing")
            raise errors.not_offered("a document without [_id]")
        items.append(_Item(action, str(name), str(document_id), document))
    return items


def _action(line: str, number: int) -> tuple[str, dict[str, Any]]:
    try:
        parsed = json.loads(line)
    except ValueError as error:
        raise errors.illegal_argument(f"Malformed action/metadata line [{number}], expected START_OBJECT") from error
    if not isinstance(parsed, dict) or len(parsed) != 1:
        raise errors.illegal_argument(
            f"Malformed action/metadata line [{number}], expected FIELD_NAME but found [END_OBJECT]"
        )
    ((action, metadata),) = parsed.items()
    if action not in _ACTIONS:
        raise errors.illegal_argument(
            f"Malformed action/metadata line [{number}], expected one of [create, delete, index, update] but found [{action}]"
        )
    if not isinstance(metadata, dict):
        raise errors.illegal_argument(
            f"Malformed action/metadata line [{number}], expected START_OBJECT but found [VALUE]"
        )
    return action, metadata


def _write_items(catalog: Catalog, collection: str, name: str, items: list[_Item]) -> None:
    creates = any(item.action in ("index", "create") for item in items)
    try:
        index = catalog.find_or_create(collection, name) if creates else catalog.find(collection, name)
    except errors.SearchError as error:
        for item in items:
            item.fail(error)
        return
    writes, written = [], []
    for item in items:
        try:
            check_id(item.id)
            writes.append(Write(item.id, _decision(item, index)))
            written.append(item)
        except errors.SearchError as error:
            item.fail(error)
    for item, outcome in zip(written, index.write(writes), strict=True):
        if isinstance(outcome, errors.SearchError):
            item.fail(outcome)
        else:
            item.response = {**write_response(name, outcome), "status": STATUS_OF_RESULT[outcome.result]}


def _decision(item: _Item, index: Index) -> Callable[[StoredDocument | None], Decision]:
    match item.action:
        case "index":
            return indexing(item.text)
        case "create":
            return creating(item.id, item.text, index)
        case "delete":
            return deleting
        case _:
            return updating(item.id, item.text, index)
