"""Requests for a password reset. Anybody makes them, so they are counted and queued, and the queue's consumer sends the
mails (``passwords.py``): the answer comes at once, and is the same for every address."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from docplatform.authentication.ports import ResetQueue
from docplatform.core.audit import UNKNOWN_USER, Action, AuditSubject, record_of
from docplatform.core.errors import TooManyAttempts, raises
from docplatform.core.tenant import Tenant
from docplatform.core.time import rfc3339
from docplatform.identity.ports import People
from docplatform.identity.request_limits import LimitedOperation, RequestLimits

_LONGEST = 254  # characters of an address


class MalformedResetRequest(ValueError):
    """A message is no request for a reset, or is in the group of another tenant than its own."""


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """``email``: as it was typed, whether a user has it or not."""

    tenant_id: str
    email: str
    asked_at: datetime
    request_id: str

    def message(self) -> str:
        return json.dumps(asdict(self) | {"asked_at": rfc3339(self.asked_at)})

    @staticmethod
    def of(message: str, group: str | None) -> ResetRequest:
        """The request of a message in this group. Raises MalformedResetRequest."""
        try:
            given = json.loads(message)
            request = ResetRequest(**given | {"asked_at": datetime.fromisoformat(given["asked_at"])})
        except (ValueError, TypeError, KeyError) as error:
            raise MalformedResetRequest("it is no request for a password reset") from error
        if request.tenant_id != group:
            raise MalformedResetRequest("it is in the group of another tenant")
        return request


class ResetRequests:
    def __init__(
        self,
        tenant: Tenant,
        request_id: str,
        people: People,
        queue: ResetQueue,
        now: Callable[[], datetime],
        limits: RequestLimits,
    ) -> None:
        self._tenant, self._request_id, self._people = tenant, request_id, people
        self._queue, self._now, self._limits = queue, now, limits

    @raises(TooManyAttempts)
    def request_link(self, email: str) -> None:
        """Have a reset link sent to the user with that address, if there is one. The calls are the same for every
        address that is typed."""
        at = self._now()
        try:
            self._limits.admit(LimitedOperation.PASSWORD_RESET, email)
        except TooManyAttempts:
            subject = AuditSubject(self._tenant, UNKNOWN_USER, "", self._request_id)
            facts: dict[str, str | int | bool | list[str]] = {"reason": "too many requests"}
            self._people.record(record_of(subject, Action.PASSWORD_RESET_REFUSED, UNKNOWN_USER, at, facts))
            raise
        self._queue.send(ResetRequest(self._tenant.id, email[:_LONGEST], at, self._request_id).message())
