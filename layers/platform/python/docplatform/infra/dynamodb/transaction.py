"""Writes that succeed or fail together; each names the domain error that its failed condition means."""

from __future__ import annotations

import random
import time
from typing import Any

from botocore.exceptions import ClientError

from docplatform.core.errors import ChangedMeanwhile, DomainError
from docplatform.core.tenant import require_tenant
from docplatform.infra.dynamodb.codec import encode_item, encode_value
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.tenant_bound import TenantBound

_ATTEMPTS = 8
LARGEST = 100  # writes: DynamoDB's limit


class Transaction(TenantBound[Any]):
    """At most 100 writes to one tenant's items. Used as a context manager it commits at the end, unless an error came before."""

    def __init__(self, client: Any, table: str, tenant_id: str) -> None:
        super().__init__(client, tenant_id)
        self._table = table
        self._writes: list[dict[str, Any]] = []
        self._errors: list[DomainError | None] = []

    def put(
        self, key: Key, attributes: dict[str, Any], *, error_if_exists: DomainError | None = None, table: str = ""
    ) -> None:
        """Write an item; with ``error_if_exists`` only where none is."""
        put: dict[str, Any] = {"TableName": table or self._table, "Item": encode_item({**key._asdict(), **attributes})}
        if error_if_exists:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        self._queue({"Put": put}, error_if_exists)

    def update(
        self,
        key: Key,
        *,
        values: dict[str, Any] | None = None,
        add: dict[str, int] | None = None,
        remove: tuple[str, ...] = (),
        equals: dict[str, Any] | None = None,
        at_most: dict[str, int] | None = None,
        error: DomainError | None = None,
        must_exist: bool = True,
    ) -> None:
        """Set ``values`` (dotted names reach into maps), ``add`` to counters and ``remove`` attributes, where every attribute in ``where``
        has its value (a list: one of them; None: there is none) and every counter in ``ceiling`` is at most that; ``otherwise`` says
        what a refusal means."""
        expression = _Expression()
        sets = [f"{expression.name(name)} = {expression.value(value)}" for name, value in (values or {}).items()]
        adds = [f"{expression.name(name)} {expression.value(value)}" for name, value in (add or {}).items()]
        conditions = ["attribute_exists(pk)"] if must_exist else []
        conditions += expression.equals(equals or {})
        for name, most in (at_most or {}).items():
            placeholder = expression.name(name)
            conditions.append(f"(attribute_not_exists({placeholder}) OR {placeholder} <= {expression.value(most)})")
        update: dict[str, Any] = {"TableName": self._table, "Key": encode_item(key._asdict())}
        update["UpdateExpression"] = " ".join(
            part
            for part in (
                "SET " + ", ".join(sets) if sets else "",
                "ADD " + ", ".join(adds) if adds else "",
                "REMOVE " + ", ".join(expression.name(name) for name in remove) if remove else "",
            )
            if part
        )
        if conditions:
            update["ConditionExpression"] = " AND ".join(conditions)
        self._queue({"Update": {**update, **expression.parameters()}}, error)

    def delete(self, key: Key, *, equals: dict[str, Any] | None = None, error: DomainError | None = None) -> None:
        expression = _Expression()
        delete: dict[str, Any] = {"TableName": self._table, "Key": encode_item(key._asdict())}
        if error:
            delete["ConditionExpression"] = " AND ".join(["attribute_exists(pk)", *expression.equals(equals or {})])
        self._queue({"Delete": {**delete, **expression.parameters()}}, error)

    def check(self, key: Key, *, equals: dict[str, Any] | None = None, error: DomainError) -> None:
        """Write nothing, but only commit if the item is there and as ``where`` says."""
        expression = _Expression()
        condition = " AND ".join(["attribute_exists(pk)", *expression.equals(equals or {})])
        check = {"TableName": self._table, "Key": encode_item(key._asdict()), "ConditionExpression": condition}
        self._queue({"ConditionCheck": {**check, **expression.parameters()}}, error)

    def commit(self) -> None:
        """Raises the error of the first condition that failed; ChangedMeanwhile when others keep writing the same items."""
        for attempt in range(_ATTEMPTS):
            try:
                self._client.transact_write_items(TransactItems=self._writes)
                return
            except self._client.exceptions.TransactionCanceledException as refused:
                self._explain(refused)
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # full jitter: others are at the same counters
        raise ChangedMeanwhile("Try again.")

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.commit()

    def _queue(self, write: dict[str, Any], error: DomainError | None) -> None:
        """Raises TenantContextError outside the tenant's context, as ``commit`` does."""
        require_tenant(self._tenant_id)
        self._writes.append(write)
        self._errors.append(error)

    def _explain(self, refused: ClientError) -> None:
        """Return if it was a mere collision with another transaction; raise otherwise. Reasons come in the order of the writes."""
        reasons = refused.response["CancellationReasons"]
        for reason, error in zip(reasons, self._errors, strict=True):
            if reason["Code"] == "ConditionalCheckFailed" and error:
                raise error from refused
        if not any(reason["Code"] in ("TransactionConflict", "ThrottlingError") for reason in reasons):
            raise refused


class _Expression:
    """Placeholders for names and values, so that no attribute name is ever a reserved word."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def name(self, dotted: str) -> str:
        return ".".join(self._names.setdefault(part, f"#n{len(self._names)}") for part in dotted.split("."))

    def value(self, value: object) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = encode_value(value)
        return placeholder

    def equals(self, wanted: dict[str, Any]) -> list[str]:
        conditions = []
        for name, value in wanted.items():
            if value is None:
                conditions.append(f"attribute_not_exists({self.name(name)})")
            elif isinstance(value, list):
                conditions.append(f"{self.name(name)} IN ({', '.join(self.value(entry) for entry in value)})")
            else:
                conditions.append(f"{self.name(name)} = {self.value(value)}")
        return conditions

    def parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = {}
        if self._names:
            parameters["ExpressionAttributeNames"] = {short: name for name, short in self._names.items()}
        if self._values:
            parameters["ExpressionAttributeValues"] = self._values
        return parameters
