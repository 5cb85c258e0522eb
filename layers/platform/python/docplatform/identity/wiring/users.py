"""Wiring of the store of users and sessions."""

from __future__ import annotations

from docplatform.core.tenant import Tenant
from docplatform.identity.adapters.user_store import DynamoPeople
from docplatform.runtime.tenant_access import table


def people(tenant: Tenant) -> DynamoPeople:
    return DynamoPeople(table(tenant))
