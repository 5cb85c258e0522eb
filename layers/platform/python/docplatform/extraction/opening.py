"""Opening one stored file by links. This code runs where nothing else can be reached: in a function whose role allows nothing, so
that a parser which a file has taken over gets this one file, and may write what is made of it.

    the caller                                  this side (functions/file_opener)
    signs links for one object      →  request
                                                fetches the file by its link
                                                opens it in a sandbox
                                                puts text or pictures by their links
    checks the answer               ←  answer   facts, or the reason why the file is rejected
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from docplatform.extraction.model import FileRejected, FileType, Inspection, PreviewResult, RejectionReason, TextResult

TEXT_TYPE, PREVIEW_TYPE = "text/plain; charset=utf-8", "image/webp"
_LONGEST_FACT = 300  # characters of a title or an author

Answer = dict[str, Any]


class Extractor(Protocol):
    """Opens untrusted files. All methods raise FileRejected."""

    def inspect(self, path: Path, *, declared_type: str, name: str) -> Inspection: ...

    def extract(self, path: Path, file_type: FileType) -> TextResult: ...

    def preview(self, path: Path, file_type: FileType) -> PreviewResult: ...


class Links(Protocol):
    def fetch(self, link: str, path: Path) -> str:
        """Writes the object behind ``link`` to ``path`` and returns its version. Raises FileNotFoundError, LinkFailed."""

    def put(self, link: str, content: bytes, content_type: str) -> None:
        """Raises LinkFailed."""


class FileOpener:
    """``folder``: the directory for the file while it is open."""

    def __init__(self, extractor: Extractor, links: Links, folder: Path) -> None:
        self._extractor, self._links, self._folder = extractor, links, folder
        self._operations: dict[str, Callable[[Mapping[str, Any], Path], Answer]] = {
            "inspect": self._inspect,
            "extract": self._extract,
            "preview": self._preview,
        }

    def open(self, request: Mapping[str, Any]) -> Answer:
        """The facts that the request's ``operation`` finds. ``missing``: the file is not there. ``rejected``: code and detail of
        the reason why the file is rejected, else None. Raises LinkFailed, ReaderUnavailable, KeyError."""
        operation = self._operations[request["operation"]]
        path = self._folder / f"file.{id(request):x}"
        try:
            version = self._links.fetch(request["source"], path)
            return {"missing": False, "rejected": None, "storage_version": version, **operation(request, path)}
        except FileNotFoundError:
            return {"missing": True, "rejected": None}
        except FileRejected as why:
            return {"missing": False, "rejected": _rejection(why)}
        finally:
            path.unlink(missing_ok=True)

    def _inspect(self, request: Mapping[str, Any], path: Path) -> Answer:
        """Size, hash and type. Size and hash are also known of a file that is rejected, because it stays stored."""
        with path.open("rb") as file:
            facts: Answer = {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "file_type": ""}
        try:
            if path.stat().st_size != request["size"]:
                raise FileRejected(RejectionReason.SIZE_MISMATCH)
            found = self._extractor.inspect(path, declared_type=request["declared_type"], name=request["name"])
        except FileRejected as why:
            return {**facts, "rejected": _rejection(why)}
        return {**facts, "file_type": found.file_type.value}

    def _extract(self, request: Mapping[str, Any], path: Path) -> Answer:
        found = self._extractor.extract(path, FileType(request["file_type"]))
        self._links.put(request["text"], found.text.encode(), TEXT_TYPE)
        return {
            "has_text": bool(found.text.strip()),
            "text_truncated": found.truncated,
            "pages": found.pages,
            "title": found.title[:_LONGEST_FACT],
            "author": found.author[:_LONGEST_FACT],
            "attachments": [name[:_LONGEST_FACT] for name in found.attachments],
        }

    def _preview(self, request: Mapping[str, Any], path: Path) -> Answer:
        found = self._extractor.preview(path, FileType(request["file_type"]))
        self._links.put(request["preview"], found.preview, PREVIEW_TYPE)
        self._links.put(request["thumbnail"], found.thumbnail, PREVIEW_TYPE)
        return {}


def _rejection(why: FileRejected) -> dict[str, str]:
    return {"code": why.problem.value, "detail": why.detail}
