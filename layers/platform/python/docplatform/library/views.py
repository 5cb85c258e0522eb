"""Documents as they travel over HTTP, in more than one room."""

from __future__ import annotations

from typing import Literal

from docplatform.http.schemas import Schema, Timestamp
from docplatform.library.model import Document, ProcessingStep, ScanVerdict, State, TransferLink, Version


class TroubleView(Schema):
    """Why a file could not be processed, and what to do."""

    code: str
    title: str
    detail: str


class ProcessingView(Schema):
    """``percent`` is of the work, not of time."""

    state: State
    step: ProcessingStep
    percent: int
    problem: TroubleView | None
    finished_at: Timestamp | None


class VersionView(Schema):
    """One upload. ``size`` in bytes, ``sha256`` in hex once the file is verified; ``pages`` where a file has pages."""

    id: str
    number: int
    size: int
    content_type: str
    file_type: str | None
    sha256: str | None
    pages: int | None
    title: str | None
    author: str | None
    scan: ScanVerdict
    has_text: bool
    text_truncated: bool
    has_preview: bool
    created_by: str
    created_at: Timestamp

    @staticmethod
    def of(version: Version) -> VersionView:
        return VersionView(
            id=version.id,
            number=version.number,
            size=version.size,
            content_type=version.content_type,
            file_type=version.file_type or None,
            sha256=version.sha256 or None,
            pages=version.pages,
            title=version.title or None,
            author=version.author or None,
            scan=version.scan,
            has_text=version.has_text,
            text_truncated=version.text_truncated,
            has_preview=version.has_preview,
            created_by=version.created_by,
            created_at=version.created_at,
        )


class DocumentView(Schema):
    kind: Literal["document"] = "document"
    id: str
    name: str
    folder_id: str
    owner: str
    inherits: bool
    created_at: Timestamp
    updated_at: Timestamp
    revision: int
    processing: ProcessingView
    version: VersionView

    @staticmethod
    def of(document: Document) -> DocumentView:
        version = document.version
        trouble = version.trouble
        return DocumentView(
            id=document.id,
            name=document.name,
            folder_id=document.folder_id,
            owner=document.owner,
            inherits=document.inherits,
            created_at=document.created_at,
            updated_at=document.updated_at,
            revision=document.revision,
            processing=ProcessingView(
                state=version.state,
                step=version.step,
                percent=version.step.percent,
                problem=TroubleView(code=trouble.code, title=trouble.title, detail=trouble.detail) if trouble else None,
                finished_at=version.finished_at,
            ),
            version=VersionView.of(version),
        )


class LinkView(Schema):
    """A presigned request to storage: make it with this method and exactly these headers before ``expires_at``. It needs no
    Authorization header; whoever has it can use it."""

    method: Literal["GET", "PUT"]
    url: str
    headers: dict[str, str]
    expires_at: Timestamp

    @staticmethod
    def of(link: TransferLink) -> LinkView:
        return LinkView.model_validate(
            {"method": link.method, "url": link.url, "headers": link.headers, "expires_at": link.expires_at}
        )
