"""Access to a tenant for functions that act for tenants: the registry, the tenant's AWS clients and its tables."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from docplatform.core.audit import Action, AuditFacts, AuditIdentity, record_of
from docplatform.core.tenant import POOLED, Tenant
from docplatform.core.time import now
from docplatform.infra.credentials import LONGEST_INVOCATION, TenantClients, TenantCredentials, own_client
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.runtime.metrics import Metric, count
from docplatform.runtime.settings import RegistrySettings, TenantSettings, load
from docplatform.tenancy.registry import Registry


@cache
def registry() -> Registry:
    return Registry(own_client("dynamodb"), load(RegistrySettings).registry_table)


@cache
def _credentials() -> TenantCredentials:
    return TenantCredentials(
        load(TenantSettings).tenant_access_role_arn,
        lambda: own_client("sts"),
        issued=lambda: count(Metric.CREDENTIALS_ISSUED),
    )


def clients(tenant: Tenant, *, valid_for: timedelta = LONGEST_INVOCATION) -> TenantClients:
    """``valid_for``: how long a link must work that they sign."""
    collection = "" if tenant.collection == POOLED else tenant.collection
    return _credentials().assume(tenant.id, collection, valid_for=valid_for)


def table(tenant: Tenant) -> TenantTable:
    settings = load(TenantSettings)
    return TenantTable(
        clients(tenant).client("dynamodb"),
        tenant_id=tenant.id,
        data_table=tenant.table or settings.data_table,
        audit_table=settings.audit_table,
    )


def record(actor: AuditIdentity, action: Action, target: str, facts: AuditFacts | None = None) -> None:
    """Audit an action that changes nothing, for example a read or a refusal."""
    table(actor.tenant).record_standalone(record_of(actor, action, target, now(), facts))
