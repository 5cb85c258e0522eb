"""Use cases of documents: create, upload, read, rename, move, download, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from docplatform.core import ids, names
from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import (
    ChangedMeanwhile,
    IdempotencyKeyReused,
    InvalidName,
    PreconditionFailed,
    QuotaExceeded,
    TooLarge,
    raised_by,
    raises,
)
from docplatform.core.idempotency import digest, idempotent
from docplatform.core.tenant import MB
from docplatform.library.errors import NameTaken, NotReady, UploadFinished
from docplatform.library.model import Document, Folder, ScanVerdict, State, TransferLink, Version
from docplatform.library.permissions import Access
from docplatform.library.ports import Files, Library

DOWNLOAD_LIFE = timedelta(minutes=1)  # a link still works for this long after the session or the permission has ended
UPLOAD_LIFE = timedelta(minutes=15)  # long enough for a client that registers many files before it sends them
_COULD_NOT_SCAN = "The file could not be scanned for malware, and is held until it is."
_HELD = {
    ScanVerdict.NOT_SCANNED: "The file has not arrived or is still being scanned; try again in a moment.",
    ScanVerdict.INFECTED: "The file is in quarantine: malware was found in it.",
    ScanVerdict.ACCESS_DENIED: _COULD_NOT_SCAN,
    ScanVerdict.FAILED: _COULD_NOT_SCAN,
}


class DocumentService:
    def __init__(self, actor: Actor, library: Library, files: Files, now: Callable[[], datetime]) -> None:
        self._actor, self._library, self._files, self._now = actor, library, files, now
        self._access = Access(actor, library)

    @raises(
        InvalidName,
        TooLarge,
        *raised_by(Access.folder, Access.document),
        NameTaken,
        QuotaExceeded,
        IdempotencyKeyReused,
    )
    def create(
        self, name: str, folder_id: str, *, content_type: str, size: int, idempotency_key: str = ""
    ) -> tuple[Document, TransferLink]:
        """Registers a document of ``size`` bytes and returns the link for sending its file."""
        name = names.clean(name)
        most = self._actor.tenant.limits.file_bytes
        if size > most:
            raise TooLarge(
                f"The plan takes files of up to {most // MB} MB; this one has {size / MB:.1f} MB.", limit=most
            )
        request = digest(
            operation="create-document", name=name, folder_id=folder_id, content_type=content_type, size=size
        )

        def make() -> Document:
            folder = self._access.folder(folder_id, Role.EDITOR)
            at = self._now()
            version = Version(
                id=ids.new(ids.VERSION, at),
                number=1,
                size=size,
                content_type=content_type,
                created_by=self._actor.user_id,
                created_at=at,
            )
            document = Document(
                id=ids.new(ids.DOCUMENT, at),
                name=name,
                folder_id=folder.id,
                chain=(*folder.chain, folder.id),
                owner=self._actor.user_id,
                created_at=at,
                updated_at=at,
                revision=1,
                version=version,
            )
            with self._library.begin() as changes:  # one transaction: stored, counted and audited
                changes.add_document(document)
                if idempotency_key:
                    changes.record_key(idempotency_key, request, document.id)
                changes.record(
                    record_of(
                        self._actor, Action.DOCUMENT_CREATED, document.id, at, {"folder": folder.id, "size": size}
                    )
                )
            return document

        def repeat(document_id: str) -> Document:
            """The checks of the first request, and the records of a read and of a new upload link."""
            self._access.folder(folder_id, Role.EDITOR)
            document = self._shown(self._access.document(document_id, Role.EDITOR))
            self._audit(Action.UPLOAD_LINK_ISSUED, document)
            return document

        document = idempotent(self._library, idempotency_key, request, make, repeat)
        return document, self._upload_link(document)

    @raises(*raised_by(Access.document), UploadFinished)
    def renew_upload(self, document_id: str) -> tuple[Document, TransferLink]:
        """A new upload link for a file that has not arrived."""
        document = self._access.document(document_id, Role.EDITOR)
        if document.version.state is not State.AWAITING_UPLOAD:
            raise UploadFinished("Nothing more to send: the file is here.")
        self._audit(Action.UPLOAD_LINK_ISSUED, document)
        return document, self._upload_link(document)

    @raises(*raised_by(Access.document))
    def read(self, document_id: str) -> Document:
        return self._shown(self._access.document(document_id))

    @raises(
        *raised_by(Access.document, Access.folder, Access.check_move),
        InvalidName,
        NameTaken,
        PreconditionFailed,
        ChangedMeanwhile,
    )
    def change(
        self, document_id: str, *, name: str | None, folder_id: str | None, if_revision: int | None = None
    ) -> Document:
        """Renames the document, moves it, or both. ChangedMeanwhile: who has access was changed at the same time."""
        document = self._access.document(document_id, Role.EDITOR)
        self._check(document, if_revision)
        name = document.name if name is None else names.clean(name)
        moved = folder_id is not None and folder_id != document.folder_id
        if name == document.name and not moved:
            self._actor.require(Permission.READ)  # an answer to a change that changes nothing is a read
            return self._shown(document)
        at = self._now()
        after = replace(document, name=name, updated_at=at, revision=document.revision + 1)
        decided_on: tuple[Folder, ...] = ()
        if moved:
            folder = self._access.folder(folder_id or "", Role.EDITOR)
            decided_on = self._access.check_move(document, folder)
            after = replace(after, folder_id=folder.id, chain=(*folder.chain, folder.id))
        with self._library.begin() as changes:
            changes.hold_access(decided_on)
            changes.change_document(document, after)
            if moved:
                facts: AuditFacts = {"from": document.folder_id, "to": after.folder_id}
                changes.record(record_of(self._actor, Action.DOCUMENT_MOVED, document.id, at, facts))
            if name != document.name:
                changes.record(record_of(self._actor, Action.DOCUMENT_RENAMED, document.id, at))
        return after

    @raises(*raised_by(Access.document), PreconditionFailed)
    def delete(self, document_id: str, *, if_revision: int | None = None) -> None:
        """Deletes the document from the database. The stream then starts the erasure of its files and its search entry,
        which has an audit record of its own."""
        document = self._access.document(document_id, Role.EDITOR)
        self._check(document, if_revision)
        with self._library.begin() as changes:
            changes.remove_document(document)
            facts: AuditFacts = {"folder": document.folder_id}
            changes.record(record_of(self._actor, Action.DOCUMENT_DELETED, document.id, self._now(), facts))

    @raises(*raised_by(Access.document), NotReady)
    def download(self, document_id: str) -> TransferLink:
        """A link to the verified bytes, even if processing failed later. NotReady: the file has not arrived, is not yet
        scanned, could not be scanned, or is infected. A file that no scanner can open is handed out, and the record says so."""
        document = self._access.document(document_id)
        version = document.version
        if not version.scan.allows_download:
            raise NotReady(_HELD[version.scan], scan=version.scan.value)
        if not version.sha256:
            raise NotReady("The file is still being verified; try again in a moment.")
        self._audit(Action.CONTENT_DOWNLOADED, document, scan=version.scan.value)
        return self._files.download_link(document, self._now() + DOWNLOAD_LIFE)

    @raises(*raised_by(Access.document), NotReady)
    def preview(self, document_id: str, kind: str) -> TransferLink:
        """A link to the picture of the first page. ``kind`` is 'preview' or 'thumbnail'. NotReady: there is none."""
        document = self._access.document(document_id)
        if not document.version.has_preview:
            raise NotReady("There is no preview of this document, or not yet.")
        self._audit(Action.PREVIEW_VIEWED, document)
        return self._files.preview_link(document, kind, self._now() + DOWNLOAD_LIFE)

    def _upload_link(self, document: Document) -> TransferLink:
        return self._files.upload_link(document.id, document.version, self._now() + UPLOAD_LIFE)

    def _shown(self, document: Document) -> Document:
        """The document as an answer. Writes an audit record that it was read."""
        self._audit(Action.DOCUMENT_READ, document)
        return document

    def _audit(self, action: Action, document: Document, **more: str) -> None:
        facts: AuditFacts = {"version": document.version.id, **more}
        self._library.record(record_of(self._actor, action, document.id, self._now(), facts))

    @staticmethod
    def _check(document: Document, if_revision: int | None) -> None:
        if if_revision not in (None, document.revision):
            raise PreconditionFailed("Read the document again and repeat what you wanted.")
