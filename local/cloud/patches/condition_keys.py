"""Condition keys of services: ``dynamodb:LeadingKeys``, ``kms:EncryptionContext:…``, ``kms:EncryptionContextKeys``,
``ses:FromAddress``. The resource of a mail is the identity that sends it, and the resource of an object is its exact name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from local.cloud.patches import require

_EQUALS = re.compile(r"([#\w.-]+)\s*=\s*(:\w+)")


def apply() -> None:
    from ministack.core import iam_actions

    _leading_keys(iam_actions)
    _encryption_context(iam_actions)
    _sending_identity(iam_actions)
    _object_names(iam_actions)


def _leading_keys(iam_actions: Any) -> None:
    from ministack.services import dynamodb

    known = require(iam_actions, "dynamodb_service_context")
    for name in ("_tables", "_normalize_table_name"):
        require(dynamodb, name)

    def context(body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = known(body)
        keys = sorted(set(_partition_keys(_object(body), dynamodb)))
        if keys:  # none (Scan, PartiQL, a query we do not understand): the key is absent, and ``Null`` refuses
            found["dynamodb:LeadingKeys"] = keys
        return found

    iam_actions.dynamodb_service_context = context


def _partition_keys(request: dict[str, Any], dynamodb: Any) -> Iterator[str]:
    def table(name: str) -> dict[str, Any]:
        return dynamodb._tables.get(dynamodb._normalize_table_name(name)) or {}

    def of(name: str, item: dict[str, Any] | None) -> Iterator[str]:
        value = (item or {}).get(table(name).get("pk_name", ""))
        if isinstance(value, dict) and value:
            yield str(next(iter(value.values())))

    name = request.get("TableName", "")
    if name:
        yield from of(name, request.get("Key") or request.get("Item"))
        yield from _queried(request, table(name))
    for each, batch in (request.get("RequestItems") or {}).items():
        if isinstance(batch, dict):
            for key in batch.get("Keys", ()):
                yield from of(each, key)
        else:
            for write in batch:
                yield from of(each, (write.get("PutRequest") or {}).get("Item"))
                yield from of(each, (write.get("DeleteRequest") or {}).get("Key"))
    for entry in request.get("TransactItems") or ():
        for operation in entry.values():
            yield from of(operation.get("TableName", ""), operation.get("Key") or operation.get("Item"))


def _queried(request: dict[str, Any], table: dict[str, Any]) -> Iterator[str]:
    """The partition key of a query, or the index's partition key if the query uses an index."""
    expression = request.get("KeyConditionExpression")
    if not expression:
        return
    wanted = table.get("pk_name", "")
    for index in table.get("GlobalSecondaryIndexes") or ():
        if index["IndexName"] == request.get("IndexName"):
            wanted = next(part["AttributeName"] for part in index["KeySchema"] if part["KeyType"] == "HASH")
    names = request.get("ExpressionAttributeNames") or {}
    values = request.get("ExpressionAttributeValues") or {}
    for name, placeholder in _EQUALS.findall(expression):
        if names.get(name, name) == wanted and placeholder in values:
            yield str(next(iter(values[placeholder].values())))


def _encryption_context(iam_actions: Any) -> None:
    known = require(iam_actions, "request_tag_context")

    def context(service: str, action: str, body: bytes, parameters: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = known(service, action, body, parameters)
        if service == "kms":
            given = _object(body).get("EncryptionContext") or {}
            found |= {f"kms:EncryptionContext:{name}": value for name, value in given.items()}
            found |= {"kms:EncryptionContextKeys": [*given]} if given else {}
        return found

    iam_actions.request_tag_context = context


_mail: ContextVar[bytes] = ContextVar("mail", default=b"")


def _sending_identity(iam_actions: Any) -> None:
    from ministack import app

    resource_of = require(iam_actions, "_ses_v2_resource_arn")
    enforce_mail, enforce = require(app, "_enforce_ses_v2"), require(app, "_enforce_data_plane")

    def sender(body: bytes) -> str:
        return str(_object(body).get("FromEmailAddress", ""))

    def resource(method: str, path: str, body: bytes, region: str, account: str) -> str:
        if path.rstrip("/").endswith("/outbound-emails"):
            return f"arn:aws:ses:{region}:{account}:identity/{sender(body).rpartition('@')[2]}"
        return str(resource_of(method, path, body, region, account))

    def with_body(method: str, path: str, headers: Any, body: bytes, *more: Any) -> Any:
        _mail.set(body)
        return enforce_mail(method, path, headers, body, *more)

    def with_sender(service: str, *arguments: Any, **more: Any) -> Any:
        if service == "sesv2":
            more["service_context"] = {**(more.get("service_context") or {}), "ses:FromAddress": sender(_mail.get())}
        return enforce(service, *arguments, **more)

    iam_actions._ses_v2_resource_arn = resource
    app._enforce_ses_v2, app._enforce_data_plane = with_body, with_sender


def _object_names(iam_actions: Any) -> None:
    """``a//b``, ``/a`` and ``a/`` are other objects than ``a/b`` and ``a``
    (docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html)."""
    known = require(iam_actions, "extract_resource_arn")

    def resource(service: str, method: str, path: str, *more: Any) -> str:
        bucket, _, name = path.removeprefix("/").partition("/")
        if service == "s3" and bucket and name:
            return f"arn:aws:s3:::{bucket}/{name}"
        return str(known(service, method, path, *more))

    iam_actions.extract_resource_arn = resource


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
