"""Refusals, in the form of OpenSearch's errors.

    Refusal
    ├── SearchError      JSON body with type and reason: the request is wrong, or asks for something not offered here
    └── NotServed        404 without a body: OpenSearch Serverless has no such operation

Source of the bodies: OpenSearch 2.19. Source of the empty 404: what OpenSearch Serverless answers to ``_refresh`` and the like
(https://github.com/opensearch-project/k-NN/issues/1037).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Refusal(Exception):
    status: int

    def body(self) -> dict[str, Any] | None:
        raise NotImplementedError


class NotServed(Refusal):
    """An operation that is not in AWS's table "Supported OpenSearch API operations and permissions"."""

    status = 404

    def body(self) -> None:
        return None


class SearchError(Refusal):
    """``kind`` and ``reason`` are OpenSearch's terms. ``query_phase`` reports the error as a failure of all shards."""

    def __init__(
        self,
        status: int,
        kind: str,
        reason: str,
        *,
        caused_by: dict[str, Any] | None = None,
        query_phase: bool = False,
        outer_reason: str = "",
        **details: Any,
    ) -> None:
        super().__init__(reason)
        self.status, self.kind, self.reason = status, kind, reason
        self._caused_by, self._query_phase, self._outer, self._details = caused_by, query_phase, outer_reason, details

    def cause(self) -> dict[str, Any]:
        """Returns the error alone, as an item of ``_bulk`` contains it."""
        cause: dict[str, Any] = {"type": self.kind, "reason": self._outer or self.reason, **self._details}
        if self._caused_by:
            cause["caused_by"] = self._caused_by
        return cause

    def body(self) -> dict[str, Any]:
        root = {"type": self.kind, "reason": self.reason, **self._details}
        if not self._query_phase:
            return {"error": {"root_cause": [root], **self.cause()}, "status": self.status}
        failure = {"shard": 0, "reason": self.cause()}
        return {
            "error": {
                "root_cause": [root],
                "type": "search_phase_execution_exception",
                "reason": "all shards failed",
                "phase": "query",
                "grouped": True,
                "failed_shards": [failure],
            },
            "status": self.status,
        }


def parsing(reason: str) -> SearchError:
    return SearchError(400, "parsing_exception", reason)


def illegal_argument(reason: str) -> SearchError:
    return SearchError(400, "illegal_argument_exception", reason)


@contextmanager
def malformed(what: str) -> Iterator[None]:
    """Reports a value of the wrong type inside the block as an error of the request."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise illegal_argument(f"malformed {what}: {error}") from error


def unknown_field(parser: str, name: str) -> SearchError:
    return SearchError(400, "x_content_parse_exception", f"[{parser}] unknown field [{name}]")


def not_offered(what: str) -> SearchError:
    """Error for what OpenSearch Serverless offers and this server does not. A refusal is better than a wrong result."""
    return illegal_argument(f"{what} is not offered by the local search server")


def query_failed(reason: str, kind: str = "query_shard_exception") -> SearchError:
    """Error for a well-formed query that cannot run on this index."""
    return SearchError(400, kind, reason, query_phase=True)


def bad_mapping(reason: str) -> SearchError:
    cause = {"type": "mapper_parsing_exception", "reason": reason}
    outer = f"Failed to parse mapping [_doc]: {reason}"
    return SearchError(400, "mapper_parsing_exception", reason, outer_reason=outer, caused_by=cause)


def bad_document(reason: str, caused_by: str = "") -> SearchError:
    cause = {"type": "illegal_argument_exception", "reason": caused_by} if caused_by else None
    return SearchError(400, "mapper_parsing_exception", reason, caused_by=cause)


def validation_failed(reason: str) -> SearchError:
    return SearchError(400, "action_request_validation_exception", f"Validation Failed: 1: {reason};")


def index_not_found(name: str) -> SearchError:
    details: dict[str, Any] = {
        "index": name,
        "resource.id": name,
        "resource.type": "index_or_alias",
        "index_uuid": "_na_",
    }
    return SearchError(404, "index_not_found_exception", f"no such index [{name}]", **details)
