"""Writes that succeed or fail together. Each write names the domain error to raise if its condition fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from docplatform.core.errors import ChangedMeanwhile, DomainError
from docplatform.core.jitter import jitter
from docplatform.core.tenant import require_tenant
from docplatform.infra.dynamodb.authority import Authority, current_authority
from docplatform.infra.dynamodb.codec import encode_item, encode_value
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.tenant_bound import TenantBound

_ATTEMPTS = 8
LARGEST = 100  # writes: DynamoDB's limit


class Transaction(TenantBound[Any]):
    """At most 100 writes to one tenant's items. As a context manager it commits at the end, unless an error is
    raised. It checks the authority of the request's caller when it commits. ``after_commit``: what is called once the
    writes are stored."""

    def __init__(
        self, client: Any, table: str, tenant_id: str, *, read_again: Callable[[Authority], None] | None = None
    ) -> None:
        """``read_again``: reads the items of an authority and raises its refusal. Without it no authority is
        checked."""
        super().__init__(client, tenant_id)
        self._table, self._read_again = table, read_again
        self._writes: list[dict[str, Any]] = []
        self._errors: list[DomainError | None] = []
        self.after_commit: list[Callable[[], None]] = []

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

    def delete(
        self,
        key: Key,
        *,
        equals: dict[str, Any] | None = None,
        error: DomainError | None = None,
        must_exist: bool = True,
    ) -> None:
        """Delete an item. With ``error``, only if it exists (unless ``must_exist`` is false) and is as ``equals``
        says (see ``update``); else that error is raised."""
        expression = _Expression()
        delete: dict[str, Any] = {"TableName": self._table, "Key": encode_item(key._asdict())}
        if error:
            exists = ["attribute_exists(pk)"] if must_exist else []
            delete["ConditionExpression"] = " AND ".join([*exists, *expression.equals(equals or {})])
        self._queue({"Delete": {**delete, **expression.parameters()}}, error)

    def check(
        self, key: Key, *, equals: dict[str, Any] | None = None, error: DomainError, must_exist: bool = True
    ) -> None:
        """Commit only if the item exists and has the attributes of ``equals`` (as in ``update``). Writes nothing."""
        expression = _Expression()
        condition = " AND ".join([*(["attribute_exists(pk)"] if must_exist else []), *expression.equals(equals or {})])
        check = {"TableName": self._table, "Key": encode_item(key._asdict()), "ConditionExpression": condition}
        self._queue({"ConditionCheck": {**check, **expression.parameters()}}, error)

    def __len__(self) -> int:
        return len(self._writes)

    def keep(self, count: int) -> None:
        """Take back all writes after the first ``count``."""
        del self._writes[count:], self._errors[count:]

    def commit(self, *, on_conflict: Callable[[set[int]], None] | None = None, attempts: int = _ATTEMPTS) -> None:
        """Raises the error of the first write whose condition failed, or ChangedMeanwhile if other transactions write
        the same items during every attempt. Raises the refusal of the request's authority, before anything is
        written.

        ``on_conflict``: called before another attempt, with the places of the writes whose items others write; it may replace
        writes at the end."""
        authority = self._authority()
        for attempt in range(attempts):
            pins = authority.pins() if authority else {}
            pinned = _Pinned(self._writes, pins, table_name=self._table)
            try:
                self._client.transact_write_items(TransactItems=pinned.writes)
            except self._client.exceptions.TransactionCanceledException as refused:
                if authority and self._read_again and pinned.refused(refused):
                    self._read_again(authority)
                    if authority.pins() != pins:
                        continue  # it has changed and is still valid: with what it is now
                self._explain(refused)
                if on_conflict and attempt < attempts - 1:
                    on_conflict(_conflicts(refused))
            else:
                if authority:
                    authority.verified = True
                    authority.pinned = not pinned.own_items  # the request has changed them itself
                for call in self.after_commit:
                    call()
                return
            time.sleep(jitter(0.02 * 2 ** min(attempt, 7)))  # full jitter: others write the same items
        raise ChangedMeanwhile("Try again.")

    def _authority(self) -> Authority | None:
        """The authority that this transaction pins. One that is not pinned has been read, at the latest now."""
        authority = current_authority()
        if authority is None or self._read_again is None:
            return None
        if authority.pinned and len(self._writes) + len(authority.item_keys) <= LARGEST:
            return authority
        if not authority.verified:
            self._read_again(authority)
        return None

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
        for reason, error in zip(reasons, self._errors, strict=False):  # reasons of pins come after those of the writes
            if reason["Code"] == "ConditionalCheckFailed" and error:
                raise error from refused
        pins = reasons[len(self._errors) :]
        collided = any(reason["Code"] in ("TransactionConflict", "ThrottlingError") for reason in reasons)
        if not collided and all(reason["Code"] == "None" for reason in pins):
            raise refused


def _conflicts(refused: ClientError) -> set[int]:
    """The places of the writes whose items another transaction wrote, or that DynamoDB throttled."""
    reasons = refused.response["CancellationReasons"]
    return {place for place, each in enumerate(reasons) if each["Code"] in ("TransactionConflict", "ThrottlingError")}


class _Pinned:
    """Writes that also check ``pins``: by key, the attributes that items must have. The check of an item that a write
    changes becomes a part of that write's condition, because a transaction may name an item only once. ``own_items``:
    a write changes such an item."""

    def __init__(self, writes: list[dict[str, Any]], pins: dict[Key, dict[str, Any]], *, table_name: str) -> None:
        self.writes = list(writes)
        self.own_items = False
        self._places: list[int] = []
        known = {_item_of(write): place for place, write in enumerate(writes)} if pins else {}
        for key, wanted in pins.items():
            expression = _Expression("p")
            condition = " AND ".join(["attribute_exists(pk)", *expression.equals(wanted)])
            place = known.get((table_name, *key))
            if place is None:
                check = {"TableName": table_name, "Key": encode_item(key._asdict()), "ConditionExpression": condition}
                self._places.append(len(self.writes))
                self.writes.append({"ConditionCheck": {**check, **expression.parameters()}})
            else:
                self._places.append(place)
                self.writes[place] = _with_condition(writes[place], condition, expression.parameters())
                self.own_items |= "ConditionCheck" not in writes[place]

    def refused(self, error: ClientError) -> bool:
        """Whether a condition of an item with a pin has failed."""
        reasons = error.response["CancellationReasons"]
        return any(reasons[place]["Code"] == "ConditionalCheckFailed" for place in self._places)


def _item_of(write: dict[str, Any]) -> tuple[str, str, str]:
    """The table and the key of the item that a write changes or checks."""
    ((_, request),) = write.items()
    key = request.get("Key") or request["Item"]
    return request["TableName"], key["pk"]["S"], key["sk"]["S"]


def _with_condition(write: dict[str, Any], condition: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The write with one more condition. The placeholders in ``parameters`` differ from its own."""
    ((kind, request),) = write.items()
    own = request.get("ConditionExpression")
    merged = {name: {**request.get(name, {}), **more} for name, more in parameters.items()}
    return {kind: {**request, **merged, "ConditionExpression": f"{own} AND {condition}" if own else condition}}


class _Expression:
    """Placeholders for names and values. With them, an attribute may have the name of a reserved word. ``mark`` keeps
    the placeholders of two expressions apart."""

    def __init__(self, mark: str = "") -> None:
        self._mark = mark
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def name(self, dotted: str) -> str:
        return ".".join(self._names.setdefault(part, f"#{self._mark}n{len(self._names)}") for part in dotted.split("."))

    def value(self, value: object) -> str:
        placeholder = f":{self._mark}v{len(self._values)}"
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
