"""Between Python values and DynamoDB's wire form. Our items hold text, whole numbers, booleans, lists, maps and nulls, no more;
a codec for just these costs a tenth of boto3's (which goes by way of Decimal) and imports nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from docplatform.core.time import rfc3339

Item = dict[str, Any]


def wire(value: object) -> dict[str, Any]:
    """``{"S": …}``, ``{"N": …}`` and so on. Raises TypeError for what no item of ours holds (floats, bytes, sets)."""
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
            return {"L": [wire(entry) for entry in value]}
        case dict():
            return {"M": to_wire(value)}
        case datetime():
            return {"S": rfc3339(value)}
    raise TypeError(f"cannot store a {type(value).__name__}")


def to_wire(item: dict[str, Any]) -> dict[str, Any]:
    return {name: wire(value) for name, value in item.items()}


def unwire(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return int(content)
    if kind == "L":
        return [unwire(entry) for entry in content]
    if kind == "M":
        return from_wire(content)
    return None if kind == "NULL" else content


def from_wire(item: dict[str, Any]) -> Item:
    return {name: unwire(value) for name, value in item.items()}
