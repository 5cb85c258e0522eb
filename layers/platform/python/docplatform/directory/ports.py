"""Ports of the directory: what its use cases need from the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.core.audit import AuditRecord, MembersRecord, RevocationRecord
from docplatform.core.idempotency import IdempotencyStore, IdempotencyWrites
from docplatform.directory.entry import DirectoryEntry
from docplatform.directory.group import Group
from docplatform.identity.model import User


class DirectoryChanges(Protocol):
    """One transaction on users. An error of a failed condition is raised at the commit."""

    def add(self, entry: DirectoryEntry, *, most: int) -> None:
        """Adds a user; ``most`` is the plan's limit. Raises EmailTaken, UserNameTaken, QuotaExceeded."""

    def change(self, before: DirectoryEntry, after: DirectoryEntry) -> None:
        """Raises EmailTaken, UserNameTaken, PreconditionFailed."""

    def remove(self, entry: DirectoryEntry, granted: int | None) -> None:
        """Removes all data of a user but the id, which audit records and owned documents refer to. ``granted``: what
        ``remove_access`` returned. Raises PreconditionFailed, ChangedMeanwhile."""

    def keep_admin(self, user_id: str) -> None:
        """Requires that this other user is still an active admin. Raises LastAdmin."""

    def keep_maker(self, user_id: str) -> None:
        """Requires that the maker of the request's API key is still an active admin. Raises Forbidden."""

    def record(self, record: AuditRecord) -> None: ...


class DirectoryReads(Protocol):
    """Reads of one tenant's users and groups."""

    def entry(self, user_id: str) -> DirectoryEntry | None: ...

    def entries(self, user_ids: Iterable[str]) -> dict[str, DirectoryEntry]: ...

    def user_ids(self) -> Iterator[str]:
        """The ids of all users, in order of creation. One query per 1,000 users."""

    def user_id_of(self, user_name: str) -> str:
        """The id of the user with this user name or e-mail address; '' if there is none."""

    def group_ids(self) -> Iterator[str]:
        """The ids of all groups, in order of creation. One query per 1,000 groups."""

    def groups_of(self, group_ids: Iterable[str]) -> dict[str, Group]: ...

    def members(self, group_ids: Iterable[str]) -> dict[str, list[str]]:
        """By group id: the ids of the members, in order. One query reads up to 1,000 members of neighbouring groups."""

    def record(self, record: AuditRecord) -> None: ...


class Directory(DirectoryReads, Protocol):
    """Reads and changes of one tenant's users and groups."""

    def key_maker(self, key_id: str) -> str:
        """The id of the user who made this API key; '' if there is no such key."""

    def set_members(self, group: Group, add: set[str], remove: set[str], record: MembersRecord) -> None:
        """Adds and removes members. Raises GroupNotFound, TooManyGroups, QuotaExceeded, ChangedMeanwhile, AlreadyDone
        if a user to add is a member, and UserNotFound if a user to remove is none."""

    def remove_access(
        self, entry: DirectoryEntry, left: Callable[[str], AuditRecord], taken_back: RevocationRecord
    ) -> int | None:
        """Ends all sessions of a user, and removes all group memberships and grants. Safe to repeat. ``left`` and
        ``taken_back`` make the audit records. Returns the stored count of grants, for ``remove``. Raises
        ChangedMeanwhile, UserNotFound, GroupNotFound."""

    def end_sessions(self, user_id: str) -> None: ...

    def begin(self) -> AbstractContextManager[DirectoryChanges]: ...


class GroupChanges(IdempotencyWrites, Protocol):
    """One transaction on groups. An error of a failed condition is raised at the commit."""

    def add_group(self, group: Group) -> None:
        """Raises GroupNameTaken."""

    def change_group(self, before: Group, after: Group) -> None:
        """Raises GroupNameTaken, PreconditionFailed."""

    def remove_group(self, group: Group, granted: int | None) -> None:
        """Removes a group without members and grants. ``granted``: what ``empty`` returned. Raises ChangedMeanwhile."""

    def add_members(self, group: Group, user_ids: list[str]) -> None:
        """Adds at most 45 members. Raises TooManyGroups, QuotaExceeded, and AlreadyDone if a user is a member."""

    def remove_members(self, group: Group, user_ids: list[str]) -> None:
        """Removes at most 45 members. Raises GroupNotFound, ChangedMeanwhile, and UserNotFound if one is no member."""

    def record(self, record: AuditRecord) -> None: ...


class Groups(Protocol):
    """The groups of one tenant."""

    def group(self, group_id: str) -> Group:
        """Raises GroupNotFound."""

    def groups(self, *, limit: int, cursor: str) -> tuple[tuple[Group, ...], str]:
        """A page of groups in order of creation, and the next cursor. Raises InvalidCursor."""

    def members(self, group_id: str, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """A page of members in order of id, and the next cursor. Raises InvalidCursor."""

    def check_users(self, user_ids: Iterable[str]) -> None:
        """Raises UserNotFound if one of the users does not exist. One call per 100 users."""

    def empty(self, group: Group, emptied: MembersRecord, taken_back: RevocationRecord) -> int | None:
        """Removes all members and all grants of a group. Safe to repeat. ``emptied`` and ``taken_back`` make the audit
        records. Returns the stored count of grants, for ``remove_group``. Raises ChangedMeanwhile, UserNotFound."""

    def idempotency(self, user_id: str, at: datetime) -> IdempotencyStore: ...

    def begin(self) -> AbstractContextManager[GroupChanges]: ...

    def record(self, record: AuditRecord) -> None: ...
