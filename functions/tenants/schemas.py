"""Schemas of tenants for operators, without data about persons."""

from typing import Annotated

from pydantic import Field

from docplatform.core.tenant import Plan, Tenant, TenantStatus
from docplatform.http.schemas import Schema, Timestamp


class NewTenant(Schema):
    """The tenant lives in the region that is called. ``admin_email`` goes to that region's tenant data and nowhere else."""

    subdomain: Annotated[str, Field(min_length=3, max_length=40, examples=["acme"])]
    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Acme Inc."])]
    plan: Plan
    admin_email: Annotated[str, Field(max_length=254, examples=["admin@acme.example"])]


class TenantView(Schema):
    id: str
    subdomain: str
    name: str
    plan: Plan
    region: str
    status: TenantStatus
    address: str
    created_at: Timestamp

    @staticmethod
    def of(tenant: Tenant, address: str) -> "TenantView":
        return TenantView(
            id=tenant.id,
            subdomain=tenant.subdomain,
            name=tenant.name,
            plan=tenant.plan,
            region=tenant.region,
            status=tenant.status,
            address=address,
            created_at=tenant.created_at,
        )
