"""Verification of API keys: whether a key gives access to a tenant, and for which user."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from docplatform.api_keys.model import ApiKey, KeyState, parse_key
from docplatform.api_keys.ports import ApiKeys
from docplatform.identity.model import User, UserStatus
from docplatform.identity.security_settings import SecuritySettings


class KeyRefused(Exception):
    """An API key is refused. ``owner_id``: the key's owner if the secret was right, otherwise ''. ``key_id``: the id in
    the key, '' if it is malformed. ``is_unknown``: whether the key is well-formed, and none of this tenant's."""

    def __init__(self, reason: str, *, owner_id: str = "", key_id: str = "", is_unknown: bool = False) -> None:
        super().__init__(reason)
        self.owner_id, self.key_id, self.is_unknown = owner_id, key_id, is_unknown


def admit(text: str, api_keys: ApiKeys, at: datetime) -> tuple[User, ApiKey, SecuritySettings]:
    """Verify a key; returns its owner, the key and the tenant's settings. Two reads; one if the key is unknown or its
    secret wrong, none if it is malformed. Raises KeyRefused."""
    named = parse_key(text)
    if named is None:
        raise KeyRefused("not an API key")
    key_id, secret = named
    key = api_keys.key(key_id)
    if not hmac.compare_digest(key.secret_hash if key else "", digest(secret)) or key is None:
        raise KeyRefused("unknown key or wrong secret", key_id=key_id, is_unknown=key is None)
    if (state := key.state(at)) is not KeyState.ACTIVE:
        raise KeyRefused(f"the key is {state}", owner_id=key.owner_id, key_id=key_id)
    owner, settings = api_keys.owner_and_settings(key.owner_id)
    if owner is None or owner.status is not UserStatus.ACTIVE:
        raise KeyRefused("the key's owner is not active", owner_id=key.owner_id, key_id=key_id)
    if key.key_ends < owner.key_ends or (owner.keys_since and key.created_at <= owner.keys_since):
        raise KeyRefused("the key has ended with its owner's access", owner_id=key.owner_id, key_id=key_id)
    return owner, key, settings


def digest(secret: str) -> str:
    """The hash of a secret. The secret has 256 random bits, so it needs no slow hash, unlike a password."""
    return hashlib.sha256(secret.encode()).hexdigest()
