"""The message of a processing queue: the ids of one upload, and its size."""

from __future__ import annotations

import json

from docplatform.core import ids

UploadIds = dict[str, str]
"""The ids of tenant, document and version."""


class MalformedMessage(ValueError):
    """A message that no upload has caused."""


def processing_message(tenant_id: str, document_id: str, version_id: str, size: int) -> str:
    """``size`` in bytes."""
    return json.dumps({"tenant_id": tenant_id, "document_id": document_id, "version_id": version_id, "size": size})


def parse_message(body: str) -> tuple[UploadIds, int]:
    """The ids, and the size in bytes. Ids of another form never name an operation or an execution. Raises MalformedMessage."""
    try:
        upload = json.loads(body)
        found = {name: str(upload[name]) for name in ("tenant_id", "document_id", "version_id")}
        size = int(upload["size"])
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedMessage("not a message of an upload") from error
    forms = ids.is_a(ids.DOCUMENT, found["document_id"]) and ids.is_a(ids.VERSION, found["version_id"])
    if not (ids.is_tenant(found["tenant_id"]) and forms):
        raise MalformedMessage("not the ids of an upload")
    return found, size
