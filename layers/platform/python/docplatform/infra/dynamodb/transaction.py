"""Writes that succeed or fail together. Each write names the domain error to raise if its condition fails."""

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
    """At most 100 writes to one tenant's items. As a context manager it commits at the end, unless an error is
    raised."""

    def __init__(self, client: Any, table: str, tenant_id: str) -> None:
        super().__init__(client, tenant_id)
        self._table = table
        self._writes: list[dict[str, Any]] = []
        self._errors: list[DomainError | None] = []

    def put(
        self, key: Key, attributes: dict[str, Any], *, error_if_exists: DomainError | None = None, table: str = ""
    ) -> None:
        """Write an item. With ``error_if_exists``, only if there is none with this key; else that error is raised."""
        put: dict[str, Any] = {"TableName": table or self._table, "Item": encode_item({**key._asdict(), **attributes})}
        if error_if_exists:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        self._queue({"Put": put}, error_if_exists)

    def replace(self, key: Key, attributes: dict[str, Any], *, equals: dict[str, Any], error: DomainError) -> None:
        """Write an item over one whose attributes are as ``equals`` says (see ``update``); else ``error`` is raised."""
        expression = _Expression()
        conditions = ["attribute_exists(pk)", *expression.equals(equals)]
        put = {"TableName": self._table, "Item": encode_item({**key._asdict(), **attributes})}
        put["ConditionExpression"] = " AND ".join(conditions)
        self._queue({"Put": {**put, **expression.parameters()}}, error)

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
        """Change an item's attributes: set ``values``, ``add`` to counters, ``remove`` attributes.

        A dotted name is a member of a map. Conditions: each attribute in ``equals`` has the given value (a list: one of
        its values; None, also in a list: the attribute does not exist), and each counter in ``at_most`` is missing or not larger.
        ``error`` is raised if a condition fails.
        """
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

    def check(
        self, key: Key, *, equals: dict[str, Any] | None = None, error: DomainError, must_exist: bool = True
    ) -> None:
        """Commit only if the item exists and has the attributes of ``equals`` (as in ``update``). Writes nothing."""
        expression = _Expression()
        condition = " AND ".join([*(["attribute_exists(pk)"] if must_exist else []), *expression.equals(equals or {})])
        check = {"TableName": self._table, "Key": encode_item(key._asdict()), "ConditionExpression": condition}
        self._queue({"ConditionCheck": {**check, **expression.parameters()}}, error)

    def commit(self) -> None:
        """Raises the error of the first write whose condition failed, or ChangedMeanwhile if other transactions write
        the same items during every attempt."""
        for attempt in range(_ATTEMPTS):
            try:
                self._client.transact_write_items(TransactItems=self._writes)
                return
            except self._client.exceptions.TransactionCanceledException as refused:
                self._explain(refused)
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # full jitter: other writers use the same counters
        raise ChangedMeanwhile("Try again.")

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.commit()

    def _queue(self, write: dict[str, Any], error: DomainError | None) -> None:
        """Raises TenantContextError if the tenant is not the current one, as ``commit`` does."""
        require_tenant(self._tenant_id)
        self._writes.append(write)
        self._errors.append(error)

    def _explain(self, refused: ClientError) -> None:
        """Return if only a collision with another transaction stopped the commit; otherwise raise the error. DynamoDB
        lists the reasons in the order of the writes."""
        reasons = refused.response["CancellationReasons"]
        for reason, error in zip(reasons, self._errors, strict=True):
            if reason["Code"] == "ConditionalCheckFailed" and error:
                raise error from refused
        if not any(reason["Code"] in ("TransactionConflict", "ThrottlingError") for reason in reasons):
            raise refused


class _Expression:
    """Placeholders for names and values. With them, an attribute may have the name of a reserved word."""

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
            elif isinstance(value, list) and None in value:
                some = [entry for entry in value if entry is not None]
                conditions.append(f"(attribute_not_exists({self.name(name)}) OR {self.equals({name: some})[0]})")
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
