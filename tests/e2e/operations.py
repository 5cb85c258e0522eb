"""Every operation of the API, read from its OpenAPI document, so that a new operation is tested without a new test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local.settings import ROOT

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/openapi.json").read_text())
SCIM_USER, SCIM_GROUP, SCIM_PATCH = (
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:core:2.0:Group",
    "urn:ietf:params:scim:api:messages:2.0:PatchOp",
)
_RENAME = {"op": "replace", "path": "displayName", "value": "Stolen"}
BODIES: dict[str, object] = {  # where the smallest valid body changes nothing
    "PATCH /v1/documents/{document_id}": {"name": "stolen.txt"},
    "PATCH /v1/folders/{folder_id}": {"name": "Stolen"},
    "PATCH /v1/users/{user_id}": {"role": "viewer"},
    "PATCH /scim/v2/Users/{user_id}": {"schemas": [SCIM_PATCH], "Operations": [_RENAME]},
    "PATCH /scim/v2/Groups/{group_id}": {"schemas": [SCIM_PATCH], "Operations": [_RENAME]},
    "PUT /scim/v2/Users/{user_id}": {"schemas": [SCIM_USER], "userName": "stolen"},
    "PUT /scim/v2/Groups/{group_id}": {"schemas": [SCIM_GROUP], "displayName": "Stolen"},
}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    described: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def schemes(self) -> set[str]:
        """The ways to authenticate: token, key, operator. None means that the operation is open to everybody."""
        return {name for each in self.described.get("security", ()) for name in each}

    @property
    def parameters(self) -> list[str]:
        """The names of the path's parameters."""
        return [each["name"] for each in self.described.get("parameters", ()) if each["in"] == "path"]

    @property
    def media_type(self) -> str:
        return next(iter(self.described.get("requestBody", {}).get("content", {})), "")

    @cached_property
    def body(self) -> object:
        """A valid body; None where the operation takes none."""
        if not self.media_type:
            return None
        if str(self) in BODIES:
            return BODIES[str(self)]
        return smallest(self.described["requestBody"]["content"][self.media_type]["schema"])

    def at(self, **ids: str) -> str:
        """The path with these values of its parameters."""
        return self.path.format(**{name: ids[name] for name in self.parameters})


def smallest(schema: dict[str, Any]) -> Any:
    """The smallest valid value of a schema."""
    if "$ref" in schema:
        return smallest(DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return smallest(schema[several][0])
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: smallest(schema["properties"][name]) for name in schema.get("required", ())}
    if kind == "array":
        return [smallest(schema["items"])] * int(schema.get("minItems", 0))
    if kind == "string":
        of_format = {"email": "somebody@example.com", "date-time": "2030-01-01T00:00:00Z"}
        return of_format.get(schema.get("format", ""), "x" * max(1, int(schema.get("minLength", 1))))
    return {"integer": int(schema.get("minimum", 1)), "number": 1, "boolean": False}.get(str(kind))


OPERATIONS = [
    Operation(method.upper(), path, described)
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
    if method in ("get", "post", "put", "patch", "delete")
]
