"""Erasures of deleted documents: that nothing is left is checked later, because the search index shows a change only after some
seconds. The list of erasures that are not yet checked is written with the deletion itself, so a deletion whose event is lost is found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from docplatform.core.actor import Actor
from docplatform.core.audit import Action, record_of
from docplatform.core.errors import ChangedMeanwhile
from docplatform.library.model import Erasure
from docplatform.library.ports import LibraryChanges
from docplatform.processing.ports import SearchEntries

_MOST = 1_000  # erasures of one run; the next run goes on
_TOGETHER = 40  # in one transaction, at two writes each
_VISIBLE_WITHIN = timedelta(minutes=1)  # OpenSearch Serverless shows a change after about ten seconds
_TOO_LONG = timedelta(hours=1)


class PendingErasures(Protocol):
    def erasures(self, document_ids: Collection[str]) -> list[Erasure]:
        """Those of these documents that are not yet checked. One call per 100 ids."""

    def pending_erasures(self, until: datetime, most: int) -> list[Erasure]:
        """Those that began at ``until`` or before and are not yet checked. One call per 1,000."""

    def begin(self) -> AbstractContextManager[LibraryChanges]: ...


class ErasureService:
    def __init__(
        self,
        actor: Actor,
        pending: PendingErasures,
        entries: Callable[[], SearchEntries],
        erase: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        """``entries``: of the tenant; asked for only if there is something to check. ``erase``: deletes the search entry and
        the files of a document. Safe to repeat."""
        self._actor, self._pending, self._entries = actor, pending, entries
        self._erase, self._now = erase, now

    def verify(self, document_ids: Collection[str]) -> int:
        """Checks these erasures, without waiting. Returns how many are complete; each has its audit record then."""
        known = {each.document_id: each for each in self._pending.erasures(document_ids) if each.files_gone}
        return self._complete(known, self._entries().left(known) if known else set())

    def sweep(self) -> dict[str, int]:
        """Checks all erasures that nobody has completed, and does again what is not done. Raises RuntimeError if a search entry is
        still there after an hour."""
        at = self._now()
        known = {each.document_id: each for each in self._pending.pending_erasures(at - _VISIBLE_WITHIN, _MOST)}
        left = self._entries().left(known) if known else set()
        again = [each for each in known.values() if each.document_id in left or not each.files_gone]
        for erasure in again:
            self._erase(erasure.document_id)
        completed = self._complete({name: each for name, each in known.items() if each not in again}, set())
        if any(at - each.at > _TOO_LONG for each in again if each.document_id in left):
            raise RuntimeError("a search entry survived its erasure")
        return {"looked_at": len(known), "completed": completed, "erased_again": len(again)}

    def _complete(self, known: Mapping[str, Erasure], left: Collection[str]) -> int:
        gone = [each for name, each in known.items() if name not in left]
        completed = 0
        for start in range(0, len(gone), _TOGETHER):
            some = gone[start : start + _TOGETHER]
            try:
                with self._pending.begin() as changes:
                    for each in some:
                        changes.remove_erasure(each.document_id, objects=each.objects)
                        facts = {"objects": each.objects, "verified": True}
                        changes.record(
                            record_of(self._actor, Action.DOCUMENT_ERASED, each.document_id, self._now(), {**facts})
                        )
            except ChangedMeanwhile:
                continue  # somebody else has completed one of them; the next run looks at the others
            completed += len(some)
        return completed
