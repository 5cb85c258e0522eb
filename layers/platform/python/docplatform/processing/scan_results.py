"""Arrived files and results of their malware scans. The processing of an upload begins with the result (docs/adr/0022)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from docplatform.core.actor import Actor
from docplatform.core.audit import Action, AuditRecord, record_of
from docplatform.core.errors import ChangedMeanwhile
from docplatform.extraction.model import RejectionReason
from docplatform.library.errors import DocumentNotFound
from docplatform.library.model import FIRST_LOOK, Document, ProcessingStep, ScanVerdict, State, Version
from docplatform.library.ports import Library
from docplatform.processing.model import Upload, processing_message

AFTER_QUEUEING = timedelta(hours=6)
"""The time after which somebody looks for a queued upload whose processing has not begun."""
_ATTEMPTS = 4  # when the file's arrival and its scan's result are stored at the same moment
_WAITING = (ProcessingStep.QUEUED, ProcessingStep.SCANNING)


class Queue(Protocol):
    def send(self, queue_url: str, bodies: Mapping[str, str]) -> None: ...


class ScanResults:
    def __init__(
        self, actor: Actor, library: Library, queue: Queue, queue_url: str, now: Callable[[], datetime]
    ) -> None:
        """``queue_url``: of the processing queue of the tenant's plan."""
        self._actor, self._library, self._now = actor, library, now
        self._queue, self._queue_url = queue, queue_url

    def received(self, upload: Upload) -> bool:
        """Stores that the file has arrived. Returns False if that is known, or nobody waits for the file."""
        return _again(lambda: self._received(upload))

    def scanned(self, upload: Upload, verdict: ScanVerdict, storage_version: str, *, last: bool = False) -> bool:
        """Stores the result for the version of the file with this S3 version id, and queues the processing. Returns whether the upload
        was queued.

        A scan that did not take place queues nothing, because it will be repeated, unless it is the ``last`` one. A file of no document is
        queued too: its processing erases it. Once processing has begun, only malware is stored: the file goes into quarantine."""
        try:
            return _again(lambda: self._scanned(upload, verdict, storage_version, last))
        except DocumentNotFound:
            self._send(upload, 0)
            return True

    def _received(self, upload: Upload) -> bool:
        try:
            document = self._library.document(upload.document_id)
        except DocumentNotFound:
            return False  # it was deleted; the scan's result leads to the erasure of the file
        version = document.version
        if version.id != upload.version_id or version.state is not State.AWAITING_UPLOAD:
            return False
        after = replace(version, state=State.PROCESSING, step=ProcessingStep.SCANNING)
        self._store(document, after, look_at=self._now() + FIRST_LOOK)
        return True

    def _scanned(self, upload: Upload, verdict: ScanVerdict, storage_version: str, last: bool) -> bool:
        document = self._library.document(upload.document_id)
        version = document.version
        if version.id != upload.version_id or version.storage_version not in ("", storage_version):
            return False  # another version of the document, or another file at the same place
        if not _waits(version):
            if verdict is ScanVerdict.INFECTED and version.scan is not verdict:
                self._store(document, replace(version, scan=verdict), look_at=None)
            return False
        after = replace(
            version,
            state=State.PROCESSING,
            step=ProcessingStep.SCANNING,
            trouble=None,
            finished_at=None,
            scan=verdict,
            storage_version=storage_version,
        )
        goes_on = verdict.is_final or last
        self._store(document, after, look_at=self._now() + (AFTER_QUEUEING if goes_on else FIRST_LOOK))
        if goes_on:
            self._send(upload, version.size)
        return goes_on

    def _store(self, document: Document, after: Version, *, look_at: datetime | None) -> None:
        before = document.version
        with self._library.begin() as changes:
            changes.change_version(document, after, look_at=look_at)
            if before.state is State.AWAITING_UPLOAD:
                changes.record(self._record(Action.UPLOAD_RECEIVED, document, version=after.id))
            if after.scan is not before.scan:
                changes.record(
                    self._record(Action.UPLOAD_SCANNED, document, version=after.id, verdict=after.scan.value)
                )

    def _record(self, action: Action, document: Document, **facts: str) -> AuditRecord:
        return record_of(self._actor, action, document.id, self._now(), {**facts})

    def _send(self, upload: Upload, size: int) -> None:
        message = processing_message(upload.tenant_id, upload.document_id, upload.version_id, size)
        self._queue.send(self._queue_url, {upload.tenant_id: message})


def _waits(version: Version) -> bool:
    """Whether the version waits for a result. One that was given up without a result still takes one that comes later."""
    if version.state is State.FAILED:
        return version.trouble is not None and version.trouble.code == RejectionReason.SCAN_FAILED.value
    return version.state is State.AWAITING_UPLOAD or (version.state is State.PROCESSING and version.step in _WAITING)


def _again(act: Callable[[], bool]) -> bool:
    """Raises ChangedMeanwhile if others were faster each time."""
    for attempt in range(_ATTEMPTS):
        try:
            return act()
        except ChangedMeanwhile:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")
