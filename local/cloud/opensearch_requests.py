"""Requests to a collection as requests to a real OpenSearch node, which knows no collections, and its answers.

Each collection's indexes have a prefix that only this cloud can compute. So a request names no other collection's index,
neither in its path nor in its body. What OpenSearch Serverless refuses is refused: paths that it does not serve by an
empty 404, and a write that asks for a refresh
(docs.aws.amazon.com/opensearch-service: "Supported OpenSearch API operations and permissions").
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from urllib.parse import parse_qs, quote, urlsplit

from local.search_paths import segments

_MOST_BYTES = 10 * 1024 * 1024
_OF_ALL_INDEXES = {"_bulk", "_count", "_field_caps", "_mapping", "_mappings", "_search"}
_OF_AN_INDEX = _OF_ALL_INDEXES | {
    *("_analyze", "_create", "_doc", "_explain", "_rank_eval", "_settings", "_source", "_update", "_validate")
}
_NOT_IN_A_NAME = set('*<>\\|"#? ')


class Refused(Exception):
    """``reason``: '' if the answer is empty."""

    def __init__(self, status: int, kind: str = "", reason: str = "") -> None:
        super().__init__(reason)
        self.status, self.kind, self.reason = status, kind, reason

    def body(self) -> bytes:
        if not self.reason:
            return b""
        cause = {"type": self.kind, "reason": self.reason}
        return json.dumps({"error": {"root_cause": [cause], **cause}, "status": self.status}).encode()


def to_node(target: str, body: bytes) -> tuple[str, bytes]:
    """The node's path, with the query, and body. ``target``: ``/<collection>/<OpenSearch path>``. Raises Refused."""
    parts, parameters = urlsplit(target), parse_qs(urlsplit(target).query, keep_blank_values=True)
    collection, *path = segments(target)
    if len(body) > _MOST_BYTES:
        raise Refused(413, "too_large", f"Request size exceeded {_MOST_BYTES} bytes")
    if "scroll" in parameters:
        raise Refused(404)
    if (refresh := parameters.get("refresh", ["false"])[-1]) != "false":
        raise Refused(400, "status_exception", f"{refresh or 'true'} refresh policy is not supported.")
    prefix = prefix_of(collection)
    moved = "/" + "/".join(quote(part, safe=",*") for part in _path(prefix, path))
    bulk = path[-1:] == ["_bulk"]
    return f"{moved}?{parts.query}" if parts.query else moved, _bulk(prefix, body) if bulk else body


def from_node(target: str, content: bytes) -> bytes:
    """An answer with the names that the collection knows."""
    return content.replace(prefix_of(segments(target)[0]).encode(), b"")


def prefix_of(collection: str) -> str:
    key = os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    return hmac.new(key, collection.encode(), hashlib.sha256).hexdigest()[:20] + "-"


def _path(prefix: str, path: list[str]) -> list[str]:
    match path:
        case ["_bulk"]:
            return path
        case ["_cat", "indices"]:
            return ["_cat", "indices", f"{prefix}*"]
        case [operation] if operation in _OF_ALL_INDEXES:
            return [f"{prefix}*", operation]
        case [names]:
            return [_moved(prefix, names)]
        case [names, operation, *more] if operation in _OF_AN_INDEX and not {"scroll", "template"} & set(more):
            return [_moved(prefix, names), operation, *more]
    raise Refused(404)


def _moved(prefix: str, names: str) -> str:
    moved = []
    for name in names.split(","):
        if not name or name[0] in "_-+." or _NOT_IN_A_NAME & set(name):
            raise Refused(404)
        moved.append(prefix + name)
    return ",".join(moved)


def _bulk(prefix: str, body: bytes) -> bytes:
    """The body with the indexes that its actions name. What is no action is left to the node to refuse."""
    moved, is_source = [], False
    for line in body.split(b"\n"):
        action = {} if is_source or not line.strip() else _object(line)
        for about in action.values():
            if isinstance(about, dict) and isinstance(about.get("_index"), str):
                about["_index"] = prefix + about["_index"]
        is_source = bool(action) and "delete" not in action
        moved.append(json.dumps(action).encode() if action else line)
    return b"\n".join(moved)


def _object(line: bytes) -> dict[str, object]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
