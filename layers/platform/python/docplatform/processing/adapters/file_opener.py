"""The function that opens untrusted files, called with links to one object. Links never leave this call: neither the workflow's
input nor its history has them.

What it answers is as untrusted as the file: only facts of the expected form are taken.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any, TypeVar

from docplatform.extraction.model import MOST_ATTACHMENTS, FileRejected, FileType, RejectionReason
from docplatform.extraction.opening import PREVIEW_TYPE, TEXT_TYPE
from docplatform.extraction.sandbox import ParserFault
from docplatform.library.adapters.s3 import S3Files
from docplatform.library.model import Document
from docplatform.processing.ports import ExtractedText, InspectedFile

_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[A-Za-z0-9._~+/=-]{1,1024}")
_MOST_PAGES = 1_000_000
_LONGEST = 2_000  # characters of a text that the opener answers

E = TypeVar("E", bound=Enum)


class OpenerFailed(RuntimeError):
    """The function failed, or its answer is not one. The file is not the reason."""


class LambdaFileOpener:
    def __init__(self, client: Any, function: str, files: S3Files) -> None:
        self._client, self._function, self._files = client, function, files

    def inspect(self, document: Document) -> InspectedFile:
        version = document.version
        facts = {"size": version.size, "declared_type": version.content_type, "name": document.name}
        answer = self._open("inspect", document, facts)
        rejected = _rejection(answer)
        file_type = None if rejected else _one_of(FileType, answer.get("file_type"))
        return InspectedFile(
            sha256=_text(answer, "sha256", _SHA256),
            storage_version=_text(answer, "storage_version", _VERSION),
            file_type=file_type,
            rejected=rejected,
        )

    def extract(self, document: Document) -> ExtractedText:
        text = self._files.write_link(document.id, document.version.id, "text.txt", TEXT_TYPE)
        answer = self._opened("extract", document, {"text": text})
        return ExtractedText(
            has_text=answer.get("has_text") is True,
            truncated=answer.get("text_truncated") is True,
            pages=_pages(answer),
            title=_text(answer, "title"),
            author=_text(answer, "author"),
            attachments=_names(answer),
        )

    def preview(self, document: Document) -> None:
        links = {
            part: self._files.write_link(document.id, document.version.id, f"{part}.webp", PREVIEW_TYPE)
            for part in ("preview", "thumbnail")
        }
        self._opened("preview", document, links)

    def _opened(self, operation: str, document: Document, links: dict[str, str]) -> dict[str, Any]:
        answer = self._open(operation, document, {"file_type": document.version.file_type, **links})
        if rejected := _rejection(answer):
            raise rejected
        return answer

    def _open(self, operation: str, document: Document, more: dict[str, Any]) -> dict[str, Any]:
        version = document.version
        source = self._files.read_link(document.id, version.id, version.storage_version)
        request = {"operation": operation, "source": source, **more}
        made = self._client.invoke(FunctionName=self._function, Payload=json.dumps(request))
        try:
            answer = json.loads(made["Payload"].read())
        except ValueError:
            raise OpenerFailed("not JSON") from None
        if not isinstance(answer, dict):
            raise OpenerFailed("not an object")
        if "FunctionError" in made:
            fault = answer.get("errorType") == ParserFault.__name__
            raise ParserFault(operation) if fault else OpenerFailed(f"{operation} failed")
        if answer.get("missing") is True:
            raise FileNotFoundError(document.id)
        return answer


def _rejection(answer: dict[str, Any]) -> FileRejected | None:
    given = answer.get("rejected")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise OpenerFailed("not a rejection")
    return FileRejected(_one_of(RejectionReason, given.get("code")), _text(given, "detail"))


def _one_of(kind: type[E], value: object) -> E:
    try:
        return kind(value)
    except ValueError:
        raise OpenerFailed(f"not a {kind.__name__}") from None


def _text(answer: dict[str, Any], name: str, form: re.Pattern[str] | None = None) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST or (form and not form.fullmatch(value)):
        raise OpenerFailed(f"not a {name}")
    return value


def _names(answer: dict[str, Any]) -> tuple[str, ...]:
    found = answer.get("attachments")
    names = found if isinstance(found, list) and len(found) <= MOST_ATTACHMENTS else [None]
    if not all(isinstance(each, str) and len(each) <= _LONGEST for each in names):
        raise OpenerFailed("not names of attachments")
    return tuple(names)


def _pages(answer: dict[str, Any]) -> int | None:
    value = answer.get("pages")
    if value is not None and not (type(value) is int and 0 <= value <= _MOST_PAGES):
        raise OpenerFailed("not a number of pages")
    return value
