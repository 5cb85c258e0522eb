"""Files of one tenant in S3. All keys begin with the tenant's prefix: the credentials give access to nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from docplatform.core import ids
from docplatform.infra.tenant_bound import TenantBound
from docplatform.library.model import Document, TransferLink, Version

PREVIEW_TYPE = "image/webp"
_OPENING = 300  # seconds that a link works for the function that opens a file; it runs for 180 at most
_LONGEST_TEXT = 8_000_000  # bytes: 2,000,000 characters of four
UPLOADS, DERIVED = "tenants/", "derived/"
"""The bucket's two parts. Only uploads are scanned for malware: texts and pictures are the platform's own, and scanning them would
cost as much again, and send an event for each."""


def document_prefix(tenant_id: str, document_id: str) -> str:
    """The S3 key prefix of the uploaded files of a document. Raises ValueError for a tenant id of another form."""
    if not ids.is_tenant(tenant_id):
        raise ValueError("not a tenant id")
    return f"{UPLOADS}{tenant_id}/documents/{document_id}/"


def original_key(tenant_id: str, document_id: str, version_id: str) -> str:
    """The S3 key of an uploaded file."""
    return f"{document_prefix(tenant_id, document_id)}{version_id}/original"


def derived_prefix(tenant_id: str, document_id: str) -> str:
    """The S3 key prefix of the files that processing makes of a document."""
    return document_prefix(tenant_id, document_id).replace(UPLOADS, DERIVED, 1)


class S3Files(TenantBound[Any]):
    def __init__(self, client: Any, bucket: str, tenant_id: str) -> None:
        super().__init__(client, tenant_id)
        self._bucket = bucket

    def _key(self, document_id: str, version_id: str, part: str) -> str:
        return f"{document_prefix(self._tenant_id, document_id)}{version_id}/{part}"

    def _derived_key(self, document_id: str, version_id: str, part: str) -> str:
        return f"{derived_prefix(self._tenant_id, document_id)}{version_id}/{part}"

    # -- links for clients
    def upload_link(self, document_id: str, version: Version, until: datetime) -> TransferLink:
        """A presigned PUT for one key, length and media type. ``If-None-Match: *`` refuses a second upload
        (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html)."""
        parameters: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": self._key(document_id, version.id, "original"),
            "ContentLength": version.size,
            "ContentType": version.content_type,
            "IfNoneMatch": "*",
        }
        headers = {"Content-Type": version.content_type, "Content-Length": str(version.size), "If-None-Match": "*"}
        return self._link("PUT", "put_object", parameters, headers, until)

    def download_link(self, document: Document, until: datetime) -> TransferLink:
        """A presigned GET of the verified bytes, as an attachment with the document's name (RFC 6266, RFC 8187)."""
        parameters = {
            "Bucket": self._bucket,
            "Key": self._key(document.id, document.version.id, "original"),
            "VersionId": document.version.storage_version,
            "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(document.name, safe='')}",
            "ResponseContentType": document.version.content_type,
        }
        return self._link("GET", "get_object", parameters, {}, until)

    def preview_link(self, document: Document, kind: str, until: datetime) -> TransferLink:
        key_of = self._derived_key if document.version.derived_apart else self._key
        key = key_of(document.id, document.version.id, f"{kind}.webp")
        parameters = {"Bucket": self._bucket, "Key": key, "ResponseContentType": PREVIEW_TYPE}
        return self._link("GET", "get_object", parameters, {}, until)

    def _link(
        self, method: str, operation: str, parameters: dict[str, Any], headers: dict[str, str], until: datetime
    ) -> TransferLink:
        seconds = max(1, int((until - datetime.now(UTC)).total_seconds()))
        url = self._client.generate_presigned_url(operation, Params=parameters, ExpiresIn=seconds)
        return TransferLink(method, url, headers, until)

    # -- processing
    def read_link(self, document_id: str, version_id: str, storage_version: str) -> str:
        """A presigned GET of the uploaded file, for the function that opens it. ``storage_version`` selects a version; '' is the
        current one."""
        parameters = {"Bucket": self._bucket, "Key": self._key(document_id, version_id, "original")}
        if storage_version:
            parameters["VersionId"] = storage_version
        return self._short_link("get_object", parameters)

    def write_link(self, document_id: str, version_id: str, part: str, content_type: str) -> str:
        """A presigned PUT of a file that processing makes: 'text.txt', 'preview.webp' or 'thumbnail.webp'. Safe to repeat."""
        key = self._derived_key(document_id, version_id, part)
        return self._short_link("put_object", {"Bucket": self._bucket, "Key": key, "ContentType": content_type})

    def _short_link(self, operation: str, parameters: dict[str, str]) -> str:
        link: str = self._client.generate_presigned_url(operation, Params=parameters, ExpiresIn=_OPENING)
        return link

    def arrived(self, document_id: str, version_id: str) -> tuple[str, datetime] | None:
        """S3 version id and time of arrival of the original; None if it is not there."""
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=self._key(document_id, version_id, "original"))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return None
            raise
        return str(found.get("VersionId") or "null"), found["LastModified"]

    def tags(self, document_id: str, version_id: str, storage_version: str) -> dict[str, str]:
        """The tags of the uploaded file. GuardDuty's malware scan writes its result into a tag."""
        key = self._key(document_id, version_id, "original")
        answer = self._client.get_object_tagging(Bucket=self._bucket, Key=key, VersionId=storage_version)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def text(self, document: Document) -> str:
        """The extracted text of the newest version; '' if none is stored. It is looked for at its other place too: a step of an
        earlier version of the product may have stored it while this one was deployed."""
        places = (self._derived_key, self._key) if document.version.derived_apart else (self._key, self._derived_key)
        for key_of in places:
            content = self._content(key_of(document.id, document.version.id, "text.txt"))
            if content is not None:
                return content.decode(errors="ignore")
        return ""

    def _content(self, key: str) -> bytes | None:
        """A text that is longer than the extractor makes is cut: a link wrote it."""
        try:
            content: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read(_LONGEST_TEXT)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return content

    # -- erasure
    def erase(self, document_id: str) -> int:
        """Deletes all versions of all files of a document, and checks that none is left. Returns the number of deleted
        versions. Raises RuntimeError if one is left."""
        prefixes = [of(self._tenant_id, document_id) for of in (document_prefix, derived_prefix)]
        erased = 0
        for key, version in [each for prefix in prefixes for each in self._stored(prefix)]:
            self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=version)
            erased += 1
        if any(next(self._stored(prefix), None) for prefix in prefixes):
            raise RuntimeError("a stored file survived its erasure")
        return erased

    def _stored(self, prefix: str) -> Iterator[tuple[str, str]]:
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix):
            for entry in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                yield entry["Key"], entry["VersionId"]
