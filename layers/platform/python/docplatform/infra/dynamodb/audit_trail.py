"""Reads a tenant's audit trail."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from docplatform.infra.dynamodb.codec import Item, decode_item, encode_value
from docplatform.infra.dynamodb.keys import TenantKeys, audit_partitions
from docplatform.infra.tenant_bound import TenantBound


class AuditTrail(TenantBound[Any]):
    """``client``: a DynamoDB client with the tenant's credentials. ``table``: the audit table."""

    def __init__(self, client: Any, table: str, tenant_id: str) -> None:
        super().__init__(client, tenant_id)
        self._table, self._item_keys = table, TenantKeys(tenant_id)

    def day(self, at: datetime, *, page: int = 1_000) -> Iterator[Item]:
        """The records of a day (UTC) in order of their ids, which is the order of time. They are merged from the day's partitions and
        from the one of earlier versions. Reads ``page`` records of a partition at a time, strongly consistent."""
        partitions = audit_partitions(self._item_keys, at)
        return heapq.merge(*(self._partition(each, page) for each in partitions), key=lambda item: str(item["sk"]))

    def _partition(self, partition: str, page: int) -> Iterator[Item]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :partition",
            "ExpressionAttributeValues": {":partition": encode_value(partition)},
            "ConsistentRead": True,
            "Limit": page,
        }
        while True:
            answer = self._client.query(**request)
            yield from map(decode_item, answer["Items"])
            if not (last := answer.get("LastEvaluatedKey")):
                return
            request["ExclusiveStartKey"] = last
