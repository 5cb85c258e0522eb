"""Groups of one tenant in DynamoDB.

A membership is stored twice, in one transaction: as an item, which lists the members of a group, and as an attribute of
the user's profile, so that one read returns all groups of a user.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from docplatform.core import cursors, ids
from docplatform.core.audit import MembersRecord, RevocationRecord
from docplatform.core.errors import (
    AlreadyDone,
    ChangedMeanwhile,
    DomainError,
    InvalidCursor,
    PreconditionFailed,
    QuotaExceeded,
)
from docplatform.core.time import rfc3339
from docplatform.directory.adapters.keys import DirectoryKeys
from docplatform.directory.errors import GroupNameTaken, TooManyGroups
from docplatform.directory.group import MOST_MEMBERS, MOST_OF_ONE, Group
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.adapters.membership import in_group, no_group
from docplatform.identity.adapters.user_store import user_from
from docplatform.identity.errors import UserNotFound
from docplatform.identity.model import User
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.mapper import from_item, readable, to_item
from docplatform.infra.dynamodb.store import TenantChanges, TenantStore
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.library.access import group_principal
from docplatform.library.adapters.grants import forget_granted, take_back_everything
from docplatform.library.adapters.keys import LibraryKeys

_CHUNK = 45  # members per transaction of 100 writes; each takes two


class DynamoGroups(TenantStore):
    def __init__(self, table: TenantTable) -> None:
        super().__init__(table)
        self._item_keys = DirectoryKeys(table.keys.tenant_id)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)

    def group(self, group_id: str) -> Group:
        item = self._table.get(self._identity_keys.group(group_id)) if ids.is_a(ids.GROUP, group_id) else None
        if item is None:
            raise no_group()
        return from_item(Group, item)

    def groups(self, *, limit: int, cursor: str) -> tuple[tuple[Group, ...], str]:
        after = None
        if cursor:
            last = cursors.decode(cursor).get("id", "")
            if not ids.is_a(ids.GROUP, last):
                raise _bad_cursor()
            after = {**self._identity_keys.group(last)._asdict(), "gsi3pk": self._item_keys.groups(), "gsi3sk": last}
        rows, end = self._table.query(self._item_keys.groups(), index="gsi3", after=after, limit=limit)
        keys = [Key(row["pk"], row["sk"]) for row in rows]
        found = self._table.get_many(keys)
        shown = tuple(readable(partial(from_item, Group), (found[key] for key in keys if key in found)))
        return shown, cursors.encode({"id": end["gsi3sk"]}) if end else ""

    def members(self, group_id: str, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        after = None
        if cursor:
            last = cursors.decode(cursor).get("id", "")
            if not ids.is_a(ids.USER, last):
                raise _bad_cursor()
            after = self._item_keys.member(group_id, last)._asdict()
        rows, end = self._table.query(self._item_keys.members(), prefix=f"{group_id}#", after=after, limit=limit)
        keys = [self._identity_keys.user(_user_of(row)) for row in rows]
        found = self._table.get_many(keys)
        shown = tuple(readable(user_from, (found[key] for key in keys if key in found)))
        return shown, cursors.encode({"id": _user_of(end)}) if end else ""

    def check_users(self, user_ids: Iterable[str]) -> None:
        wanted = set(user_ids)
        found = self._table.get_many(self._identity_keys.user(each) for each in wanted if ids.is_a(ids.USER, each))
        if len([each for each in found.values() if not each.get("removed")]) < len(wanted):
            raise UserNotFound("Look at the list of users.")

    def empty(self, group: Group, emptied: MembersRecord, taken_back: RevocationRecord) -> int | None:
        while True:
            rows, _ = self._table.query(self._item_keys.members(), prefix=f"{group.id}#", limit=_CHUNK)
            if not rows:
                break
            leaving = [_user_of(row) for row in rows]
            with self.begin() as changes:
                changes.remove_members(group, leaving)
                changes.record(emptied([], leaving))
        return take_back_everything(self._table, group_principal(group.id), taken_back)

    @contextmanager
    def begin(self) -> Iterator[DynamoGroupChanges]:
        with self._table.begin() as transaction:
            yield DynamoGroupChanges(self._table, transaction)


class DynamoGroupChanges(TenantChanges):
    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        super().__init__(table, transaction)
        self._directory_keys = DirectoryKeys(table.keys.tenant_id)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)
        self._library_keys = LibraryKeys(table.keys.tenant_id)

    def add_group(self, group: Group) -> None:
        listed = {"gsi3pk": self._directory_keys.groups(), "gsi3sk": group.id}
        self._writes.put(
            self._identity_keys.group(group.id), {**to_item(group), **listed}, error_if_exists=_meanwhile()
        )
        self._reserve_name(group)

    def change_group(self, before: Group, after: Group) -> None:
        self._writes.update(
            self._identity_keys.group(after.id),
            values={
                "name": after.name,
                "external_id": after.external_id,
                "updated_at": rfc3339(after.updated_at),
                "revision": after.revision,
            },
            equals={"revision": before.revision},
            error=PreconditionFailed("Read it again: somebody else has changed it."),
        )
        held = self._name_key(before)
        if held != self._directory_keys.group_name(after.name):
            self._reserve_name(after, held)
            self._writes.delete(held)

    def remove_group(self, group: Group, granted: int | None) -> None:
        self._writes.delete(self._identity_keys.group(group.id), equals={"members": 0}, error=_meanwhile())
        self._writes.delete(self._name_key(group))
        forget_granted(self._writes, self._library_keys, group_principal(group.id), granted)

    def add_members(self, group: Group, user_ids: list[str]) -> None:
        """Adds at most 45 members."""
        for user_id in user_ids:
            self._writes.put(
                self._directory_keys.member(group.id, user_id), {}, error_if_exists=AlreadyDone("They are in it.")
            )
            self._writes.update(
                self._identity_keys.user(user_id),
                values={in_group(group.id): True},
                add={"groups": 1},
                equals={"removed": None},
                at_most={"groups": MOST_OF_ONE - 1},
                error=TooManyGroups(f"One is in {MOST_OF_ONE} groups at most."),
            )
        full = QuotaExceeded(f"A group has {MOST_MEMBERS} members at most.")
        self._count(group, len(user_ids), full, most=MOST_MEMBERS)

    def remove_members(self, group: Group, user_ids: list[str]) -> None:
        """Removes at most 45 members. Raises UserNotFound for ids of another form; the commit raises it if a user is no
        member."""
        absent = UserNotFound("They are not in the group.")
        if not all(ids.is_a(ids.USER, each) for each in user_ids):
            raise absent
        for user_id in user_ids:
            self._writes.delete(self._directory_keys.member(group.id, user_id), error=absent)
            leaves, profile = (in_group(group.id),), self._identity_keys.user(user_id)
            self._writes.update(profile, add={"groups": -1}, remove=leaves, error=_meanwhile())
        self._count(group, -len(user_ids), no_group())

    def _reserve_name(self, group: Group, held: Key | None = None) -> None:
        """``held``: the key that the same transaction deletes."""
        taken = GroupNameTaken(f"Choose another name: there is a group '{group.name}'.")
        key, former = self._directory_keys.group_name(group.name), self._directory_keys.former_group_name(group.name)
        self._writes.put(key, {"group": group.id}, error_if_exists=taken)
        if former not in (key, held):
            self._writes.check(former, equals={"group": None}, error=taken, must_exist=False)

    def _name_key(self, group: Group) -> Key:
        """The item that reserves the group's name. It has the form of an earlier version if the group has its name from
        then: for a name with invisible characters, 1 batch finds out."""
        key, former = self._directory_keys.group_name(group.name), self._directory_keys.former_group_name(group.name)
        if former == key:
            return key
        found = self._table.get_many([key, former])
        return key if found.get(key, {}).get("group") == group.id else former

    def _count(self, group: Group, by: int, error: DomainError, *, most: int = 0) -> None:
        at_most = {"members": most - by} if most else None
        add = {"members": by, "revision": 1}
        self._writes.update(self._identity_keys.group(group.id), add=add, at_most=at_most, error=error)


def _user_of(member: Item) -> str:
    return str(member["sk"].partition("#")[2])


def _meanwhile() -> ChangedMeanwhile:
    return ChangedMeanwhile("Somebody else has changed it; try again.")


def _bad_cursor() -> InvalidCursor:
    return InvalidCursor("Use next_cursor of an earlier page of the same list.")
