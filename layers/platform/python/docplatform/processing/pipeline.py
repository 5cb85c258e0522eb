"""The processing of an uploaded file. The methods are the steps of ``statemachines/processing.asl.json``; the table's
stream starts ``update_index``. Each may run twice, or again after it was killed, with the same result.

Steps pass on ids and small values; files and texts stay in S3. A file that cannot be processed raises FileRejected,
which the workflow catches by its name and gives to ``mark_failed``. Other errors are the platform's own; the workflow
tries the step again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from docplatform.core.actor import Actor
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import ChangedMeanwhile, DomainError
from docplatform.extraction.model import FileRejected, RejectionReason
from docplatform.library.access import IndexedPermissions, indexed_permissions
from docplatform.library.errors import DocumentNotFound
from docplatform.library.model import (
    FIRST_LOOK,
    Document,
    ProcessingError,
    ProcessingStep,
    ScanVerdict,
    State,
    Version,
)
from docplatform.library.ports import Library
from docplatform.processing.ports import FileOpener, Index, StoredFiles


class Superseded(DomainError):
    """The version to process is no longer the document's newest one."""

    code, title = "superseded", "A newer version is there"


_FACTS = {"has_text", "text_truncated", "pages", "title", "author", "attachments", "has_preview", "derived_apart"}
"""The fields of a version that the steps ``extract`` and ``preview`` find out."""


VersionFields = dict[str, str | int | bool | list[str] | None]


