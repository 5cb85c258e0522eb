"""The upload that a message of a processing queue, or the input of a workflow's step, names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docplatform.core import ids


class MalformedUpload(ValueError):
    """It is not what the platform writes, or its ids contradict one another."""


@dataclass(frozen=True, slots=True)
class Upload:
    """The ids have the form of ids. Whether the tenant has such a document, its own database says."""

    tenant_id: str
    document_id: str
    version_id: str

    @staticmethod
    def parse(given: Mapping[str, Any]) -> Upload:
        """Raises MalformedUpload."""
        tenant_id, document_id, version_id = (given.get(f"{each}_id") for each in ("tenant", "document", "version"))
        if not (isinstance(tenant_id, str) and isinstance(document_id, str) and isinstance(version_id, str)):
            raise MalformedUpload("an id is missing")
        if not (ids.is_tenant(tenant_id) and ids.is_a(ids.DOCUMENT, document_id) and ids.is_a(ids.VERSION, version_id)):
            raise MalformedUpload("an id has another form")
        return Upload(tenant_id, document_id, version_id)


def processing_message(tenant_id: str, document_id: str, version_id: str, size: int) -> str:
    """The message of a processing queue. ``size`` in bytes."""
    return json.dumps({"tenant_id": tenant_id, "document_id": document_id, "version_id": version_id, "size": size})


def parse_message(body: str, group: str | None) -> tuple[Upload, int]:
    """The upload that a message names, and its size in bytes. ``group``: the message group, which is the tenant's id; None if
    the message has none. Raises MalformedUpload."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedUpload("not JSON") from error
    if not isinstance(given, dict) or type(given.get("size")) is not int:
        raise MalformedUpload("not a message of an upload")
    upload = Upload.parse(given)
    if group is not None and group != upload.tenant_id:
        raise MalformedUpload("the message is in another tenant's group")
    return upload, given["size"]
