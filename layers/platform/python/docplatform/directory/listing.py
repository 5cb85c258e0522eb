"""Lists of users and groups for a provisioning system: with filters, in pages, and with audit records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Generic, TypeVar

from docplatform.core.actor import Actor
from docplatform.core.audit import Action, record_of
from docplatform.core.errors import raises
from docplatform.directory.entry import DirectoryEntry, UserWithGroups
from docplatform.directory.group import Group, GroupWithMembers
from docplatform.directory.ports import DirectoryReads

T = TypeVar("T")

_BATCH = 50  # users per batch read of 100 items; each user has two


@dataclass(frozen=True, slots=True)
class DirectoryPage(Generic[T]):
    """A page of a list. ``total`` is the number of entries of the whole list."""

    items: tuple[T, ...]
    total: int


def entry_batches(directory: DirectoryReads, user_ids: Iterable[str]) -> Iterator[list[DirectoryEntry]]:
    """The entries of these users, in the same order, in batches. Each batch is read only when the caller takes it."""
    ids = iter(user_ids)
    while batch := list(islice(ids, _BATCH)):
        yield list(directory.entries(batch).values())


def with_groups(directory: DirectoryReads, entries: Iterable[DirectoryEntry]) -> list[UserWithGroups]:
    """The users with their groups. All groups are read together."""
    found = list(entries)
    groups = directory.groups_of({group for entry in found for group in entry.groups})
    return [_user_with(entry, groups) for entry in found]


class DirectoryListing:
    """Lists for one actor. ``start`` is the first entry, counted from 1; ``count`` is the largest number of entries;
    ``matches`` selects the entries of the list (None: all)."""

    def __init__(self, actor: Actor, directory: DirectoryReads, now: Callable[[], datetime]) -> None:
        self._actor, self._directory, self._now = actor, directory, now

    @raises()
    def users(
        self,
        start: int,
        count: int,
        matches: Callable[[UserWithGroups], bool] | None = None,
        *,
        user_name: str | None = None,
    ) -> DirectoryPage[UserWithGroups]:
        """Users in order of creation. If ``matches`` accepts one user name only, the caller gives it as ``user_name``;
        then no other user is read."""
        page = self._users(start, count, matches, user_name)
        self._record(Action.USERS_LISTED, "users", len(page.items))
        return page

    @raises()
    def groups(
        self,
        start: int,
        count: int,
        matches: Callable[[GroupWithMembers], bool] | None = None,
        *,
        match_members: bool = True,
        show_members: bool = True,
    ) -> DirectoryPage[GroupWithMembers]:
        """Groups in order of creation. Members are read only for ``matches`` (``match_members``) and for the page
        (``show_members``)."""
        page = self._groups(start, count, matches, match_members, show_members)
        self._record(Action.GROUPS_LISTED, "groups", len(page.items))
        return page

    @raises()
    def users_and_groups(
        self, start: int, count: int, matches: Callable[[UserWithGroups | GroupWithMembers], bool] | None = None
    ) -> DirectoryPage[UserWithGroups | GroupWithMembers]:
        """All users in order of creation, then all groups."""
        users = self._users(start, count, matches, None)
        groups = self._groups(max(1, start - users.total), count - len(users.items), matches, True, True)
        shown: tuple[UserWithGroups | GroupWithMembers, ...] = (*users.items, *groups.items)
        self._record(Action.USERS_LISTED, "users", len(shown))
        return DirectoryPage(shown, users.total + groups.total)

    def _users(
        self, start: int, count: int, matches: Callable[[UserWithGroups], bool] | None, user_name: str | None
    ) -> DirectoryPage[UserWithGroups]:
        if matches is None:
            ids, total = _window(self._directory.user_ids(), start, count)
            return DirectoryPage(tuple(with_groups(self._directory, self._directory.entries(ids).values())), total)
        shown, total = _window(filter(matches, self._candidates(user_name)), start, count)
        return DirectoryPage(tuple(shown), total)

    def _candidates(self, user_name: str | None) -> Iterator[UserWithGroups]:
        """The users that the filter may accept. Each group is read once, with the first batch that has one of its
        members."""
        if user_name is None:
            ids: Iterable[str] = self._directory.user_ids()
        else:
            ids = filter(None, [self._directory.user_id_of(user_name)])
        known: dict[str, Group] = {}
        for batch in entry_batches(self._directory, ids):
            known |= self._directory.groups_of({group for entry in batch for group in entry.groups} - known.keys())
            yield from (_user_with(entry, known) for entry in batch)

    def _groups(
        self,
        start: int,
        count: int,
        matches: Callable[[GroupWithMembers], bool] | None,
        match_members: bool,
        show_members: bool,
    ) -> DirectoryPage[GroupWithMembers]:
        if matches is None:
            ids, total = _window(self._directory.group_ids(), start, count)
            return DirectoryPage(self._with_members(self._read(ids), show_members), total)
        known = self._with_members(self._read(list(self._directory.group_ids())), match_members)
        shown, total = _window(filter(matches, known), start, count)
        if show_members and not match_members:
            return DirectoryPage(self._with_members([each.group for each in shown], True), total)
        return DirectoryPage(tuple(shown), total)

    def _read(self, group_ids: list[str]) -> list[Group]:
        """The groups in the order of ``group_ids``. A batch read returns them in any order."""
        found = self._directory.groups_of(group_ids)
        return [found[each] for each in group_ids if each in found]

    def _with_members(self, groups: list[Group], wanted: bool) -> tuple[GroupWithMembers, ...]:
        """The groups with their members, if ``wanted``. Groups without members need no query."""
        members = self._directory.members(each.id for each in groups if each.members) if wanted else {}
        return tuple(GroupWithMembers(each, tuple(members.get(each.id, ()))) for each in groups)

    def _record(self, action: Action, target: str, shown: int) -> None:
        self._directory.record(record_of(self._actor, action, target, self._now(), {"shown": shown}))


def _user_with(entry: DirectoryEntry, groups: dict[str, Group]) -> UserWithGroups:
    return UserWithGroups(entry, tuple(groups[each] for each in sorted(entry.groups) if each in groups))


def _window(found: Iterable[T], start: int, count: int) -> tuple[list[T], int]:
    """At most ``count`` entries from ``start`` on, and the number of all entries."""
    shown, total = [], 0
    for total, each in enumerate(found, 1):
        if start <= total < start + count:
            shown.append(each)
    return shown, total
