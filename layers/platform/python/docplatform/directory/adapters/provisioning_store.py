"""Users and groups of one tenant in DynamoDB, for a provisioning system."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from docplatform.core import ids
from docplatform.core.actor import Role
from docplatform.core.audit import AuditRecord, MembersRecord, RevocationRecord
from docplatform.core.errors import ChangedMeanwhile, PreconditionFailed, QuotaExceeded
from docplatform.core.time import rfc3339
from docplatform.directory.adapters.group_store import DynamoGroups
from docplatform.directory.adapters.keys import DirectoryKeys
from docplatform.directory.entry import DirectoryEntry
from docplatform.directory.errors import UserNameTaken, maker_is_no_admin
from docplatform.directory.group import Group
from docplatform.identity.adapters.credential_store import CredentialWrites
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.adapters.membership import groups_from
from docplatform.identity.adapters.user_store import ALL_ENDS, ended_at, user_from, user_item
from docplatform.identity.errors import EmailTaken
from docplatform.identity.model import UserKind, UserStatus
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.mapper import from_item, to_item
from docplatform.infra.dynamodb.store import TenantStore
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import LARGEST, Transaction
from docplatform.library.access import user_principal
from docplatform.library.adapters.grants import forget_granted, take_back_everything
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.tenancy.adapters.keys import TenancyKeys

_KEYS = 1_000  # ids per query
_MEMBERS = 45  # members per transaction of 100 writes; each takes two


class DynamoDirectory(TenantStore):
    def __init__(self, table: TenantTable) -> None:
        super().__init__(table)
        self._item_keys = DirectoryKeys(table.keys.tenant_id)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)
        self._groups = DynamoGroups(table)

    def entry(self, user_id: str) -> DirectoryEntry | None:
        return self.entries([user_id]).get(user_id)

    def entries(self, user_ids: Iterable[str]) -> dict[str, DirectoryEntry]:
        wanted = [each for each in user_ids if ids.is_a(ids.USER, each)]
        keys = [key for each in wanted for key in (self._identity_keys.user(each), self._item_keys.directory(each))]
        found = self._table.get_many(keys)
        entries = {}
        for each in wanted:
            profile = found.get(self._identity_keys.user(each))
            if profile and _is_here(profile):
                entries[each] = _entry(profile, found.get(self._item_keys.directory(each), {}))
        return entries

    def user_ids(self) -> Iterator[str]:
        return (row["gsi3sk"] for row in self._index(self._identity_keys.users()))

    def user_id_of(self, user_name: str) -> str:
        name, email = self._item_keys.user_name(user_name), self._identity_keys.email(user_name.strip().lower())
        found = self._table.get_many([name, email])
        item = found.get(name) or found.get(email) or {}
        return str(item.get("user_id", ""))

    def key_maker(self, key_id: str) -> str:
        item = self._table.get(self._identity_keys.api_key(key_id)) if ids.is_a(ids.API_KEY, key_id) else None
        return str((item or {}).get("created_by", ""))

    def group_ids(self) -> Iterator[str]:
        return (row["gsi3sk"] for row in self._index(self._item_keys.groups()))

    def groups_of(self, group_ids: Iterable[str]) -> dict[str, Group]:
        keys = [self._identity_keys.group(each) for each in group_ids if ids.is_a(ids.GROUP, each)]
        return {item["id"]: from_item(Group, item) for item in self._table.get_many(keys).values()}

    def members(self, group_ids: Iterable[str]) -> dict[str, list[str]]:
        """Reads memberships from one wanted group to the next. A query also returns the groups between two wanted ones;
        if it ends before the next wanted group, the next query starts at that group."""
        wanted = sorted(set(group_ids))
        found: dict[str, list[str]] = {each: [] for each in wanted}
        last = self._item_keys.member(wanted[-1], "~").sk if wanted else ""
        after: Item | None = None
        place = 0
        while place < len(wanted):
            start = after or self._item_keys.member(wanted[place], "")._asdict()
            rows, after = self._table.query(self._item_keys.members(), upto=last, after=start, limit=_KEYS)
            for row in rows:
                group_id, _, user_id = row["sk"].partition("#")
                if group_id in found:
                    found[group_id].append(user_id)
            if after is None:
                break
            reached = str(after["sk"]).partition("#")[0]
            place = bisect_left(wanted, reached)
            if wanted[place] != reached:
                after = None  # skip the groups that are not wanted
        return found

    def set_members(self, group: Group, add: set[str], remove: set[str], record: MembersRecord) -> None:
        for chunk in _chunks(sorted(remove)):
            with self._groups.begin() as changes:
                changes.remove_members(group, chunk)
                changes.record(record([], chunk))
        for chunk in _chunks(sorted(add)):
            with self._groups.begin() as changes:
                changes.add_members(group, chunk)
                changes.record(record(chunk, []))

    def remove_access(
        self, entry: DirectoryEntry, left: Callable[[str], AuditRecord], taken_back: RevocationRecord
    ) -> int | None:
        user = entry.user.id
        self.end_sessions(user)
        self._forget_devices(user)
        for group in self.groups_of(entry.groups).values():
            with self._groups.begin() as changes:
                changes.remove_members(group, [user])
                changes.record(left(group.id))
        return take_back_everything(self._table, user_principal(user), taken_back)

    def end_sessions(self, user_id: str) -> None:
        while True:
            rows, _ = self._table.query(self._identity_keys.sessions_of(user_id), index="gsi1", limit=LARGEST)
            keys = [Key(row["pk"], row["sk"]) for row in rows]
            there = self._table.get_many(keys)  # the index may still list deleted sessions
            if not there:
                return
            with self._table.begin() as writes:
                for key in there:
                    writes.delete(key)

    def _forget_devices(self, user_id: str) -> None:
        while True:
            place = self._identity_keys.device(user_id, "")
            rows, _ = self._table.query(place.pk, prefix=place.sk, limit=LARGEST)
            if not rows:
                return
            with self._table.begin() as writes:
                for row in rows:
                    writes.delete(Key(row["pk"], row["sk"]))

    @contextmanager
    def begin(self) -> Iterator[DynamoDirectoryChanges]:
        with self._table.begin() as transaction:
            yield DynamoDirectoryChanges(self._table, transaction)

    def _index(self, partition: str) -> Iterator[Item]:
        after = None
        while True:
            rows, after = self._table.query(partition, index="gsi3", after=after, limit=_KEYS)
            yield from rows
            if after is None:
                return


class DynamoDirectoryChanges(CredentialWrites):
    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        super().__init__(table, transaction)
        self._item_keys = DirectoryKeys(table.keys.tenant_id)
        self._tenancy_keys = TenancyKeys(table.keys.tenant_id)
        self._library_keys = LibraryKeys(table.keys.tenant_id)

    def add(self, entry: DirectoryEntry, *, most: int) -> None:
        user = entry.user
        self._reserve_names(entry, email=bool(user.email), name=True)
        listed = {"gsi3pk": self._identity_keys.users(), "gsi3sk": user.id}
        self._writes.put(self._identity_keys.user(user.id), {**user_item(user), **listed}, error_if_exists=_stale())
        self._writes.put(self._item_keys.directory(user.id), _directory_item(entry))
        self._writes.update(
            self._tenancy_keys.usage(),
            add={"users": 1},
            at_most={"users": most - 1},
            error=QuotaExceeded("The plan's number of users is reached; ask for a larger plan."),
            must_exist=False,
        )

    def change(self, before: DirectoryEntry, after: DirectoryEntry) -> None:
        old, new = before.user, after.user
        email_changes = old.email != new.email
        name_changes = before.revision == 0 or self._item_keys.user_name(before.user_name) != self._item_keys.user_name(
            after.user_name
        )
        self._reserve_names(after, before, email=email_changes and bool(new.email), name=name_changes)
        if email_changes and old.email:
            self._writes.delete(self._identity_keys.email(old.email))
        if name_changes and before.revision:
            self._writes.delete(self._item_keys.user_name(before.user_name))
        values = {name: value for name, value in user_item(new).items() if name not in ("id", "created_at")}
        ends = new.status is UserStatus.DISABLED is not old.status
        self._writes.update(
            self._identity_keys.user(new.id),
            values=values | (ended_at(after.updated_at) if ends else {}),
            add=ALL_ENDS if ends else None,
            equals={"status": old.status.value, "role": old.role.value, "revision": before.account_revision or None},
            error=_stale(),
        )
        self._writes.update(
            self._item_keys.directory(new.id),
            values=_directory_item(after),
            equals={"revision": before.revision or None},
            error=_stale(),
            must_exist=before.revision > 0,
        )

    def keep_maker(self, user_id: str) -> None:
        still = {"role": Role.ADMIN.value, "status": UserStatus.ACTIVE.value}
        self._writes.check(self._identity_keys.user(user_id), equals=still, error=maker_is_no_admin())

    def remove(self, entry: DirectoryEntry, granted: int | None) -> None:
        user = entry.user
        tombstone = {"id": user.id, "email": "", "name": "", "role": "viewer", "status": "disabled", "removed": True}
        self._writes.replace(
            self._identity_keys.user(user.id),
            {**tombstone, "created_at": rfc3339(user.created_at)},
            equals={"groups": [0, None]},  # nobody has put the user into a group meanwhile
            error=ChangedMeanwhile("Somebody else has put the user into a group; repeat the call."),
        )
        if user.email:
            self._writes.delete(self._identity_keys.email(user.email))
        self._writes.delete(self._item_keys.user_name(entry.user_name))
        self._writes.delete(self._item_keys.directory(user.id), equals={"revision": entry.revision}, error=_stale())
        forget_granted(self._writes, self._library_keys, user_principal(user.id), granted)
        self.forget_credentials(user.id)
        self._writes.update(self._tenancy_keys.usage(), add={"users": -1})

    def _reserve_names(
        self, entry: DirectoryEntry, before: DirectoryEntry | None = None, *, email: bool, name: bool
    ) -> None:
        whose = {"user_id": entry.user.id}
        self._check_names(entry, before, email=email, name=name)
        if email:
            taken = EmailTaken("Somebody with that address is here.")
            self._writes.put(self._identity_keys.email(entry.user.email), whose, error_if_exists=taken)
        if name:
            name_taken = UserNameTaken("Choose another user name.")
            self._writes.put(self._item_keys.user_name(entry.user_name), whose, error_if_exists=name_taken)

    def _check_names(self, entry: DirectoryEntry, before: DirectoryEntry | None, *, email: bool, name: bool) -> None:
        """No user name is the address of another user: a search for it would find either of them. ``before``: the user
        until now, whose own name and address may be exchanged."""
        own, address = {"user_id": [entry.user.id, None]}, entry.user_name.strip().lower()
        old = before and {self._identity_keys.email(before.user.email), self._item_keys.user_name(before.user_name)}
        as_email, as_name = self._identity_keys.email(address), self._item_keys.user_name(entry.user.email)
        if name and "@" in address and address != entry.user.email and as_email not in (old or ()):
            taken = UserNameTaken("It is the address of somebody else.")
            self._writes.check(as_email, equals=own, error=taken, must_exist=False)
        if email and as_name != self._item_keys.user_name(entry.user_name) and as_name not in (old or ()):
            used = EmailTaken("It is the user name of somebody else.")
            self._writes.check(as_name, equals=own, error=used, must_exist=False)


def _is_here(profile: Item) -> bool:
    return not profile.get("removed") and profile.get("kind", UserKind.PERSON) == UserKind.PERSON


def _entry(profile: Item, more: Item) -> DirectoryEntry:
    user = user_from(profile)
    groups = groups_from(profile)
    elsewhere = int(profile.get("revision", 0))
    if not more:
        return DirectoryEntry(user, user.email, "", "", user.created_at, 0, groups, elsewhere)
    return from_item(DirectoryEntry, more, user=user, groups=groups, account_revision=elsewhere)


def _directory_item(entry: DirectoryEntry) -> Item:
    return to_item(entry, without=("user", "groups", "account_revision"))


def _chunks(members: list[str]) -> Iterator[list[str]]:
    return (members[start : start + _MEMBERS] for start in range(0, len(members), _MEMBERS))


def _stale() -> PreconditionFailed:
    return PreconditionFailed("Read it again: somebody else has changed it.")
