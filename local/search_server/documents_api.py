"""Writing and reading documents by their ids.

Answers have the zeros that OpenSearch Serverless puts for shards, sequence numbers and terms.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from local.search_server import errors
from local.search_server.catalog import Catalog
from local.search_server.document_log import Stored
from local.search_server.index import Decision, Done, Index, Write
from local.search_server.source_filter import SourceFilter

_LONGEST_ID = 512  # bytes
STATUS = {"created": 201, "updated": 200, "deleted": 200, "noop": 200, "not_found": 404}
_POSITION = {"_seq_no": 0, "_primary_term": 0}
Answer = tuple[int, dict[str, Any]]


def parse_object(text: str) -> dict[str, Any]:
    """A document. Raises SearchError for what is no JSON object or no Unicode."""
    try:
        document = json.loads(text, parse_constant=_no_constant)
        if "\\ud" in text.lower():
            json.dumps(document, ensure_ascii=False).encode()
    except ValueError as error:
        raise _not_json() from error
    except RecursionError as error:
        raise errors.bad_document("failed to parse", "nested too deeply") from error
    if not isinstance(document, dict):
        raise _not_json()
    return document


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _not_json() -> errors.SearchError:
    cause = {
        "type": "not_x_content_exception",
        "reason": "Compressor detection can only be called on some xcontent bytes or compressed xcontent bytes",
    }
    return errors.SearchError(400, "mapper_parsing_exception", "failed to parse", caused_by=cause)


def new_id() -> str:
    return f"1%3A0%3A{secrets.token_urlsafe(15)}"


# -- what becomes of a document
def indexing(text: str) -> Callable[[Stored | None], Decision]:
    def decide(current: Stored | None) -> Decision:
        parse_object(text)
        return ("updated" if current else "created"), text

    return decide


def creating(document_id: str, text: str, index: Index) -> Callable[[Stored | None], Decision]:
    def decide(current: Stored | None) -> Decision:
        if current:
            raise errors.SearchError(
                409,
                "version_conflict_engine_exception",
                f"[{document_id}]: version conflict, document already exists (current version [{current.version}])",
                **_where(index),
            )
        parse_object(text)
        return "created", text

    return decide


def deleting(current: Stored | None) -> Decision:
    return ("deleted" if current else "not_found"), None


def updating(document_id: str, text: str, index: Index) -> Callable[[Stored | None], Decision]:
    """Raises SearchError at once for a body that is no update."""
    body = parse_object(text)
    for name in body:
        if name in ("script", "scripted_upsert", "_source", "lang", "if_seq_no", "if_primary_term"):
            raise errors.not_offered(f"[{name}] of an update")
        if name not in ("doc", "upsert", "doc_as_upsert", "detect_noop"):
            raise errors.unknown_field("UpdateRequest", name)
    if not isinstance(body.get("doc"), dict):
        raise errors.validation_failed("script or doc is missing")
    as_upsert, detects = body.get("doc_as_upsert", False), body.get("detect_noop", True)

    def decide(current: Stored | None) -> Decision:
        if current is None:
            fresh = body["doc"] if as_upsert else body.get("upsert")
            if not isinstance(fresh, dict):
                raise errors.SearchError(
                    404, "document_missing_exception", f"[{document_id}]: document missing", **_where(index)
                )
            return "created", json.dumps(fresh, ensure_ascii=False)
        before = json.loads(current.source or "{}")
        merged = _merged(before, body["doc"])
        if detects and merged == before:
            return "noop", None
        return "updated", json.dumps(merged, ensure_ascii=False)

    return decide


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Objects are merged, anything else is replaced."""
    merged = dict(old)
    for name, value in new.items():
        before = old.get(name)
        merged[name] = _merged(before, value) if isinstance(value, dict) and isinstance(before, dict) else value
    return merged


def _where(index: Index) -> dict[str, Any]:
    return {"index": index.name, "shard": "0", "index_uuid": index.uuid}


# -- single documents
def write(index: Index, document_id: str, decide: Callable[[Stored | None], Decision]) -> Answer:
    check_id(document_id)
    (outcome,) = index.write([Write(document_id, decide)])
    if isinstance(outcome, errors.SearchError):
        raise outcome
    return STATUS[outcome.result], done_answer(index.name, outcome)


def check_id(document_id: str) -> None:
    if (size := len(document_id.encode())) > _LONGEST_ID or not document_id:
        reason = f"id [{document_id}] is too long, must be no longer than {_LONGEST_ID} bytes but was: {size}"
        raise errors.validation_failed(reason if document_id else "if _id is specified it must not be empty")


def done_answer(name: str, done: Done) -> dict[str, Any]:
    shards = {"total": 0, "successful": 0, "failed": 0}
    return {
        "_index": name,
        "_id": done.id,
        "_version": done.version,
        "result": done.result,
        "_shards": shards,
        **_POSITION,
    }


def get(index: Index, document_id: str, source: SourceFilter) -> Answer:
    found = index.get(document_id)
    shown = _shown(index.name, document_id, found, source)
    return (200 if found else 404), shown


def _shown(name: str, document_id: str, found: Stored | None, source: SourceFilter) -> dict[str, Any]:
    if found is None:
        return {"_index": name, "_id": document_id, "found": False}
    shown: dict[str, Any] = {"_index": name, "_id": document_id, "_version": found.version, **_POSITION, "found": True}
    if source.wanted:
        shown["_source"] = source.apply(json.loads(found.source or "{}"))
    return shown


def mget(
    catalog: Catalog, collection: str, default_index: str | None, body: dict[str, Any], source: SourceFilter
) -> Answer:
    for key in body:
        if key not in ("docs", "ids"):
            raise errors.parsing(f"unknown key [{key}] for a multi-get")
    ids, docs = body.get("ids", []), body.get("docs", [])
    if not isinstance(ids, list) or not isinstance(docs, list) or not all(isinstance(each, dict) for each in docs):
        raise errors.parsing("Expected [START_ARRAY] of [docs] or [ids]")
    wanted: list[dict[str, Any]] = [{"_id": each} for each in ids] + docs
    if not wanted:
        raise errors.validation_failed("no documents to get")
    answers = []
    for each in wanted:
        for key in each:
            if key not in ("_id", "_index", "_source"):
                raise errors.not_offered(f"[{key}] of a document of _mget")
        name, document_id = each.get("_index", default_index), str(each.get("_id", ""))
        if name is None:
            raise errors.validation_failed("index is missing for doc 0")
        own = SourceFilter.parse(each["_source"]) if "_source" in each else source
        try:
            answers.append(_shown(name, document_id, catalog.find(collection, name).get(document_id), own))
        except errors.SearchError as error:
            answers.append(
                {"_index": name, "_id": document_id, "error": {"root_cause": [error.cause()], **error.cause()}}
            )
    return 200, {"docs": answers}
