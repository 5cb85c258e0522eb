"""Uploads whose processing has not begun: their event never came, their malware scan has no result, or their message was lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from docplatform.core.errors import ChangedMeanwhile
from docplatform.core.tenant import Tenant
from docplatform.library.model import FIRST_LOOK, Document, ScanVerdict
from docplatform.library.ports import LibraryChanges
from docplatform.processing.model import Upload
from docplatform.processing.ports import Scanner
from docplatform.processing.scan_results import ScanResults

_MOST = 200  # documents of one run, at two to five calls each; the next run goes on
_GIVES_UP = timedelta(days=30)  # after the document was created
_SCAN_GIVES_UP = timedelta(hours=24)  # after the file has arrived


class AwaitingLibrary(Protocol):
    def awaited_uploads(self, until: datetime, limit: int) -> list[Document]:
        """Documents without a file, or without the result of its scan, that are to be looked for at ``until`` or before, the most
        overdue first."""

    def begin(self) -> AbstractContextManager[LibraryChanges]: ...


class ArrivedFiles(Protocol):
    def arrived(self, document_id: str, version_id: str) -> tuple[str, datetime] | None:
        """S3 version id and time of arrival of the original; None if it is not there."""


class MissedUploads:
    def __init__(
        self,
        tenant: Tenant,
        library: AwaitingLibrary,
        files: ArrivedFiles,
        scanner: Scanner,
        results: ScanResults,
        now: Callable[[], datetime],
    ) -> None:
        self._tenant, self._library, self._files = tenant, library, files
        self._scanner, self._results, self._now = scanner, results, now

    def recover(self) -> dict[str, int]:
        """Queue the processing of files that nobody processes, and ask for scans that have no result. Returns how many documents were
        looked for, how many files were queued, and how many scans were asked for.

        A document without a file is looked for again after as long as it has existed, and no more once it is a month old. One that
        raises is looked for again after half an hour, and its error is raised after all others have been looked for.
        """
        at, errors, counts = self._now(), list[Exception](), {"looked_for": 0, "found": 0, "scans": 0}
        for document in self._library.awaited_uploads(at, _MOST):
            counts["looked_for"] += 1
            try:
                done = self._recover(document, at)
            except Exception as error:
                errors.append(error)
                self._look_again(document, at + FIRST_LOOK, at)
            else:
                if done:
                    counts[done] += 1
        if errors:
            raise errors[0]
        return counts

    def _recover(self, document: Document, at: datetime) -> str:
        """Returns what was done, as the name of its count; '' if nothing."""
        arrived = self._files.arrived(document.id, document.version.id)
        if arrived is None:
            self._look_again(document, at + max(FIRST_LOOK, at - document.created_at), at)
            return ""
        storage_version, arrived_at = arrived
        if at - arrived_at < FIRST_LOOK:  # its events, or its turn in the queue, may still come
            self._look_again(document, arrived_at + FIRST_LOOK, at)
            return ""
        return self._take_up(document, document.version.storage_version or storage_version, at, at - arrived_at)

    def _take_up(self, document: Document, storage_version: str, at: datetime, age: timedelta) -> str:
        """The result that is stored counts, or else the one in the file's tag. Without any, a scan is asked for, less and less often,
        and given up after a day: the document says so."""
        upload = Upload(self._tenant.id, document.id, document.version.id)
        verdict: ScanVerdict | None = document.version.scan
        if not document.version.scan.is_final:
            verdict = self._scanner.verdict(document, storage_version)
        if (verdict is None or not verdict.is_final) and age < _SCAN_GIVES_UP:
            self._look_again(document, at + max(FIRST_LOOK, age), at)
            self._scanner.scan_again(document, storage_version)
            return "scans"
        self._results.scanned(upload, verdict or ScanVerdict.FAILED, storage_version, last=True)
        return "found"

    def _look_again(self, document: Document, look_at: datetime, at: datetime) -> None:
        given_up = at - document.created_at > _GIVES_UP
        try:
            with self._library.begin() as changes:
                changes.look_again(document, None if given_up else look_at)
        except ChangedMeanwhile:
            return  # its processing has begun
