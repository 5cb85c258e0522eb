"""One tenant's API keys and service accounts in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from docplatform.api_keys.adapters.keys import ApiKeyKeys
from docplatform.api_keys.errors import ServiceAccountNotFound
from docplatform.api_keys.model import ApiKey
from docplatform.core import cursors, ids
from docplatform.core.errors import ChangedMeanwhile, InvalidCursor
from docplatform.core.time import rfc3339
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.adapters.user_store import ALL_ENDS, ended_at, ends_of, settings_from, user_from, user_item
from docplatform.identity.model import User, UserKind, UserStatus
from docplatform.identity.security_settings import SecuritySettings
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.mapper import from_item, readable, to_item
from docplatform.infra.dynamodb.store import TenantChanges, TenantStore
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction

_KEPT_AFTER_EXPIRY = timedelta(days=30)


class DynamoApiKeys(TenantStore):
    def __init__(self, table: TenantTable) -> None:
        super().__init__(table)
        self._item_keys = ApiKeyKeys(table.keys.tenant_id)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)

    def key(self, key_id: str) -> ApiKey | None:
        item = self._table.get(self._identity_keys.api_key(key_id)) if ids.is_a(ids.API_KEY, key_id) else None
        return _key(item) if item else None

    def keys_of(self, user_id: str, *, limit: int, cursor: str) -> tuple[tuple[ApiKey, ...], str]:
        """The user's keys, the newest first, and the cursor of the next page. Raises InvalidCursor."""
        partition, place = (
            self._identity_keys.api_keys_of(user_id),
            cursors.decode(cursor).get("key", "") if cursor else "",
        )
        key_id = place.rpartition("#")[2]
        if cursor and not ids.is_a(ids.API_KEY, key_id):
            raise InvalidCursor("Use next_cursor of an earlier page of the same list.")
        after = (
            {**self._identity_keys.api_key(key_id)._asdict(), "gsi1pk": partition, "gsi1sk": place} if cursor else None
        )
        rows, last = self._table.query(partition, index="gsi1", after=after, limit=limit, descending=True)
        return tuple(readable(_key, self._items(rows))), cursors.encode({"key": last["gsi1sk"]}) if last else ""

    def record_use(self, key: ApiKey, at: datetime) -> None:
        """Raises ChangedMeanwhile when the key is gone."""
        with self._table.begin() as writes:
            gone = ChangedMeanwhile("The key is gone.")
            writes.update(self._identity_keys.api_key(key.id), values={"used_at": rfc3339(at)}, error=gone)

    def owner(self, user_id: str) -> User | None:
        item = self._table.get(self._identity_keys.user(user_id)) if ids.is_a(ids.USER, user_id) else None
        return user_from(item) if item else None

    def owner_and_settings(self, user_id: str) -> tuple[User | None, SecuritySettings]:
        owner, settings = self._identity_keys.user(user_id), self._identity_keys.security_settings()
        found = self._table.get_many([owner, settings])
        return user_from(found[owner]) if owner in found else None, settings_from(found.get(settings))

    def service_accounts(self, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """Service accounts in order of creation, and the cursor of the next page. Raises InvalidCursor."""
        partition, user_id = (
            self._item_keys.service_accounts(),
            cursors.decode(cursor).get("account", "") if cursor else "",
        )
        if cursor and not ids.is_a(ids.USER, user_id):
            raise InvalidCursor("Use next_cursor of an earlier page of the same list.")
        after = (
            {**self._identity_keys.user(user_id)._asdict(), "gsi3pk": partition, "gsi3sk": user_id} if cursor else None
        )
        rows, last = self._table.query(partition, index="gsi3", after=after, limit=limit)
        found = tuple(readable(user_from, self._items(rows)))
        return found, cursors.encode({"account": last["gsi3sk"]}) if last else ""

    def _items(self, rows: list[Item]) -> list[Item]:
        keys = [Key(row["pk"], row["sk"]) for row in rows]
        found = self._table.get_many(keys)
        return [found[key] for key in keys if key in found]

    @contextmanager
    def begin(self) -> Iterator[DynamoApiKeyChanges]:
        with self._table.begin() as transaction:
            yield DynamoApiKeyChanges(self._table, transaction)


class DynamoApiKeyChanges(TenantChanges):
    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        super().__init__(table, transaction)
        self._item_keys = ApiKeyKeys(table.keys.tenant_id)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)

    def hold_owner(self, owner: User) -> None:
        """Raises ChangedMeanwhile when committed."""
        changed = ChangedMeanwhile("The account was changed a moment ago; look at it and try again.")
        as_read = {"status": UserStatus.ACTIVE.value, **ends_of(owner)}
        self._writes.check(self._identity_keys.user(owner.id), equals=as_read, error=changed)

    def add_key(self, key: ApiKey) -> None:
        listed = {
            "gsi1pk": self._identity_keys.api_keys_of(key.owner_id),
            "gsi1sk": f"{rfc3339(key.created_at)}#{key.id}",
        }
        taken = ChangedMeanwhile("Try again.")
        self._writes.put(self._identity_keys.api_key(key.id), {**_key_item(key), **listed}, error_if_exists=taken)

    def revoke_key(self, key: ApiKey, at: datetime) -> None:
        """Raises ChangedMeanwhile when committed if the key was revoked meanwhile."""
        self._writes.update(
            self._identity_keys.api_key(key.id),
            values={"revoked_at": rfc3339(at)},
            equals={"revoked_at": ""},
            error=ChangedMeanwhile("It was revoked just now."),
        )

    def add_service_account(self, account: User) -> None:
        listed = {"gsi3pk": self._item_keys.service_accounts(), "gsi3sk": account.id}
        taken = ChangedMeanwhile("Try again.")
        self._writes.put(self._identity_keys.user(account.id), {**user_item(account), **listed}, error_if_exists=taken)

    def retire_service_account(self, account: User, at: datetime) -> None:
        self._writes.update(
            self._identity_keys.user(account.id),
            values={"status": UserStatus.DISABLED.value, **ended_at(at)},
            add=ALL_ENDS,
            equals={"kind": UserKind.SERVICE.value},
            error=ServiceAccountNotFound("Look at the list of service accounts."),
        )


def _key_item(key: ApiKey) -> Item:
    expires = int((key.expires_at + _KEPT_AFTER_EXPIRY).timestamp())
    unset = () if key.key_ends else ("key_ends",)
    return to_item(key, without=unset, used_at=key.used_at or "", revoked_at=key.revoked_at or "", expires=expires)


def _key(item: Item) -> ApiKey:
    return from_item(
        ApiKey, item, newer=("key_ends",), used_at=item["used_at"] or None, revoked_at=item["revoked_at"] or None
    )
