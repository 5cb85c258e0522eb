"""The upload that a message of a processing queue, the input of a workflow's step, or the result of a scan names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docplatform.core import ids
from docplatform.library.model import ScanVerdict, parse_original


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


@dataclass(frozen=True, slots=True)
class ScanResult:
    """``storage_version``: the S3 version id of the file that was scanned."""

    upload: Upload
    verdict: ScanVerdict
    storage_version: str


_VERDICTS = {
    "NO_THREATS_FOUND": ScanVerdict.CLEAN,
    "THREATS_FOUND": ScanVerdict.INFECTED,
    "UNSUPPORTED": ScanVerdict.UNSUPPORTED,
    "ACCESS_DENIED": ScanVerdict.ACCESS_DENIED,
    "FAILED": ScanVerdict.FAILED,
}


def verdict_of(status: object) -> ScanVerdict:
    """The verdict of GuardDuty's ``scanResultStatus``. A status that nobody knows counts as a scan that has failed
    (docs.aws.amazon.com/guardduty/latest/ug/monitoring-malware-protection-s3-scans-gdu.html)."""
    return _VERDICTS.get(str(status), ScanVerdict.FAILED)


def parse_scan_result(detail: Mapping[str, Any], bucket: str) -> ScanResult:
    """The result in the ``detail`` of GuardDuty's event. A scan that was skipped or has failed may carry no result. Raises
    MalformedUpload for an object that is no upload in ``bucket``
    (docs.aws.amazon.com/guardduty/latest/ug/monitor-with-eventbridge-s3-malware-protection.html)."""
    scanned = detail["s3ObjectDetails"]
    found = parse_original(str(scanned["objectKey"])) if scanned["bucketName"] == bucket else None
    if found is None:
        raise MalformedUpload("not an upload")
    result = detail.get("scanResultDetails") or {}
    return ScanResult(
        Upload(*found), verdict_of(result.get("scanResultStatus")), str(scanned.get("versionId") or "null")
    )