class ProcessingService:
    def __init__(self, actor: Actor, library: Library, files: StoredFiles, now: Callable[[], datetime]) -> None:
        self._actor, self._library, self._files, self._now = actor, library, files, now

    def verify(self, document_id: str, version_id: str, opener: FileOpener) -> bool:
        """Checks the result of the malware scan, and then the size and the type of the file that was scanned. Returns False if
        processing has already ended, or if there is no result yet: whoever stores it starts the processing again. Raises FileRejected,
        FileNotFoundError, DocumentNotFound, Superseded."""
        document = self._newest(document_id, version_id)
        version = document.version
        if version.state in (State.READY, State.FAILED):
            return False
        if version.scan is ScanVerdict.NOT_SCANNED:
            self._wait_for_scan(document)
            return False
        document = self._advance(document, replace(version, state=State.PROCESSING, step=ProcessingStep.VERIFYING))
        if not version.scan.allows_download:
            infected = version.scan is ScanVerdict.INFECTED
            raise FileRejected(RejectionReason.INFECTED if infected else RejectionReason.SCAN_FAILED)
        found = opener.inspect(document)
        version = replace(document.version, storage_version=found.storage_version, sha256=found.sha256)
        document = self._advance(document, version)
        if found.rejected or found.file_type is None:
            raise found.rejected or FileRejected(RejectionReason.UNSUPPORTED_TYPE)
        self._advance(document, replace(version, file_type=found.file_type.value, step=ProcessingStep.EXTRACTING))
        return True

    def _wait_for_scan(self, document: Document) -> None:
        """Makes the job for missed uploads look for the result. An upload that an earlier version of the product began to process is
        not on its list."""
        if document.version.state is State.PROCESSING:
            version = replace(document.version, step=ProcessingStep.SCANNING)
            with self._library.begin() as changes:
                changes.change_version(document, version, look_at=self._now() + FIRST_LOOK)

    def extract(self, document_id: str, version_id: str, opener: FileOpener) -> VersionFields:
        """Stores the text in S3, and returns the fields of ``Version`` that the index step sets. Raises FileRejected,
        DocumentNotFound, Superseded."""
        result = opener.extract(self._newest(document_id, version_id))
        return {
            "has_text": result.has_text,
            "text_truncated": result.truncated,
            "pages": result.pages,
            "title": result.title[:300],
            "author": result.author[:300],
            "attachments": list(result.attachments),
            "derived_apart": True,
        }

    def preview(self, document_id: str, version_id: str, opener: FileOpener) -> dict[str, bool]:
        """Stores pictures of the first page. A rejected file only has no preview: its text can still be found. Raises
        DocumentNotFound, Superseded."""
        document = self._newest(document_id, version_id)
        try:
            opener.preview(document)
        except FileRejected:
            return {"has_preview": False}
        return {"has_preview": True, "derived_apart": True}

    def index(self, document_id: str, version_id: str, facts: VersionFields, index: Index) -> None:
        """Adds the document to the search index, also if it is renamed, moved or deleted in the meantime. ``facts`` are what
        the steps before found out. Raises DocumentNotFound, Superseded, and ValueError for facts of another name."""
        if unknown := facts.keys() - _FACTS:
            raise ValueError(f"not facts of a file: {', '.join(sorted(unknown))}")
        document = self._newest(document_id, version_id)
        found = {name: tuple(fact) if isinstance(fact, list) else fact for name, fact in facts.items()}
        version = replace(document.version, step=ProcessingStep.INDEXING, **found)  # type: ignore[arg-type]
        document = self._advance(document, version)
        permissions = self._permissions(document)
        index.put(document, self._files.text(document), permissions)
        self._update_until_current(document, permissions, index)

    def finish(self, document_id: str, version_id: str) -> bool:
        """Marks the document as ready. Returns False if it was ready before. Raises DocumentNotFound, Superseded."""
        document = self._newest(document_id, version_id)
        if document.version.state is State.READY:
            return False
        at = self._now()
        version = replace(document.version, state=State.READY, step=ProcessingStep.DONE, trouble=None, finished_at=at)
        self._advance(document, version, Action.DOCUMENT_READY)
        return True

    def mark_failed(
        self, document_id: str, version_id: str, problem: str, detail: str, index: Index
    ) -> ProcessingError | None:
        """Marks the document as failed and returns the error. Its file stays stored, and its metadata can be searched.

        ``problem`` is a ``RejectionReason``; any other text stands for an error of the platform. Returns None if
        processing has already ended, or if the document was deleted: then its files and search entry are erased. Raises
        Superseded."""
        try:
            document = self._newest(document_id, version_id)
        except DocumentNotFound:
            self.erase(document_id, index)
            return None
        if document.version.state in (State.READY, State.FAILED):
            return None
        error = processing_error_of(problem, detail)
        at = self._now()
        version = replace(document.version, state=State.FAILED, trouble=error, finished_at=at)
        document = self._advance(document, version, Action.DOCUMENT_FAILED, {"code": error.code})
        permissions = self._permissions(document)
        index.put(document, "", permissions)
        self._update_until_current(document, permissions, index)
        return error

    def update_index(self, document_id: str, index: Index) -> bool:
        """Updates the search entry after a change of the document's item. If the document was deleted, erases its files
        and its search entry, and returns True. Documents in processing get their entry from the index step."""
        document = self._library.documents([document_id]).get(document_id)
        if document is None:
            self.erase(document_id, index)
            return True
        if document.version.state in (State.READY, State.FAILED):
            permissions = self._permissions(document)
            if not index.update_metadata(document, permissions):
                index.put(document, self._files.text(document), permissions)
            return self._update_until_current(document, permissions, index)
        return False

    def erase(self, document_id: str, index: Index) -> None:
        """Deletes the search entry and the files, and checks that no file is left. ``ErasureService`` checks later that no search finds
        the document, and writes the audit record. Raises RuntimeError if a file is left."""
        index.remove(document_id)
        erased = self._files.erase(document_id)
        with suppress(ChangedMeanwhile), self._library.begin() as changes:  # it was completed before
            changes.note_erased(document_id, erased)

    def _permissions(self, document: Document) -> IndexedPermissions:
        return indexed_permissions(self._library.ancestry(document).path(document))

    def _update_until_current(self, written: Document, written_permissions: IndexedPermissions, index: Index) -> bool:
        """Updates the entry until the document and the folders above it are unchanged since they were read. Erases a
        document that was deleted, and returns True."""
        while True:
            current = self._library.documents([written.id]).get(written.id)
            if current is None:
                self.erase(written.id, index)
                return True
            now = self._permissions(current)
            if (current.revision, current.version.state, now) == (
                written.revision,
                written.version.state,
                written_permissions,
            ):
                return False
            index.update_metadata(current, now)
            written, written_permissions = current, now

    def _newest(self, document_id: str, version_id: str) -> Document:
        document = self._library.document(document_id)
        if document.version.id != version_id:
            raise Superseded("A newer upload is being processed.")
        return document

    def _advance(
        self, document: Document, version: Version, action: Action | None = None, facts: AuditFacts | None = None
    ) -> Document:
        """Stores the progress, with an audit record of the upload's arrival or of ``action``. Raises
        ChangedMeanwhile."""
        if document.version.state is State.AWAITING_UPLOAD:
            action = Action.UPLOAD_RECEIVED
        with self._library.begin() as changes:
            changes.change_version(document, version)
            if action:
                audit_facts: AuditFacts = {"version": version.id, **(facts or {})}
                changes.record(record_of(self._actor, action, document.id, self._now(), audit_facts))
        return replace(document, version=version)


def processing_error_of(problem: str, detail: str = "") -> ProcessingError:
    """The error of a problem's code, as the document stores it. An unknown code stands for an error of the platform."""
    try:
        known = RejectionReason(problem)
    except ValueError:
        return ProcessingError(
            "processing_failed", "The file could not be processed", "Upload it again; if it fails again, tell us."
        )
    return ProcessingError(known.value, known.title, detail or known.advice)
