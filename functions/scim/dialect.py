"""Forms in which existing provisioning systems write users and PATCH requests, turned into those of RFC 7643 and
RFC 7644: bare texts and JSON texts for complex values, and operations without a path whose attributes are paths."""

import json
from typing import Any

_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_COMPLEX = frozenset({"manager"})
_MULTIPLE = frozenset(
    {"emails", "roles", "phonenumbers", "ims", "photos", "addresses", "entitlements", "x509certificates"}
)


def user_of_dialect(resource: dict[str, Any]) -> dict[str, Any]:
    """A user resource."""
    return {name: _value(name, value) for name, value in resource.items()}


def patch_of_dialect(message: dict[str, Any]) -> dict[str, Any]:
    """A PATCH request for a user."""
    member = next((name for name in message if name.lower() == "operations"), "")
    operations = message.get(member)
    if not isinstance(operations, list):
        return message
    return {**message, member: [plain for each in operations for plain in _operations(each)]}


def _operations(operation: Any) -> list[Any]:
    """One operation for each attribute that must be a path. What remains is one operation."""
    if not isinstance(operation, dict):
        return [operation]
    path, value = operation.get("path"), operation.get("value")
    if isinstance(path, str) and path:
        return [{**operation, "value": _value(path, value)} if "value" in operation else operation]
    if not isinstance(value, dict):
        return [operation]
    plain = {name: _value(name, each) for name, each in value.items() if not _is_path(name)}
    paths = [{**operation, "path": name, "value": _value(name, each)} for name, each in value.items() if _is_path(name)]
    return [*([{**operation, "value": plain}] if plain or not paths else []), *paths]


def _is_path(name: str) -> bool:
    """Whether the name of an attribute is a path: ``name.familyName``, ``emails[…].value``, ``urn:…:User:department``.
    The name of a schema is none."""
    return "[" in name or "." in name.rpartition(":")[2] or _ENTERPRISE.lower() + ":" in name.lower()


def _value(path: str, value: Any) -> Any:
    """The value in the form of the attribute that the path ends with."""
    if path.lower() == _ENTERPRISE.lower() and isinstance(value, dict):
        return {name: _value(name, each) for name, each in value.items()}
    attribute = path.rpartition(":")[2].lower()
    if attribute in _COMPLEX and isinstance(value, str):
        return {"value": value}
    if attribute not in _MULTIPLE:
        return value
    listed = _json(value) if isinstance(value, str) else value
    entries = listed if isinstance(listed, list) else [listed]
    return [complete for each in entries for complete in _entries(each)] if value is not None else None


def _entries(entry: Any) -> list[Any]:
    """The entries of a multi-valued attribute. Entra writes an entry, or its ``value``, as the text of a JSON object."""
    if isinstance(entry, str):
        found = _json(entry)
        return found if isinstance(found, list) else [found if isinstance(found, dict) else {"value": entry}]
    if isinstance(entry, dict) and isinstance(entry.get("value"), str):
        inner = _json(entry["value"])
        if isinstance(inner, dict) and isinstance(inner.get("value"), str):
            return [{**entry, "value": inner["value"]}]
    return [entry]


def _json(text: str) -> Any:
    """What the text says in JSON; the text itself if it is none."""
    try:
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") else text
    except (ValueError, RecursionError):
        return text
