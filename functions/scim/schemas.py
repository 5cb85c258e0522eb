"""HTTP representations of SCIM. A message is any JSON object here; scim2-models checks its content."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from docplatform.http.schemas import Schema


class ScimMessage(RootModel[dict[str, Any]]):
    """A SCIM resource or message (RFC 7643, RFC 7644)."""


class ScimError(BaseModel):
    """RFC 7644 §3.12. ``status`` is the HTTP status, as text."""

    model_config = ConfigDict(extra="forbid")

    schemas: list[str] = Field(examples=[["urn:ietf:params:scim:api:messages:2.0:Error"]])
    status: str
    scimType: str | None = None
    detail: str


class ScimQuery(Schema):
    """RFC 7644 §3.4.2 and §3.9."""

    filter: str | None = None
    attributes: str | None = None
    excluded_attributes: Annotated[str | None, Field(alias="excludedAttributes")] = None
    start_index: Annotated[int | None, Field(alias="startIndex")] = None
    count: Annotated[int | None, Field()] = None


class ScimSelection(Schema):
    """Which attributes are answered (RFC 7644 §3.9)."""

    attributes: str | None = None
    excluded_attributes: Annotated[str | None, Field(alias="excludedAttributes")] = None
