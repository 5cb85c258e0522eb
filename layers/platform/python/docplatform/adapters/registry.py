"""The control plane's tenant registry: a global table, read from the region's replica, written in its home region only.

MREC global tables settle concurrent writes by the last one, so a subdomain is unique only while one region decides.
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html)
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from docplatform.adapters.items import Item, from_wire, moment, rfc3339, to_wire
from docplatform.domain.errors import SubdomainTaken
from docplatform.domain.tenants import Plan, Tenant, TenantStatus

_SECONDS_KEPT = 60.0
_MOST_KEPT = 5_000


def tenant_item(tenant: Tenant) -> Item:
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


def tenant_from(item: Item) -> Tenant:
    return Tenant(
        id=item["tenant_id"],
        subdomain=item["subdomain"],
        name=item["name"],
        plan=Plan(item["plan"]),
        region=item["region"],
        status=TenantStatus(item["status"]),
        collection=item["collection"],
        created_at=moment(item["created_at"]),
    )


def to_text(tenant: Tenant) -> str:
    """For the authorizer's context, whose values are text."""
    return json.dumps(tenant_item(tenant), separators=(",", ":"))


def from_text(text: str) -> Tenant:
    return tenant_from(json.loads(text))


class Registry:
    """What is found is kept for a minute, so a suspension takes effect within one; what is not found is asked for again."""

    def __init__(self, client: Any, table: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._table, self._clock = client, table, clock
        self._kept: dict[str, tuple[float, Tenant]] = {}

    def by_subdomain(self, subdomain: str) -> Tenant | None:
        return self._read(f"subdomain#{subdomain}")

    def by_id(self, tenant_id: str) -> Tenant | None:
        return self._read(f"tenant#{tenant_id}")

    def add(self, tenant: Tenant) -> None:
        """Raises SubdomainTaken. For the home region's client."""
        item = tenant_item(tenant)
        puts = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": to_wire({"pk": pk, "sk": "tenant", **item}),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
            for pk in (f"subdomain#{tenant.subdomain}", f"tenant#{tenant.id}")
        ]
        try:
            self._client.transact_write_items(TransactItems=puts)
        except self._client.exceptions.TransactionCanceledException as refused:
            raise SubdomainTaken(f"Choose another subdomain than '{tenant.subdomain}'.") from refused

    def _read(self, pk: str) -> Tenant | None:
        until, tenant = self._kept.get(pk, (0.0, None))
        if tenant and self._clock() < until:
            return tenant
        answer = self._client.get_item(TableName=self._table, Key=to_wire({"pk": pk, "sk": "tenant"}))
        if "Item" not in answer:
            return None
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        tenant = tenant_from(from_wire(answer["Item"]))
        self._kept[pk] = (self._clock() + _SECONDS_KEPT, tenant)
        return tenant
