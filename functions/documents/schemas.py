"""HTTP representations of documents."""

from typing import Annotated

from pydantic import Field

from docplatform.http.schemas import Schema
from docplatform.library.views import DocumentView, LinkView

Name = Annotated[str, Field(min_length=1, max_length=255, examples=["Lease 2026.pdf"])]
MediaType = Annotated[
    str,
    Field(
        max_length=150,
        pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$",
        examples=["application/pdf"],
    ),
]


class NewDocument(Schema):
    """``content_type`` is a media type without parameters (RFC 6838); ``size`` in bytes, exactly what will be sent."""

    name: Name
    folder_id: str = "root"
    content_type: MediaType
    size: Annotated[int, Field(ge=1, le=5 * 10**12)]


class DocumentChange(Schema):
    """What is left out stays as it is."""

    name: Name | None = None
    folder_id: str | None = None


class DocumentWithUpload(Schema):
    document: DocumentView
    upload: LinkView
