"""The authority of a member, or of an API key, as the items of the user and of the session or key say it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from docplatform.core import ids
from docplatform.core.actor import PERMISSIONS, Actor, Permission, Role
from docplatform.core.errors import AddressRefused
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.adapters.user_store import api_key_lives, session_from, settings_from, user_from
from docplatform.identity.model import User, UserStatus, alive
from docplatform.identity.security_settings import SecuritySettings
from docplatform.infra.dynamodb.authority import AuthorityEnded, AuthorityReduced
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.keys import Key


class StoredAuthority:
    """``needed``: the permission of the operation. ``sessions_since``: that of the user's item when the authorizer read
    it, as it is stored; '' without one. If it is outdated, a transaction that pins it reads the items and tries again."""

    def __init__(
        self, actor: Actor, needed: Permission | None, sessions_since: str, at: datetime, *, pinned: bool, address: str
    ) -> None:
        keys = IdentityKeys(actor.tenant.id)
        self._settings_key, self._address = keys.security_settings(), address
        self._actor, self._needed, self._at = actor, needed, at
        self._user_key = keys.user(actor.user_id)
        self._by_key = actor.scopes is not None
        self._bearer_key = (keys.api_key if self._by_key else keys.session)(actor.session_id)
        self._role, self._since = actor.role, sessions_since
        self.verified, self.pinned = False, pinned

    @property
    def item_keys(self) -> tuple[Key, ...]:
        return self._user_key, self._bearer_key, self._settings_key

    def confirm(self, found: Mapping[Key, Item]) -> None:
        """Raises AuthorityEnded if the user is not active, or if the session or key has ended. Raises
        AuthorityReduced if the role does not hold the operation's permission any more, and AddressRefused."""
        settings = settings_from(found.get(self._settings_key))
        if not settings.allows(self._address):
            raise AddressRefused
        profile, bearer = found.get(self._user_key), found.get(self._bearer_key)
        user = user_from(profile) if profile and not profile.get("removed") else None
        if user is None or user.status is not UserStatus.ACTIVE:
            raise AuthorityEnded("The account is disabled; an admin of the organisation can enable it.")
        if not (self._key_lives(bearer, user) if self._by_key else self._session_lives(bearer, user, settings)):
            raise AuthorityEnded("The session or the key has ended; log in again.")
        if self._needed and self._needed not in PERMISSIONS[user.role]:
            raise AuthorityReduced(
                f"This needs the permission '{self._needed}', which the role '{user.role}' does not have. "
                "Ask an admin of your organisation."
            )
        if self._actor.role is Role.ADMIN and user.role is not Role.ADMIN:
            raise AuthorityEnded("Your role was changed a moment ago; exchange the refresh token, and repeat this.")
        self._role, self._since = user.role, str((profile or {}).get("sessions_since", ""))
        self.verified = True

    def pins(self) -> dict[Key, dict[str, Any]]:
        user: dict[str, Any] = {"status": UserStatus.ACTIVE.value, "role": self._role.value}
        if self._by_key:
            return {self._user_key: user, self._bearer_key: {"revoked_at": ""}}
        since = self._since or None
        return {self._user_key: {**user, "sessions_since": since}, self._bearer_key: {"user_id": self._actor.user_id}}

    def _session_lives(self, item: Item | None, user: User, settings: SecuritySettings) -> bool:
        session = session_from(item).limited(settings) if item else None
        return ids.is_a(ids.SESSION, self._actor.session_id) and alive(session, user, self._at)

    def _key_lives(self, item: Item | None, user: User) -> bool:
        return item is not None and item["owner_id"] == user.id and api_key_lives(item, user, self._at)
