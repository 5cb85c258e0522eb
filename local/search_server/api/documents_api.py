"""Writing and reading documents by their ids.

Responses contain zeros for shards, sequence numbers and primary terms, as those of OpenSearch Serverless do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.search_server import errors
from local.search_server.index.document_log import StoredDocument
from local.search_server.index.index import Decision, Index, Write, WriteResult

_MAX_ID_BYTES = 512
STATUS_OF_RESULT = {"created": 201, "updated": 200, "deleted": 200, "noop": 200, "not_found": 404}
_UPDATE_OPTIONS_NOT_OFFERED = {
    "_source", "detect_noop", "doc_as_upsert", "if_primary_term", "if_seq_no", "lang", "script", "scripted_upsert", "upsert",
}  # fmt: skip
_SEQUENCE_NUMBERS = {"_seq_no": 0, "_primary_term": 0}
JsonResponse = tuple[int, dict[str, Any]]


def parse_object(text: str) -> dict[str, Any]:
    """Parses a document. Raises SearchError for text that is not a JSON object or not valid Unicode."""
    try:
        document = json.loads(text, parse_constant=_reject_constant)
        if "\\ud" in text.lower():
            json.dumps(document, ensure_ascii=False).encode()
    except ValueError as error:
        raise _not_json() from error
    except RecursionError as error:
        raise errors.bad_document("failed to parse", "nested too deeply") from error
    if not isinstance(document, dict):
        raise _not_json()
    return document


def _reject_constant(name: str) -> Any:
    raise ValueError(name)


def _not_json() -> errors.SearchError:
    cause = {
        "type": "not_x_content_exception",
        "reason": "Compressor detection can only be called on some xcontent bytes or compressed xcontent bytes",
    }
    return errors.SearchError(400, "mapper_parsing_exception", "failed to parse", caused_by=cause)


# -- decisions about a write
def indexing(text: str) -> Callable[[StoredDocument | None], Decision]:
    def decide(current: StoredDocument | None) -> Decision:
        parse_object(text)
        return ("updated" if current else "created"), text

    return decide


def creating(document_id: str, text: str, index: Index) -> Callable[[StoredDocument | None], Decision]:
    def decide(current: StoredDocument | None) -> Decision:
        if current:
            raise errors.SearchError(
                409,
                "version_conflict_engine_exception",
                f"[{document_id}]: version conflict, document already exists (current version [{current.version}])",
                **_index_details(index),
            )
        parse_object(text)
        return "created", text

    return decide


def deleting(current: StoredDocument | None) -> Decision:
    return ("deleted" if current else "not_found"), None


def updating(document_id: str, text: str, index: Index) -> Callable[[StoredDocument | None], Decision]:
    """Returns the decision about a partial update. Raises SearchError at once for a body that is not an update."""
    body = parse_object(text)
    for name in body:
        if name in _UPDATE_OPTIONS_NOT_OFFERED:
            raise errors.not_offered(f"[{name}] of an update")
        if name != "doc":
            raise errors.unknown_field("UpdateRequest", name)
    if not isinstance(body.get("doc"), dict):
        raise errors.validation_failed("script or doc is missing")

    def decide(current: StoredDocument | None) -> Decision:
        if current is None:
            raise errors.SearchError(
                404, "document_missing_exception", f"[{document_id}]: document missing", **_index_details(index)
            )
        before = json.loads(current.source or "{}")
        merged = _merged(before, body["doc"])
        if merged == before:
            return "noop", None
        return "updated", json.dumps(merged, ensure_ascii=False)

    return decide


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Merges objects recursively; any other value of ``new`` replaces the old one."""
    merged = dict(old)
    for name, value in new.items():
        before = old.get(name)
        merged[name] = _merged(before, value) if isinstance(value, dict) and isinstance(before, dict) else value
    return merged


def _index_details(index: Index) -> dict[str, Any]:
    return {"index": index.name, "shard": "0", "index_uuid": index.uuid}


# -- single documents
def write(index: Index, document_id: str, decide: Callable[[StoredDocument | None], Decision]) -> JsonResponse:
    check_id(document_id)
    (outcome,) = index.write([Write(document_id, decide)])
    if isinstance(outcome, errors.SearchError):
        raise outcome
    return STATUS_OF_RESULT[outcome.result], write_response(index.name, outcome)


def check_id(document_id: str) -> None:
    if (size := len(document_id.encode())) > _MAX_ID_BYTES or not document_id:
        reason = f"id [{document_id}] is too long, must be no longer than {_MAX_ID_BYTES} bytes but was: {size}"
        raise errors.validation_failed(reason if document_id else "if _id is specified it must not be empty")


def write_response(name: str, result: WriteResult) -> dict[str, Any]:
    shards = {"total": 0, "successful": 0, "failed": 0}
    return {
        "_index": name,
        "_id": result.id,
        "_version": result.version,
        "result": result.result,
        "_shards": shards,
        **_SEQUENCE_NUMBERS,
    }


def get(index: Index, document_id: str) -> JsonResponse:
    stored = index.get(document_id)
    if stored is None:
        return 404, {"_index": index.name, "_id": document_id, "found": False}
    shown = {"_index": index.name, "_id": document_id, "_version": stored.version, **_SEQUENCE_NUMBERS, "found": True}
    return 200, {**shown, "_source": json.loads(stored.source or "{}")}
