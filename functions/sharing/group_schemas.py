"""HTTP representations of groups."""

from typing import Annotated

from pydantic import Field

from docplatform.http.schemas import Schema, TextOrNull, Timestamp, View
from docplatform.identity.model import UserStatus

GroupName = Annotated[str, Field(min_length=1, max_length=200, examples=["Legal"])]


class NewGroup(Schema):
    name: GroupName


class GroupChange(Schema):
    name: GroupName


class GroupView(View):
    """``members`` counts them."""

    id: str
    name: str
    external_id: TextOrNull
    members: int
    created_at: Timestamp
    updated_at: Timestamp
    revision: int


class MemberView(View):
    id: str
    name: str
    status: UserStatus
