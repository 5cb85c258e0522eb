"""The control plane's tenant registry: a global table, read from the region's replica, written in its home region only.

In a global table (MREC) the last of two concurrent writes wins. So a subdomain is unique only because one region makes
all writes (docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from docplatform.core.errors import ChangedMeanwhile, DomainError
from docplatform.core.tenant import POOLED, Tenant, TenantStatus
from docplatform.infra.dynamodb.codec import Item, decode_item, encode_item
from docplatform.tenancy.errors import SubdomainTaken
from docplatform.tenancy.items import tenant_from, tenant_item

_SECONDS_KEPT = 60.0
_MOST_KEPT = 5_000
_PAGE = 1_000  # tenants of one query


class Registry:
    """Reads, adds and changes tenants. A tenant that was found is cached for a minute, so a suspension takes effect within
    a minute. A tenant that was not found, or that has no search collection yet, is read again at the next call.
    ``clock``: seconds."""

    def __init__(self, client: Any, table: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._table, self._clock = client, table, clock
        self._kept: dict[str, tuple[float, Tenant]] = {}

    def by_subdomain(self, subdomain: str) -> Tenant | None:
        return self._read(f"subdomain#{subdomain}")

    def by_id(self, tenant_id: str) -> Tenant | None:
        return self._read(f"tenant#{tenant_id}")

    def ids_in_region(self, region: str, cursor: str = "") -> tuple[list[str], str]:
        """A page of the ids of the region's tenants in order, and the cursor of the next page: '' after the last. One query; the index
        shows a new tenant after a moment."""
        start = {"pk": f"tenant#{cursor}", "sk": "tenant", **_listed(region, cursor)} if cursor else None
        answer = self._list(f"region#{region}", start)
        ids = [item["gsi1sk"]["S"] for item in answer["Items"]]
        return ids, ids[-1] if "LastEvaluatedKey" in answer else ""

    def unsettled_in_region(self, region: str) -> list[str]:
        """The ids of up to 1,000 of the region's tenants that are not settled (see ``Tenant.is_settled``), in order. One query."""
        return [item["gsi1sk"]["S"] for item in self._list(f"unsettled#{region}", None)["Items"]]

    def _list(self, partition: str, start: Item | None) -> Any:
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "gsi1",
            "KeyConditionExpression": "gsi1pk = :partition",
            "ExpressionAttributeValues": encode_item({":partition": partition}),
            "Limit": _PAGE,
        }
        if start:
            request["ExclusiveStartKey"] = encode_item(start)
        return self._client.query(**request)

    def add(self, tenant: Tenant) -> None:
        """Store a new tenant, with a client of the home region. Raises SubdomainTaken."""
        condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        self._put(tenant, condition, SubdomainTaken(f"Choose another subdomain than '{tenant.subdomain}'."))

    def change(self, before: Tenant, after: Tenant) -> None:
        """Replace a tenant's status and search collection, with a client of the home region. Raises ChangedMeanwhile if
        they are no longer those of ``before``."""
        condition = {
            "ConditionExpression": "tenant_id = :id AND #status = :status AND #collection = :collection",
            "ExpressionAttributeNames": {"#status": "status", "#collection": "collection"},
            "ExpressionAttributeValues": encode_item(
                {":id": before.id, ":status": before.status.value, ":collection": before.collection}
            ),
        }
        self._put(after, condition, ChangedMeanwhile("The tenant is being changed by another call; repeat yours."))
        for pk in (f"subdomain#{after.subdomain}", f"tenant#{after.id}"):
            self._kept.pop(pk, None)

    def _put(self, tenant: Tenant, condition: dict[str, Any], error: DomainError) -> None:
        item = tenant_item(tenant)
        unsettled = {} if tenant.is_settled else {"gsi1pk": f"unsettled#{tenant.region}", "gsi1sk": tenant.id}
        puts = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": encode_item({"pk": pk, "sk": "tenant", **item, **listed}),
                    **condition,
                }
            }
            for pk, listed in (
                (f"subdomain#{tenant.subdomain}", unsettled),
                (f"tenant#{tenant.id}", _listed(tenant.region, tenant.id)),
            )
        ]
        try:
            self._client.transact_write_items(TransactItems=puts)
        except self._client.exceptions.TransactionCanceledException as refused:
            raise error from refused

    def _read(self, pk: str) -> Tenant | None:
        until, tenant = self._kept.get(pk, (0.0, None))
        if tenant and self._clock() < until:
            return tenant
        answer = self._client.get_item(TableName=self._table, Key=encode_item({"pk": pk, "sk": "tenant"}))
        if "Item" not in answer:
            return None
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        tenant = tenant_from(decode_item(answer["Item"]))
        if tenant.status is TenantStatus.PROVISIONING or tenant.collection == POOLED:
            return tenant
        self._kept[pk] = (self._clock() + _SECONDS_KEPT, tenant)
        return tenant


def _listed(region: str, tenant_id: str) -> dict[str, str]:
    """Where the tenant stands in its region's list."""
    return {"gsi1pk": f"region#{region}", "gsi1sk": tenant_id}
