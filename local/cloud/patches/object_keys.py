"""Objects under SSE-KMS: S3 asks KMS for the object's key, for the caller and by the caller's permissions.

A write needs ``kms:GenerateDataKey``; a read, and the completion of an upload in parts, ``kms:Decrypt``
(docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html). The request to KMS comes by way of S3
(``kms:ViaService``), with the ARN of the object as encryption context, or the bucket's where the bucket has a key of
its own. A key that is disabled, pending deletion or unknown is refused with KMS's error. Headers of an object can be
read without its key. A bucket has the encryption that its template gives it. Tags in a write's header need
``s3:PutObjectTagging``.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from local.cloud.patches import expect, require

_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


class _Request(NamedTuple):
    method: str
    bucket: str
    name: str
    headers: dict[str, str]
    query: dict[str, Any]


_request: ContextVar[_Request | None] = ContextVar("object_request", default=None)


def apply() -> None:
    from ministack.core import iam_actions
    from ministack.services import s3

    _ask_for_tags(iam_actions)
    _encrypt_buckets_of_templates(s3)
    dispatch, write = require(s3, "_dispatch"), require(s3, "_resolve_sse_write_headers")
    read, copied = require(s3, "_check_sse_read_headers"), require(s3, "_check_sse_c_copy_source")
    part = require(s3, "_check_sse_c_part")
    for name in ("_error", "_bucket_encryption"):
        require(s3, name)

    def dispatched(method: str, bucket: str, name: str, headers: Any, body: bytes, query: Any) -> Any:
        before = _request.set(_Request(method, bucket, name, headers, query))
        try:
            return dispatch(method, bucket, name, headers, body, query)
        finally:
            _request.reset(before)

    def written(headers: dict[str, str], bucket: str) -> Any:
        stored, refused = write(headers, bucket)
        key = (stored or {}).get(_KEY)
        refused = refused or _refusal(s3, key, "GenerateDataKey")
        return {**stored, _KEY: _arn_of(key)} if key and not refused else stored, refused

    def was_read(headers: dict[str, str], record: dict[str, Any]) -> Any:
        request = _request.get()
        only_headers = request is not None and request.method == "HEAD" and not headers.get("x-amz-checksum-mode")
        return read(headers, record) or (None if only_headers else _refusal(s3, _key_of(record), "Decrypt"))

    def was_copied(headers: dict[str, str], record: dict[str, Any]) -> Any:
        return copied(headers, record) or _refusal(s3, _key_of(record), "Decrypt", headers.get("x-amz-copy-source", ""))

    def part_came(headers: dict[str, str], upload: dict[str, Any]) -> Any:
        request = _request.get()
        completes = request is not None and request.method == "POST"
        return part(headers, upload) or _refusal(s3, _key_of(upload), "Decrypt" if completes else "GenerateDataKey")

    s3._dispatch, s3._resolve_sse_write_headers = dispatched, written
    s3._check_sse_read_headers, s3._check_sse_c_copy_source, s3._check_sse_c_part = was_read, was_copied, part_came


def _key_of(record: dict[str, Any]) -> str | None:
    found = (record.get("preserved_headers") or {}).get(_KEY)
    return str(found) if found else None


def _arn_of(key: str) -> str:
    """The ARN of a key: S3 notes it with the object, and an alias may name another key tomorrow."""
    from ministack.services import kms

    found, *_ = kms._generate_data_key_common({"KeyId": key})
    return str(found["Arn"])


def _refusal(s3: Any, key: str | None, operation: str, source: str = "") -> Any:
    """S3's answer where KMS refuses the key; None where it does not. ``source``: of a copy,
    ``bucket/name?versionId=…``."""
    from ministack.services import kms

    request = _request.get()
    if key is None or request is None:
        return None
    found, _, failure = require(kms, "_generate_data_key_common")({"KeyId": key})
    if found is None:
        error = json.loads(failure[2])
        return s3._error("KMS." + error["__type"].rpartition("#")[2], error["message"], failure[0])
    denied = _denial(s3, request, found["Arn"], operation, source)
    return s3._error("AccessDenied", denied, 403) if denied else None


def _denial(s3: Any, request: _Request, key: str, operation: str, source: str) -> str:
    """Why the caller may not use the key; empty where it may, or where it is the emulator itself."""
    from ministack.core import iam_evaluator
    from ministack.core.iam_actions import identity_denial_message
    from ministack.core.responses import get_account_id, get_region
    from ministack.core.router import extract_access_key_id

    caller = extract_access_key_id(request.headers, request.query)
    if not caller:
        return ""
    bucket, _, name = (
        source.lstrip("/").partition("?")[0].partition("/") if source else (request.bucket, "", request.name)
    )
    own_key = b"<BucketKeyEnabled>true" in _as_bytes(s3._bucket_encryption.get(bucket))
    context = {
        "kms:ViaService": f"s3.{get_region()}.amazonaws.com",
        "kms:CallerAccount": get_account_id(),
        "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}" + ("" if own_key else f"/{name}"),
    }
    action = f"kms:{operation}"
    denied = iam_evaluator.enforce(caller, action, "kms", get_region(), resource_arn=key, service_context=context)
    if denied is None:
        return ""
    explicit = getattr(denied, "decision", "") == "Deny"
    return str(identity_denial_message(action, getattr(denied, "principal_arn", ""), key, explicit))


def _as_bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value or b"")


def _ask_for_tags(iam_actions: Any) -> None:
    checks = require(iam_actions, "s3_additional_checks")
    expect(iam_actions._s3_action("POST", "/bucket/name", {"uploads": ""}) == "PutObject", "iam_actions._s3_action")

    def with_tags(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        found = list(checks(method, path, headers, body, query))
        bucket, _, name = path.lstrip("/").partition("/")
        writes = iam_actions._s3_action(method, path, query) == "PutObject"
        if name and writes and headers.get("x-amz-tagging"):
            found.append(("s3:PutObjectTagging", f"arn:aws:s3:::{bucket}/{name}"))
        return found

    iam_actions.s3_additional_checks = with_tags


def _encrypt_buckets_of_templates(s3: Any) -> None:
    from ministack.services.cloudformation import provisioners

    known = require(provisioners, "_S3_BUCKET_CONFIGURATIONS")
    expect("BucketEncryption" not in [each[0] for each in known], "CloudFormation encrypts buckets by itself now")
    put, delete = require(s3, "_put_bucket_encryption"), require(s3, "_delete_bucket_encryption")
    provisioners._S3_BUCKET_CONFIGURATIONS = (*known, ("BucketEncryption", _encryption, put, delete))


def _encryption(properties: dict[str, Any]) -> bytes:
    """The document of PutBucketEncryption for a template's ``BucketEncryption``."""
    rules = ""
    for rule in properties.get("ServerSideEncryptionConfiguration") or ():
        default = rule.get("ServerSideEncryptionByDefault") or {}
        inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in default.items())
        own_key = str(rule.get("BucketKeyEnabled", False)).lower()
        inner = f"<ApplyServerSideEncryptionByDefault>{inner}</ApplyServerSideEncryptionByDefault>"
        rules += f"<Rule>{inner}<BucketKeyEnabled>{own_key}</BucketKeyEnabled></Rule>"
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    return (
        f'<ServerSideEncryptionConfiguration xmlns="{namespace}">{rules}</ServerSideEncryptionConfiguration>'.encode()
    )
