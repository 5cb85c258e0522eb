"""Tenants, plans and what a plan allows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from docplatform.core.errors import Invalid
from docplatform.core.time import parse_rfc3339, rfc3339

MB, GB = 10**6, 10**9


class Plan(StrEnum):
    STANDARD = "standard"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """``file_bytes`` and ``storage_bytes`` in bytes;
    ``search_seconds`` is the time-out of one search; ``weight`` the share of background work."""

    file_bytes: int
    storage_bytes: int
    documents: int
    users: int
    search_seconds: int
    weight: int


LIMITS: dict[Plan, PlanLimits] = {
    Plan.STANDARD: PlanLimits(50 * MB, 100 * GB, 100_000, 100, 10, 1),
    Plan.PROFESSIONAL: PlanLimits(200 * MB, 1_000 * GB, 1_000_000, 1_000, 30, 3),
    Plan.ENTERPRISE: PlanLimits(500 * MB, 10_000 * GB, 100_000_000, 1_000_000, 60, 10),
}


class TenantStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Tenant:
    """What the control plane knows of a tenant: nothing about any person. ``collection`` names its search collection."""

    id: str
    subdomain: str
    name: str
    plan: Plan
    region: str
    status: TenantStatus
    collection: str
    created_at: datetime

    @property
    def limits(self) -> PlanLimits:
        return LIMITS[self.plan]


_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,38}[a-z0-9])")
_OURS = {
    "www",
    "api",
    "app",
    "admin",
    "operator",
    "auth",
    "login",
    "static",
    "cdn",
    "mail",
    "status",
    "docs",
    "support",
}
RESERVED_SUBDOMAINS = frozenset(_OURS | {"live"})  # live connections are one level below it


def check_subdomain(subdomain: str) -> str:
    """A DNS label (RFC 1035 §2.3.1) of 3 to 40 characters. Raises Invalid."""
    if not _SUBDOMAIN.fullmatch(subdomain) or "--" in subdomain or subdomain in RESERVED_SUBDOMAINS:
        raise Invalid(
            "Use 3 to 40 lower-case letters, digits and single hyphens for the subdomain; some words are reserved."
        )
    return subdomain


def tenant_item(tenant: Tenant) -> dict[str, Any]:
    return {
        "tenant_id": tenant.id,
        "subdomain": tenant.subdomain,
        "name": tenant.name,
        "plan": tenant.plan.value,
        "region": tenant.region,
        "status": tenant.status.value,
        "collection": tenant.collection,
        "created_at": rfc3339(tenant.created_at),
    }


def tenant_from(item: dict[str, Any]) -> Tenant:
    return Tenant(
        id=item["tenant_id"],
        subdomain=item["subdomain"],
        name=item["name"],
        plan=Plan(item["plan"]),
        region=item["region"],
        status=TenantStatus(item["status"]),
        collection=item["collection"],
        created_at=parse_rfc3339(item["created_at"]),
    )


def to_text(tenant: Tenant) -> str:
    """For the authorizer's context, whose values are text."""
    return json.dumps(tenant_item(tenant), separators=(",", ":"))


def from_text(text: str) -> Tenant:
    return tenant_from(json.loads(text))
