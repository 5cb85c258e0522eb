"""The tables, limited to one tenant. The client has that tenant's credentials, so the database refuses access to other
tenants' items even if this code has a fault."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import Any

from docplatform.core.audit import AuditRecord, record_stored
from docplatform.core.errors import DomainError, Unavailable
from docplatform.core.isolation import Source, dropped, note_writer
from docplatform.core.jitter import jitter
from docplatform.infra.dynamodb.authority import Authority, unverified_authority
from docplatform.infra.dynamodb.codec import Item, decode_item, encode_item, encode_value
from docplatform.infra.dynamodb.keys import Key, TenantKeys
from docplatform.infra.dynamodb.mapper import to_item
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.infra.tenant_bound import TenantBound

_ATTEMPTS = 7  # of a read, for keys that DynamoDB returns unprocessed
_BATCH = 100  # keys: DynamoDB's limit for BatchGetItem
_SKIP, _MOST_SKIPS = 1_000, 10  # rows in one call, and calls, behind a page that ended with a row of another tenant


class TenantTable(TenantBound[Any]):
    """``client``: a DynamoDB client with the tenant's credentials. Reads are strongly consistent, except on indexes.
    Every call raises TenantContextError if the tenant is not the current one. The first read of a request also reads the
    items of its caller's authority (``authority.py``), and raises their refusal."""

    def __init__(self, client: Any, *, tenant_id: str, data_table: str, audit_table: str) -> None:
        super().__init__(client, tenant_id)
        self.keys = TenantKeys(tenant_id)
        self._data, self._audit = data_table, audit_table

    def get(self, key: Key) -> Item | None:
        if unverified_authority():
            return self.get_many([key]).get(key)
        answer = self._client.get_item(TableName=self._data, Key=encode_item(key._asdict()), ConsistentRead=True)
        return decode_item(answer["Item"]) if "Item" in answer else None

    def pop(self, key: Key) -> Item | None:
        """Delete an item and return it, or None if there is none. Of two concurrent calls, only one gets the item: the
        condition has DynamoDB promise it."""
        self.verify_authority()
        try:
            answer = self._client.delete_item(
                TableName=self._data,
                Key=encode_item(key._asdict()),
                ConditionExpression="attribute_exists(pk)",
                ReturnValues="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return decode_item(answer["Attributes"])

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """The items that exist, read in calls of 100 keys. Keys that DynamoDB returns unprocessed are read again after a pause that
        grows, up to 1.3 seconds. Raises Unavailable if it returns some seven times."""
        wanted, authority = dict.fromkeys(keys), unverified_authority()
        if not wanted or authority is None:
            return self._read(list(wanted))
        found = self._read(list(dict.fromkeys([*authority.item_keys, *wanted])))
        authority.confirm(found)
        return {key: item for key, item in found.items() if key in wanted}

    def verify_authority(self) -> None:
        """Read the items of the request's authority, unless an earlier read has. Raises its refusal."""
        if authority := unverified_authority():
            self.read_again(authority)

    def read_again(self, authority: Authority) -> None:
        """Read the items of an authority and let it decide. Raises its refusal."""
        authority.confirm(self._read(list(authority.item_keys)))

    def _read(self, wanted: list[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        for start in range(0, len(wanted), _BATCH):
            pending: dict[str, Any] = {
                self._data: {
                    "Keys": [encode_item(key._asdict()) for key in wanted[start : start + _BATCH]],
                    "ConsistentRead": True,
                }
            }
            for attempt in range(_ATTEMPTS):
                if attempt:
                    time.sleep(jitter(0.02 * 2**attempt))  # full jitter; DynamoDB throttles what comes at once
                answer = self._client.batch_get_item(RequestItems=pending)
                for raw in answer["Responses"].get(self._data, ()):
                    item = decode_item(raw)
                    found[Key(item["pk"], item["sk"])] = item
                pending = answer.get("UnprocessedKeys") or {}
                if not pending:
                    break
            else:
                raise Unavailable("The database is busy; try again.")
        return found

    def query(
        self,
        partition: str,
        *,
        index: str = "",
        prefix: str = "",
        upto: str = "",
        after: Item | None = None,
        limit: int = 100,
        descending: bool = False,
    ) -> tuple[list[Item], Item | None]:
        """One page of a partition in order of sort keys, and the start of the next page (None at the end).

        ``index``: '' or 'gsi1' to 'gsi3'. ``prefix``: only sort keys that begin with it. ``upto``: only sort keys up to
        and including it. Give at most one of the two. ``after``: the start that the page before returned.

        Any item can name any partition of an index, also that of another tenant. A row whose key is not this tenant's is
        dropped and counted. A page that ends with such a row goes on behind it, in further calls; it may be short. Raises
        Unavailable if there are more than 10,000 of them in a row.
        """
        pk, sk = (f"{index}pk", f"{index}sk") if index else ("pk", "sk")
        conditions, values = [f"{pk} = :partition"], {":partition": encode_value(partition)}
        for bound, condition in ((prefix, f"begins_with({sk}, :bound)"), (upto, f"{sk} <= :bound")):
            if bound:
                conditions.append(condition)
                values[":bound"] = encode_value(bound)
        request: dict[str, Any] = {
            "TableName": self._data,
            "KeyConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeValues": values,
            "Limit": limit,
            "ScanIndexForward": not descending,
            "ConsistentRead": not index,
        }
        if index:
            request["IndexName"] = index
        if after:
            request["ExclusiveStartKey"] = encode_item(after)
        answer = self._client.query(**request)
        rows, last = self._own(answer["Items"]), answer.get("LastEvaluatedKey")
        skips = 0
        while last and not self._is_own(last):
            if skips == _MOST_SKIPS:
                raise Unavailable("The list cannot be read at the moment.")
            answer = self._client.query(**{**request, "Limit": _SKIP, "ExclusiveStartKey": last})
            rows, last, skips = rows + self._own(answer["Items"]), answer.get("LastEvaluatedKey"), skips + 1
        if len(rows) > limit:
            rows = rows[:limit]
            last = {name: rows[-1][name] for name in dict.fromkeys(("pk", "sk", pk, sk))}
        return [decode_item(row) for row in rows], decode_item(last) if last else None

    def _own(self, rows: list[Item]) -> list[Item]:
        """The rows, as DynamoDB returned them, whose key is this tenant's."""
        own: list[Item] = []
        for row in rows:
            if self._is_own(row):
                own.append(row)
                continue
            dropped(Source.INDEX)
            note_writer(str(row["pk"].get("S", "")))
        return own

    def _is_own(self, row: Item) -> bool:
        return str(row["pk"].get("S", "")).startswith(f"{self.keys.tenant_id}#")

    def put_if_revision(self, key: Key, attributes: Item, *, revision: int) -> Item | None:
        """Optimistic write: replaces the item if its revision is ``revision`` (0: must not exist).
        Returns None on success, else the current item.
        It is not part of a transaction: use it for counters, on which nothing else depends."""
        self.verify_authority()
        condition = "revision = :before" if revision else "attribute_not_exists(pk)"
        values = {"ExpressionAttributeValues": {":before": encode_value(revision)}} if revision else {}
        try:
            self._client.put_item(
                TableName=self._data,
                Item=encode_item({**key._asdict(), **attributes}),
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **values,
            )
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            return decode_item(refused.response.get("Item") or {})
        return None

    def count_up_to(self, key: Key, most: int, *, expires: int) -> bool:
        """Add one to a counter, unless it is at ``most``. Returns whether it was counted. ``expires``: when the item goes,
        as seconds since 1970. It is no part of a transaction, so that many requests can count on one item."""
        self.verify_authority()
        try:
            self._client.update_item(
                TableName=self._data,
                Key=encode_item(key._asdict()),
                UpdateExpression="SET expires = :expires ADD requests :one",
                ConditionExpression="attribute_not_exists(requests) OR requests < :most",
                ExpressionAttributeValues={
                    ":one": encode_value(1),
                    ":most": encode_value(most),
                    ":expires": encode_value(expires),
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def begin(self) -> Transaction:
        return Transaction(self._client, self._data, self._tenant_id, read_again=self.read_again)

    def record(
        self, transaction: Transaction, record: AuditRecord, *, error_if_exists: DomainError | None = None
    ) -> None:
        """Add the audit record to the transaction of the change that it records."""
        key = self.keys.audit(record.at, record.id)
        transaction.put(key, _audit_item(record), error_if_exists=error_if_exists, table=self._audit)
        transaction.after_commit.append(partial(record_stored, record.action))

    def record_standalone(self, record: AuditRecord) -> None:
        """Store the audit record of a read or a refusal, which changes nothing. It never replaces an earlier record."""
        self.verify_authority()
        key = self.keys.audit(record.at, record.id)
        self._client.put_item(
            TableName=self._audit,
            Item=encode_item({**key._asdict(), **_audit_item(record)}),
            ConditionExpression="attribute_not_exists(pk)",
        )
        record_stored(record.action)


def _audit_item(record: AuditRecord) -> Item:
    return to_item(record, without=("id", "tenant_id"))
