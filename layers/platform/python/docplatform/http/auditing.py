"""Auditing by default: every request leaves a record in the audit trail of its tenant, also if it is refused or fails.

A use case records its changes in their own transactions, and may record what it reads. If it has recorded nothing, the
router does so. So no operation is without a record because somebody forgot it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from docplatform.core import ids
from docplatform.core.audit import (
    EXPLAINS_ERROR,
    UNKNOWN_USER,
    Action,
    AuditFacts,
    AuditIdentity,
    AuditSubject,
)
from docplatform.core.errors import DomainError, Misdirected, TenantNotFound
from docplatform.core.isolation import IsolationFault, signals
from docplatform.core.tenant import tenant_context
from docplatform.runtime import tenant_access, tenant_resolution
from docplatform.runtime.isolation import actor_of, count_attempt
from docplatform.runtime.telemetry import LogRecord

if TYPE_CHECKING:
    from docplatform.http.request import Request
    from docplatform.http.router import Route

EXEMPT = {
    "GET /v1/health": "Load balancers and monitors call it all the time. It names no tenant and tells nothing of one.",
    "GET /v1/openapi.json": "The public description of the API, the same for everybody.",
    "GET /v1/auth/jwks.json": "The public keys of the region's tokens, the same for everybody.",
}
"""The operations that leave no record, and why: they take neither an actor nor a tenant. A test compares the list with the
contract, so that no other operation comes to be without a record."""

NO_TENANT = (
    "A request to an address that no tenant of this region has, and an operator's request that names no such tenant. There "
    "is no trail that the record could stand in. The request's log line has both, and API Gateway's access log the operator."
)
"""Why the remaining requests leave no record."""

UNKNOWN_PATH = "unknown path"
_OPERATOR = "/operator/"
_PARAMETER = re.compile(r"\{(\w+)\}")
_PRINCIPAL = re.compile(r"(?:user|group):(.+)")


@dataclass(slots=True)
class RequestAudit:
    """The audit of one request. ``stored``: the actions that the request has recorded so far.

    ``route`` and ``values`` (those of the path's parameters) are None and empty until the route is found. ``subject`` is
    None until the actor is known."""

    request: Request
    log: LogRecord
    stored: list[Action]
    route: Route | None = None
    values: dict[str, str] = field(default_factory=dict)
    subject: AuditIdentity | None = None

    @property
    def _is_exempt(self) -> bool:
        """Whether the operation is of no tenant: without one it can reach no tenant's data."""
        return self.route is not None and not {"actor", "tenant"} & set(self.route.wants)

    def succeeded(self) -> None:
        """Record a request that was answered. Raises the error of the database: what cannot be recorded is not
        answered."""
        if not self.stored and self.route is not None:
            self._record(self.route.audit_action, _thing(self.route, self.values), {"method": self.request.method})

    def refused(self, error: DomainError) -> None:
        """Record a request that is refused with ``error``."""
        if self.subject is None and isinstance(error, (TenantNotFound, Misdirected)):
            return  # the address has just been looked up
        self._record_error(Action.ACCESS_REFUSED, {"code": error.code, "method": self.request.method})

    def failed(self) -> None:
        """Record a request that failed unexpectedly."""
        self._record_error(Action.OPERATION_FAILED, {"code": DomainError.code, "method": self.request.method})

    def isolation_failed(self, error: IsolationFault) -> None:
        """Record that something of another tenant came up in the request."""
        facts: AuditFacts = {"reason": "tenant_mismatch", "place": error.place.value, "method": self.request.method}
        self._record_error(Action.ACCESS_DENIED, facts)

    def count_attempts(self) -> None:
        """Count the request's attempts to reach another tenant, as its actor's. If that fails, the log has the error."""
        if not signals().attempts or (subject := self.subject or self._subject_of_address()) is None:
            return
        try:
            count_attempt(subject, actor_of(subject.tenant.id, subject.user_id, self.request.address))
        except Exception as error:
            self.log.add_error(error)

    def _record_error(self, action: Action, facts: AuditFacts) -> None:
        """If the record cannot be stored, the request is refused all the same, and the log has the error."""
        if EXPLAINS_ERROR.intersection(self.stored):
            return
        try:
            self._record(action, UNKNOWN_PATH if self.route is None else place(self.route.path, self.values), facts)
        except Exception as error:  # beside the request's own error, which the line has already
            self.log.add(level="ERROR", unrecorded=type(error).__name__)

    def _record(self, action: Action, target: str, facts: AuditFacts) -> None:
        if self._is_exempt or (subject := self.subject or self._subject_of_address()) is None:
            return
        with tenant_context(subject.tenant):  # a refusal may come before the tenant is entered
            tenant_access.record(subject, action, target, facts)

    def _subject_of_address(self) -> AuditIdentity | None:
        """Whom the record names if the request has no actor (yet): the caller, if the authorizer knows one of the
        address's tenant, else somebody unknown. None if no tenant of this region has the address."""
        request = self.request
        if request.path.startswith(_OPERATOR):
            return None
        if request.claims.get("user_id"):
            try:
                return request.actor()
            except DomainError:  # the caller of another tenant: this tenant's trail does not name them
                pass
        tenant = tenant_resolution.tenant_here(request.host)
        return None if tenant is None else AuditSubject(tenant, UNKNOWN_USER, "", request.id)


def place(path: str, values: dict[str, str]) -> str:
    """The route's template with the ids of the request. A value that has not the form of an id may be anything that
    somebody typed, and stays out of the trail."""

    def known(parameter: re.Match[str]) -> str:
        value = values.get(parameter[1], "")
        return value if _is_id(value) else parameter[0]

    return _PARAMETER.sub(known, path)


def _thing(route: Route, values: dict[str, str]) -> str:
    """The last id in the path; without one, the route's template."""
    return next((value for value in reversed(values.values()) if _is_id(value)), route.path)


def _is_id(value: str) -> bool:
    principal = _PRINCIPAL.fullmatch(value)
    return ids.is_public(principal[1] if principal else value)
