"""Tenants, plans and their limits, and the current tenant of this process.

The edge of a function opens a ``tenant_scope`` for each invocation and calls ``enter_tenant`` as soon as it knows the
tenant. Every store checks with ``require_tenant`` that it belongs to the current tenant. The end of the scope removes
the tenant, because Lambda reuses the process for the next invocation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum

from docplatform.core.errors import Invalid

MB, GB = 10**6, 10**9


class Plan(StrEnum):
    STANDARD = "standard"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """The limits of a plan. ``file_bytes``: the largest file. ``search_seconds``: the time-out of one search.
    ``weight``: the plan's share of background work."""

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
    PROVISIONING = "provisioning"  # its search collection is being made; nobody can sign in yet
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"  # it has ended; its search collection is removed


class IsolationLevel(StrEnum):
    """The resources that a tenant does not share. Each level adds to the level before (docs/adr/0011)."""

    SHARED = "shared"
    SCHEMA = "schema"  # its own encryption key, also for its search collection
    DATABASE = "database"  # also its own table
    DEDICATED = "dedicated"  # also its own compute


POOLED = "pooled"
"""The collection that tenants of older versions shared. ``cdk/migrations.py`` gives each of them one of its own."""

_OWN: dict[IsolationLevel, tuple[str, ...]] = {
    IsolationLevel.SHARED: (),
    IsolationLevel.SCHEMA: ("collection", "encryption_key"),
    IsolationLevel.DATABASE: ("collection", "encryption_key", "table"),
    IsolationLevel.DEDICATED: ("collection", "encryption_key", "table"),
}


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant as the control plane stores it, without personal data.

    ``collection``: the id of its search collection ('': it is still to be made, or removed). ``encryption_key``: the ARN
    of its KMS key ('': the region's).
    ``table``: the name of its data table ('': the region's). ``features``: the features that are switched on.
    """

    id: str
    subdomain: str
    name: str
    plan: Plan
    region: str
    status: TenantStatus
    collection: str
    created_at: datetime
    isolation_level: IsolationLevel = IsolationLevel.SHARED
    encryption_key: str = ""
    features: frozenset[str] = frozenset()
    table: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for a tenant without the resources of its own that its isolation level demands."""
        for name in _OWN[self.isolation_level]:
            if getattr(self, name) in ("", POOLED):
                raise ValueError(f"isolation level {self.isolation_level} without a {name} of its own")

    @property
    def limits(self) -> PlanLimits:
        return LIMITS[self.plan]

    @property
    def is_settled(self) -> bool:
        """Whether the platform has nothing left to do for the tenant's status: neither to make its search collection nor
        to remove it."""
        if self.status is TenantStatus.PROVISIONING:
            return False
        return self.status is not TenantStatus.CLOSED or not self.collection


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
RESERVED_SUBDOMAINS = frozenset(_OURS | {"live"})  # addresses of live connections are below "live"


def check_subdomain(subdomain: str) -> str:
    """A DNS label (RFC 1035 §2.3.1) of 3 to 40 characters. Raises Invalid."""
    if not _SUBDOMAIN.fullmatch(subdomain) or "--" in subdomain or subdomain in RESERVED_SUBDOMAINS:
        raise Invalid(
            "Use 3 to 40 lower-case letters, digits and single hyphens for the subdomain; some words are reserved."
        )
    return subdomain


# -- the current tenant


class TenantContextError(RuntimeError):
    """Code used a tenant's data while no tenant, or another one, was current. It is always a fault of this code."""


@dataclass(frozen=True, slots=True)
class TenantContext:
    """The current tenant. The attributes are those of ``Tenant``."""

    id: str
    name: str
    region: str
    plan: Plan
    isolation_level: IsolationLevel
    encryption_key: str
    features: frozenset[str]
    status: TenantStatus
    collection: str
    table: str

    @staticmethod
    def of(tenant: Tenant) -> TenantContext:
        return TenantContext(
            id=tenant.id,
            name=tenant.name,
            region=tenant.region,
            plan=tenant.plan,
            isolation_level=tenant.isolation_level,
            encryption_key=tenant.encryption_key,
            features=tenant.features,
            status=tenant.status,
            collection=tenant.collection,
            table=tenant.table,
        )


class _Scope(Enum):
    EMPTY = "empty"  # an invocation has begun, and its tenant is not known yet


_current: ContextVar[TenantContext | _Scope | None] = ContextVar("current_tenant", default=None)


@contextmanager
def tenant_scope() -> Iterator[None]:
    """The scope of one invocation, or of one record of a stream. It begins without a tenant. Its end restores the state
    from before the scope."""
    token = _current.set(_Scope.EMPTY)
    try:
        yield
    finally:
        _current.reset(token)


def enter_tenant(tenant: Tenant) -> None:
    """Make this tenant the current one until the scope ends. Raises TenantContextError if no scope is open (nothing
    would remove the tenant again), or if the scope has another tenant already."""
    held = _current.get()
    if held is None:
        raise TenantContextError("no scope is open")
    if isinstance(held, TenantContext) and held.id != tenant.id:
        raise TenantContextError("the scope has another tenant")
    _current.set(TenantContext.of(tenant))


@contextmanager
def tenant_context(tenant: Tenant) -> Iterator[TenantContext]:
    """A scope that has this tenant from its beginning."""
    context = TenantContext.of(tenant)
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def get_current_tenant() -> TenantContext:
    """The current tenant. Raises TenantContextError if there is none."""
    held = _current.get()
    if isinstance(held, TenantContext):
        return held
    raise TenantContextError("no tenant is set")


def current_tenant_id() -> str:
    """The id of the current tenant, or '' if there is none. For logs."""
    held = _current.get()
    return held.id if isinstance(held, TenantContext) else ""


def require_tenant(tenant_id: str) -> None:
    """Raises TenantContextError unless this is the current tenant."""
    if get_current_tenant().id != tenant_id:
        raise TenantContextError("another tenant is set")
