"""Uploads whose event never came: their files are in storage, and nobody processes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from docplatform.core.errors import ChangedMeanwhile
from docplatform.core.tenant import Tenant
from docplatform.library.model import FIRST_LOOK, Document
from docplatform.library.ports import LibraryChanges
from docplatform.processing.model import processing_message

_MOST = 200  # documents of one run, at two calls each; the next run goes on
_AFTER_QUEUEING = timedelta(hours=6)
_GIVES_UP = timedelta(days=30)  # after the document was created


class AwaitingLibrary(Protocol):
    def awaited_uploads(self, until: datetime, limit: int) -> list[Document]:
        """Documents without a file that are to be looked for at ``until`` or before, the most overdue first."""

    def begin(self) -> AbstractContextManager[LibraryChanges]: ...


class ArrivedFiles(Protocol):
    def arrived(self, document_id: str, version_id: str) -> tuple[int, datetime] | None:
        """Size in bytes and time of arrival of the original; None if it is not there."""


class Queue(Protocol):
    def send(self, queue_url: str, bodies: Mapping[str, str]) -> None: ...


class MissedUploads:
    def __init__(
        self,
        tenant: Tenant,
        library: AwaitingLibrary,
        files: ArrivedFiles,
        queue: Queue,
        queue_url: str,
        now: Callable[[], datetime],
    ) -> None:
        """``queue_url``: of the processing queue of the tenant's plan."""
        self._tenant, self._library, self._files = tenant, library, files
        self._queue, self._queue_url, self._now = queue, queue_url, now

    def recover(self) -> dict[str, int]:
        """Queue the processing of files that have arrived unnoticed. Returns how many documents were looked for, and found.

        A document without a file is looked for again after as long as it has existed, and no more once it is a month old. One that
        raises is looked for again after half an hour, and its error is raised after all others have been looked for.
        """
        at, found, errors = self._now(), 0, list[Exception]()
        documents = self._library.awaited_uploads(at, _MOST)
        for document in documents:
            try:
                found += self._recover(document, at)
            except Exception as error:
                errors.append(error)
                self._look_again(document, at + FIRST_LOOK, at)
        if errors:
            raise errors[0]
        return {"looked_for": len(documents), "found": found}

    def _recover(self, document: Document, at: datetime) -> bool:
        arrived = self._files.arrived(document.id, document.version.id)
        if arrived is None:
            self._look_again(document, at + max(FIRST_LOOK, at - document.created_at), at)
            return False
        size, arrived_at = arrived
        if at - arrived_at < FIRST_LOOK:  # its event, or its turn in the queue, may still come
            self._look_again(document, arrived_at + FIRST_LOOK, at)
            return False
        message = processing_message(self._tenant.id, document.id, document.version.id, size)
        self._queue.send(self._queue_url, {self._tenant.id: message})
        self._look_again(document, at + _AFTER_QUEUEING, at)
        return True

    def _look_again(self, document: Document, look_at: datetime, at: datetime) -> None:
        given_up = at - document.created_at > _GIVES_UP
        try:
            with self._library.begin() as changes:
                changes.look_again(document, None if given_up else look_at)
        except ChangedMeanwhile:
            return  # its processing has begun
