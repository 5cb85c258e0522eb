"""API keys: creating, listing and revoking them. Users make keys for themselves, admins also for service accounts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from docplatform.api_keys.errors import ApiKeyNotFound, InvalidExpiry, ScopeNotHeld, ServiceAccountNotFound
from docplatform.api_keys.model import SECRET_BYTES, ApiKey, check_expiry, check_scopes, key_text, parse_key
from docplatform.api_keys.ports import ApiKeys
from docplatform.api_keys.verification import digest
from docplatform.core import ids
from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import (
    ChangedMeanwhile,
    Forbidden,
    IdempotencyKeyReused,
    Invalid,
    InvalidCursor,
    InvalidName,
    raises,
)
from docplatform.core.idempotency import digest as fingerprint
from docplatform.core.idempotency import idempotent
from docplatform.identity.errors import UserNotFound
from docplatform.identity.model import User, UserKind, UserStatus, clean_display_name

CreatedKey = tuple[ApiKey, str]


class ApiKeyService:
    def __init__(self, actor: Actor, api_keys: ApiKeys, now: Callable[[], datetime]) -> None:
        self._actor, self._api_keys, self._now = actor, api_keys, now

    @raises(
        InvalidName,
        Invalid,
        ScopeNotHeld,
        InvalidExpiry,
        Forbidden,
        UserNotFound,
        ServiceAccountNotFound,
        IdempotencyKeyReused,
        ApiKeyNotFound,
        ChangedMeanwhile,
    )
    def create(
        self,
        name: str,
        scopes: frozenset[Permission],
        expires_at: datetime,
        *,
        owner_id: str = "",
        idempotency_key: str = "",
    ) -> CreatedKey:
        """Create a key. Returns it and its text, which is stored nowhere; the text is '' if an earlier call with the
        same idempotency key created it. ``owner_id``: a service account; '' for the caller."""
        name, owner = clean_display_name(name), self._owner_for(owner_id)
        check_scopes(scopes, owner.role)
        request = fingerprint(
            operation="create-api-key", name=name, scopes=sorted(scopes), expires_at=expires_at, owner=owner.id
        )

        def make() -> CreatedKey:
            at = self._now()
            check_expiry(expires_at, at)  # checked here, so that a late repetition still finds the key that it created
            key_id, maker = ids.new(ids.API_KEY, at), self._actor.user_id
            text = key_text(key_id, secrets.token_bytes(SECRET_BYTES))
            _, secret = parse_key(text) or ("", "")
            key = ApiKey(key_id, owner.id, name, scopes, digest(secret), maker, at, expires_at, key_ends=owner.key_ends)
            with self._api_keys.begin() as changes:
                if idempotency_key:
                    changes.record_key(maker, idempotency_key, request, key.id, at)
                changes.hold_owner(owner)
                changes.add_key(key)
                facts: AuditFacts = {"owner": owner.id, "scopes": sorted(scopes), "expires_at": expires_at.isoformat()}
                changes.record(record_of(self._actor, Action.API_KEY_CREATED, key.id, at, facts))
            return key, text

        def repeat(key_id: str) -> CreatedKey:
            key, facts = self._key(key_id), AuditFacts({"shown": 1})
            self._api_keys.record(record_of(self._actor, Action.API_KEYS_LISTED, key.owner_id, self._now(), facts))
            return key, ""

        return idempotent(
            self._api_keys.idempotency(self._actor.user_id, self._now()), idempotency_key, request, make, repeat
        )

    @raises(Forbidden, UserNotFound, InvalidCursor)
    def list(self, *, owner_id: str, limit: int, cursor: str) -> tuple[tuple[ApiKey, ...], str]:
        """The keys of the caller (''), or for an admin those of any user; the newest first. Keys stay in the list for a
        month after their expiry."""
        owner = owner_id or self._actor.user_id
        if owner != self._actor.user_id:
            self._actor.require(Permission.MANAGE_USERS)
            if self._api_keys.owner(owner) is None:
                raise UserNotFound("Look at the list of users, or of service accounts.")
        found = self._api_keys.keys_of(owner, limit=limit, cursor=cursor)
        facts: AuditFacts = {"shown": len(found[0])}
        self._api_keys.record(record_of(self._actor, Action.API_KEYS_LISTED, owner, self._now(), facts))
        return found

    @raises(ApiKeyNotFound, ChangedMeanwhile)
    def revoke(self, key_id: str) -> None:
        """Revoke a key, which stops working within a minute. A key that is revoked already stays as it is. The keys of
        others are found only by an admin."""
        key, at = self._key(key_id), self._now()
        if key.owner_id != self._actor.user_id and not self._actor.may(Permission.MANAGE_USERS):
            raise ApiKeyNotFound("Look at the list of your keys.")
        if key.revoked_at:
            return
        with self._api_keys.begin() as changes:
            changes.revoke_key(key, at)
            changes.record(record_of(self._actor, Action.API_KEY_REVOKED, key.id, at, {"owner": key.owner_id}))

    def _key(self, key_id: str) -> ApiKey:
        key = self._api_keys.key(key_id)
        if key is None:
            raise ApiKeyNotFound("Look at the list of your keys.")
        return key

    def _owner_for(self, owner_id: str) -> User:
        """The owner of a new key. Nobody, not even an admin, makes keys for another person."""
        if owner_id in ("", self._actor.user_id):
            own = self._api_keys.owner(self._actor.user_id)
            if own is None:
                raise UserNotFound("Look at the list of users.")
            return own
        self._actor.require(Permission.MANAGE_USERS)
        account = self._api_keys.owner(owner_id)
        if account is None or account.kind is not UserKind.SERVICE or account.status is not UserStatus.ACTIVE:
            raise ServiceAccountNotFound("A key is for yourself or for a service account; look at the list of those.")
        return account
