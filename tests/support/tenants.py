"""Tenants for tests that need no registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from docplatform.core.tenant import Plan, Tenant, TenantStatus

_CREATED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def a_tenant(number: int, **changes: Any) -> Tenant:
    """An active standard tenant with the id ``t`` and the number in twelve digits."""
    id_, subdomain = f"t{number:012d}", f"s{number}"
    tenant = Tenant(id_, subdomain, "Name", Plan.STANDARD, "us-east-1", TenantStatus.ACTIVE, "c0llect10n", _CREATED_AT)
    return replace(tenant, **changes)
