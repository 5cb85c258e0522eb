"""Schemas of API keys and service accounts."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from docplatform.api_keys.model import ApiKey, KeyState
from docplatform.core.actor import Permission, Role
from docplatform.http.schemas import Listing, Schema, Timestamp, View
from docplatform.identity.model import UserStatus

Name = Annotated[str, Field(min_length=1, max_length=200, examples=["Nightly import"])]
Scopes = Annotated[list[Permission], Field(min_length=1, max_length=len(Permission), examples=[["read", "search"]])]


class NewApiKey(Schema):
    """``owner_id``: a service account; without it the key is one's own. ``expires_at`` is at most one year away."""

    name: Name
    scopes: Scopes
    expires_at: AwareDatetime
    owner_id: Annotated[str, Field(max_length=100)] = ""


class ApiKeyView(Schema):
    """``prefix`` is what the key begins with; ``used_at`` is right to the hour."""

    id: str
    prefix: str
    name: str
    owner_id: str
    scopes: list[Permission]
    state: KeyState
    created_at: Timestamp
    created_by: str
    expires_at: Timestamp
    used_at: Timestamp | None
    revoked_at: Timestamp | None

    @staticmethod
    def of(key: ApiKey, at: datetime) -> "ApiKeyView":
        return ApiKeyView(
            id=key.id,
            prefix=key.prefix,
            name=key.name,
            owner_id=key.owner_id,
            scopes=sorted(key.scopes),
            state=key.state(at),
            created_at=key.created_at,
            created_by=key.created_by,
            expires_at=key.expires_at,
            used_at=key.used_at,
            revoked_at=key.revoked_at,
        )


class MadeApiKey(Schema):
    """``key`` is shown this once. It is null when the request repeats an earlier one (Idempotency-Key): the key was shown then. If
    that answer was lost, revoke the key and make another."""

    api_key: ApiKeyView
    key: str | None


class KeyListing(Listing):
    """``owner_id``: whose keys, for admins; one's own without it."""

    owner_id: Annotated[str, Field(max_length=100)] = ""


class NewServiceAccount(Schema):
    name: Name
    role: Role


class ServiceAccountView(View):
    id: str
    name: str
    role: Role
    status: UserStatus
    created_at: Timestamp
