"""HTTP representations of documents."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from docplatform.http.schemas import Schema
from docplatform.library.views import DocumentView, LinkView

Name = Annotated[str, Field(min_length=1, max_length=255, examples=["Lease 2026.pdf"])]

# RFC 6838 §4.2 for the names, RFC 9110 §5.6.6 for the parameters.
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_PARAMETER = r"[A-Za-z0-9!#$&^_.+*-]{1,100}=([A-Za-z0-9!#$%&'*+.^_`|~:/-]{1,100}|\"[ !#-\[\]-~]{0,100}\")"
_MEDIA_TYPE = f"^{_NAME}/{_NAME}( *; *({_PARAMETER})?)*$"


def _media_type(given: str) -> str:
    if not re.fullmatch(_MEDIA_TYPE.strip("^$"), given):
        raise PydanticCustomError(
            "media_type", "A media type is needed, such as application/pdf or text/plain; charset=utf-8"
        )
    return given


MediaType = Annotated[
    str,
    Field(max_length=255, examples=["application/pdf"], json_schema_extra={"pattern": _MEDIA_TYPE}),
    AfterValidator(_media_type),
]


class NewDocument(Schema):
    """``content_type`` is a media type in any case, with or without parameters, exactly as the upload's header will say it;
    ``size`` in bytes, exactly what will be sent."""

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
