"""Converts between Python values and DynamoDB's JSON form.

Items hold text, whole numbers, booleans, lists, maps and nulls only. A codec for these types needs a tenth of the time
of boto3's, which converts numbers to Decimal, and imports nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from docplatform.core.isolation import require_own_partition
from docplatform.core.time import rfc3339

Item = dict[str, Any]

_PARTITIONS = ("pk", "gsi1pk", "gsi2pk", "gsi3pk")


def encode_value(value: object) -> dict[str, Any]:
    """``{"S": …}``, ``{"N": …}`` and so on. Raises TypeError for types that no item holds (floats, bytes, sets)."""
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case None:
            return {"NULL": True}
        case list() | tuple():
            return {"L": [encode_value(entry) for entry in value]}
        case dict():
            return {"M": {name: encode_value(entry) for name, entry in value.items()}}
        case datetime():
            return {"S": rfc3339(value)}
    raise TypeError(f"cannot store a {type(value).__name__}")


def encode_item(item: dict[str, Any]) -> dict[str, Any]:
    """Raises IsolationFault for an item or key of another tenant than the current one."""
    for name in _PARTITIONS:
        if name in item:
            require_own_partition(str(item[name]))
    return {name: encode_value(value) for name, value in item.items()}


def decode_value(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return int(content)
    if kind == "L":
        return [decode_value(entry) for entry in content]
    if kind == "M":
        return {name: decode_value(entry) for name, entry in content.items()}
    return None if kind == "NULL" else content


def decode_item(item: dict[str, Any]) -> Item:
    """Raises IsolationFault for an item of another tenant than the current one."""
    if "pk" in item:
        require_own_partition(item["pk"]["S"])
    return {name: decode_value(value) for name, value in item.items()}
