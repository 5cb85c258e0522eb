"""Who a record is about when no actor is there yet."""

from __future__ import annotations

from dataclasses import dataclass

from docplatform.domain.tenants import Tenant

NOBODY = "unknown"


@dataclass(frozen=True, slots=True)
class Visiting:
    tenant: Tenant
    user_id: str
    session_id: str
    request_id: str
