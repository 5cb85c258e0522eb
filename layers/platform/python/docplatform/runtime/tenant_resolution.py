"""Finds the tenant of a request by its host name, never by its body or query."""

from __future__ import annotations

import os

from docplatform.core.errors import Misdirected, TenantNotFound, TenantSuspended
from docplatform.core.tenant import Tenant, TenantStatus
from docplatform.runtime.settings import RegionSettings, load
from docplatform.runtime.tenant_access import registry


def subdomain(host: str) -> str:
    """``acme.eu.docplatform.example:8443`` → ``acme``."""
    return host.split(":")[0].split(".")[0].lower()


def tenant_of(host: str) -> Tenant:
    """The tenant whose address is ``host``, from the registry. It reads no tenant data.

    Raises TenantNotFound (also for a tenant that is not ready yet, or has ended), Misdirected (with the tenant's address
    in its own region) or TenantSuspended.
    """
    tenant = registry().by_subdomain(subdomain(host))
    if tenant is None or tenant.status in (TenantStatus.PROVISIONING, TenantStatus.CLOSED):
        raise TenantNotFound("Check the address: no organisation of that name is here.")
    if tenant.region != os.environ["AWS_REGION"]:
        raise Misdirected(tenant.region, address_of(tenant))
    if tenant.status is not TenantStatus.ACTIVE:
        raise TenantSuspended("The organisation's access is suspended; its admins know why.")
    return tenant


def tenant_here(host: str) -> Tenant | None:
    """The tenant of this region whose address is ``host``, active or not. None if there is none."""
    tenant = registry().by_subdomain(subdomain(host))
    return tenant if tenant is not None and tenant.region == os.environ["AWS_REGION"] else None


def address_of(tenant: Tenant) -> str:
    """The URL of a tenant in its region."""
    pattern: str = load(RegionSettings).region_addresses[tenant.region]
    return pattern.replace("{tenant}", tenant.subdomain)
