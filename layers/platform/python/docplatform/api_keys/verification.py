"""Whether an API key opens the door of a tenant, and as whom."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from docplatform.api_keys.model import ApiKey, KeyState, parse_key
from docplatform.api_keys.ports import ApiKeys
from docplatform.identity.model import User, UserStatus


class KeyRefused(Exception):
    """``owner_id``: of the key whose secret was shown; '' for who knows none. ``key_id``: the one that was named, if any."""

    def __init__(self, reason: str, *, owner_id: str = "", key_id: str = "") -> None:
        super().__init__(reason)
        self.owner_id, self.key_id = owner_id, key_id


def admit(text: str, api_keys: ApiKeys, at: datetime) -> tuple[User, ApiKey]:
    """Two reads; one for an unknown key or a wrong secret, none for what cannot be a key. Raises KeyRefused."""
    named = parse_key(text)
    if named is None:
        raise KeyRefused("not an API key")
    key_id, secret = named
    key = api_keys.key(key_id)
    if not hmac.compare_digest(key.secret_hash if key else "", digest(secret)) or key is None:
        raise KeyRefused("unknown key or wrong secret", key_id=key_id)
    if (state := key.state(at)) is not KeyState.ACTIVE:
        raise KeyRefused(f"the key is {state}", owner_id=key.owner_id, key_id=key_id)
    owner = api_keys.owner(key.owner_id)
    if owner is None or owner.status is not UserStatus.ACTIVE:
        raise KeyRefused("the key's owner is not active", owner_id=key.owner_id, key_id=key_id)
    return owner, key


def digest(secret: str) -> str:
    """Of 256 random bits; unlike a password they need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
