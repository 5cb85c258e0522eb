"""Base classes of the schemas of requests and responses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from docplatform.core.time import rfc3339

Timestamp = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    Field(json_schema_extra={"type": "string", "format": "date-time"}),
]
"""A time as RFC 3339 text, in UTC, with milliseconds."""


class Schema(BaseModel):
    """An unknown field is an error: a misspelt one must not be dropped in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(Schema):
    """A representation of one of the product's objects. ``model_validate`` takes each field from the attribute of the
    same name, or from the attribute that ``validation_alias`` names."""

    model_config = ConfigDict(from_attributes=True, validate_by_name=True, validate_by_alias=True)


TextOrNull = Annotated[str | None, BeforeValidator(lambda text: text or None)]
"""A text that is '' in the product's own objects and null in JSON."""


class Listing(Schema):
    """Which part of a list. ``cursor`` is ``next_cursor`` of the part before."""

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: str = ""


Item = TypeVar("Item")


class Page(Schema, Generic[Item]):
    """One part of a list. ``next_cursor`` is null at the end. The contract calls a page of ``UserView`` a
    ``UserPage``."""

    next_cursor: str | None
    items: list[Item]

    @classmethod
    def of(cls, items: Iterable[object], following: str) -> Self:
        """A page of ``items``. ``following``: the cursor of the next page, '' at the end."""
        return cls.model_validate({"items": list(items), "next_cursor": following or None})

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        (item,) = params
        return f"{getattr(item, '__name__', str(item)).removesuffix('View')}Page"


class LenientSchema(BaseModel):
    """Data in another party's format (OAuth, SAML). Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Form(LenientSchema):
    """A body that a browser sends from a form: application/x-www-form-urlencoded."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response with headers. ``text`` replaces ``body`` if the route's response is not JSON."""

    body: BaseModel | None = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""


class Problem(BaseModel):
    """RFC 9457 problem document, the form of every error. Some codes carry further members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
