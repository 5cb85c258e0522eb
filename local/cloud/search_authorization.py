"""Authorization of requests to the search collections: ``/_aoss/<collection>/…`` on the cloud's own port.

A caller needs a valid signature for the service ``aoss``; an identity policy, and for a session with a session policy that one too, that
allows ``aoss:APIAccessAll`` on the collection, by its ARN, its tags and its name; and a data access policy that grants what the operation
needs (search_permissions.py). The request then goes on to the search server.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from local.cloud import opensearch_requests, search_permissions
from local.cloud.responses import read_body, send_json
from local.search_paths import segments

PREFIX = "/_aoss/"


def endpoint(collection_id: str) -> str:
    return f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}{PREFIX}{collection_id}"


async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
    body = await read_body(receive)
    refused = _refusal(scope, body)
    if refused:
        await send_json(send, 403, {"status": 403, "error": {"type": "Forbidden", "reason": refused}})
        return
    status, kind, content = await asyncio.to_thread(_forward, scope, body)
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind.encode())]})
    await send({"type": "http.response.body", "body": content})


def _refusal(scope: dict[str, Any], body: bytes) -> str:
    """The reason why the caller is refused; empty if it is not."""
    from ministack.core import iam_evaluator as iam
    from ministack.core.responses import get_account_id, set_request_account_id, set_request_region
    from ministack.core.router import extract_access_key_id, extract_region
    from ministack.services import opensearchserverless as aoss

    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    access_key = extract_access_key_id(headers, query) or ""
    if not access_key or "/aoss/aws4_request" not in headers.get("authorization", ""):
        return "not signed for aoss"
    set_request_account_id(os.environ["MINISTACK_ACCOUNT_ID"])
    region = extract_region(headers, query)
    set_request_region(region)
    raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    collection = next(iter(segments(raw_path.removeprefix(PREFIX))), "")
    record = aoss._collections.get(collection)
    if record is None or record["status"] == "CREATING":
        return "no such collection in this region"
    iam.pin_signed_request(scope["method"], raw_path, query, scope["headers"])
    iam.pin_signed_body(body)
    about: dict[str, object] = {"aoss:collection": record["name"]}
    about |= {f"aws:ResourceTag/{tag['key']}": tag["value"] for tag in aoss._tags.get(record["arn"]) or ()}
    denied = iam.enforce(
        access_key, "aoss:APIAccessAll", "aoss", region, resource_arn=record["arn"], service_context=about
    )
    if denied is not None:
        return getattr(denied, "message", "") or "no identity policy allows aoss:APIAccessAll"
    principal = iam.resolve_principal(access_key, get_account_id())
    arn = getattr(principal, "arn", "")
    policies = [policy["policy"] for policy in aoss._access_policies.values()]
    path = raw_path.removeprefix(PREFIX).lstrip("/").partition("/")[2]
    for want in search_permissions.needed(scope["method"], path, body):
        if not search_permissions.granted(policies, _role_arn(arn), record["name"], want):
            return f"no data access policy grants the caller aoss:{want.permission}"
    return ""


def _role_arn(arn: str) -> str:
    """``arn:aws:sts::1:assumed-role/name/session`` → ``arn:aws:iam::1:role/name``."""
    if ":assumed-role/" not in arn:
        return arn
    account, role = arn.split(":")[4], arn.split("/")[1]
    return f"arn:aws:iam::{account}:role/{role}"


def _forward(scope: dict[str, Any], body: bytes) -> tuple[int, str, bytes]:
    target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").removeprefix(PREFIX.rstrip("/"))
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    kinds = [value.decode() for name, value in scope["headers"] if name.lower() == b"content-type"]
    kind = (kinds or ["application/json"])[0]
    if not _is_node():
        return _request(scope["method"], target, body, kind)
    try:
        status, kind, content = _request(scope["method"], *opensearch_requests.to_node(target, body), kind)
    except opensearch_requests.Refused as refused:
        return refused.status, "application/json", refused.body()
    return status, kind, opensearch_requests.from_node(target, content)


def _request(method: str, target: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["DOCPLATFORM_SEARCH_PORT"]), timeout=60)
    try:
        connection.request(method, target, body, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", "application/json"), answer.read()
    except OSError as error:
        failure = {"status": 503, "error": {"type": "ServiceUnavailable", "reason": type(error).__name__}}
        return 503, "application/json", json.dumps(failure).encode()
    finally:
        connection.close()


def _is_node() -> bool:
    """Whether a real OpenSearch serves, and not the local search server."""
    return os.environ["DOCPLATFORM_SEARCH_SERVER"] == "local.opensearch"


def forget(collection_id: str) -> None:
    """Deletes the indexes of a collection that is gone. When the search server does not run, they stay: nobody can read
    the collection, whose address is gone."""
    if _is_node():
        _request("DELETE", f"/{opensearch_requests.prefix_of(collection_id)}*")
        return
    folder = Path(os.environ["DOCPLATFORM_SEARCH_DATA"], collection_id)
    names = [each.name for each in folder.iterdir() if not each.name.startswith(".")] if folder.is_dir() else []
    for name in names:
        _request("DELETE", f"/{collection_id}/{quote(name, safe='')}")
