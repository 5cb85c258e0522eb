"""HTTP representations of documents, for several functions."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasPath, Field, field_validator

from docplatform.core.isolation import require_own_link
from docplatform.http.schemas import TextOrNull, Timestamp, View
from docplatform.library.model import ProcessingStep, ScanVerdict, State


class TroubleView(View):
    """Why a file could not be processed, and what to do."""

    code: str
    title: str
    detail: str


class ProcessingView(View):
    """``percent`` is of the work, not of time."""

    state: State
    step: ProcessingStep
    percent: int = Field(validation_alias=AliasPath("step", "percent"))
    problem: TroubleView | None = Field(validation_alias="trouble")
    finished_at: Timestamp | None


class VersionView(View):
    """One upload. ``size`` in bytes, ``sha256`` in hex once the file is verified; ``pages`` where a file has pages. ``attachments``:
    the names of the files in it, such as those of a message or of a PDF portfolio; at most 50."""

    id: str
    number: int
    size: int
    content_type: str
    file_type: TextOrNull
    sha256: TextOrNull
    pages: int | None
    title: TextOrNull
    author: TextOrNull
    attachments: list[str]
    scan: ScanVerdict
    has_text: bool
    text_truncated: bool
    has_preview: bool
    created_by: str
    created_at: Timestamp


class DocumentView(View):
    kind: Literal["document"] = "document"
    id: str
    name: str
    folder_id: str
    owner: str
    inherits: bool
    created_at: Timestamp
    updated_at: Timestamp
    revision: int
    processing: ProcessingView = Field(validation_alias="version")
    version: VersionView


class LinkView(View):
    """A presigned request to storage: make it with this method and exactly these headers before ``expires_at``. It needs no
    Authorization header; whoever has it can use it."""

    method: Literal["GET", "PUT"]
    url: str
    headers: dict[str, str]
    expires_at: Timestamp

    @field_validator("url")
    @classmethod
    def _leads_to_own_object(cls, url: str) -> str:
        """Raises IsolationFault for a link to something of another tenant."""
        require_own_link(url)
        return url
