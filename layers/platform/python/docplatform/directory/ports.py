"""What the use cases around users and groups need from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.core.audit import AuditRecord, MembersRecord, TakenBack
from docplatform.core.idempotency import IdempotencyStore, IdempotencyWrites
from docplatform.directory.entry import DirectoryEntry
from docplatform.directory.group import Group
from docplatform.identity.model import User


class DirectoryChanges(Protocol):
    def add(self, entry: DirectoryEntry, *, most: int) -> None:
        """Raises EmailTaken, UserNameTaken, QuotaExceeded when committed."""

    def change(self, before: DirectoryEntry, after: DirectoryEntry) -> None:
        """Raises EmailTaken, UserNameTaken, PreconditionFailed when committed."""

    def remove(self, entry: DirectoryEntry) -> None:
        """But for the id, which stands on what they did and own. Raises PreconditionFailed when committed."""

    def keep_admin(self, user_id: str) -> None:
        """Somebody else stays admin. Raises LastAdmin when committed and they do not."""

    def record(self, record: AuditRecord) -> None: ...


class DirectoryReads(Protocol):
    """The users and groups of one tenant, to be looked at."""

    def entry(self, user_id: str) -> DirectoryEntry | None: ...

    def entries(self, user_ids: Iterable[str]) -> dict[str, DirectoryEntry]: ...

    def user_ids(self) -> Iterator[str]:
        """In order of creation; one query for some thousands."""

    def user_id_of(self, user_name: str) -> str:
        """The id of the user of that name or address; ''."""

    def group_ids(self) -> Iterator[str]: ...

    def groups_of(self, group_ids: Iterable[str]) -> dict[str, Group]: ...

    def members(self, group_ids: Iterable[str]) -> dict[str, list[str]]:
        """Ids, in order. One query for a thousand members of groups that follow one another."""

    def record(self, record: AuditRecord) -> None: ...


class Directory(DirectoryReads, Protocol):
    """The users and groups of one tenant, to be changed as well."""

    def set_members(self, group: Group, add: set[str], remove: set[str], record: MembersRecord) -> None:
        """Raises TooManyGroups, QuotaExceeded, ChangedMeanwhile, AlreadyDone (is in it), UserNotFound (is not in it)."""

    def remove_access(self, entry: DirectoryEntry, left: Callable[[str], AuditRecord], taken_back: TakenBack) -> None:
        """End all sessions, and take back the membership of groups and every grant; may be repeated."""

    def end_sessions(self, user_id: str) -> None: ...

    def begin(self) -> AbstractContextManager[DirectoryChanges]: ...


class GroupChanges(IdempotencyWrites, Protocol):
    def add_group(self, group: Group) -> None:
        """Raises GroupNameTaken when committed."""

    def change_group(self, before: Group, after: Group) -> None:
        """Raises GroupNameTaken, PreconditionFailed when committed."""

    def remove_group(self, group: Group) -> None:
        """An empty one, with nothing granted to it. Raises ChangedMeanwhile when committed."""

    def add_members(self, group: Group, user_ids: list[str]) -> None:
        """At most 45. Raises GroupNotFound, AlreadyDone (is in it), TooManyGroups, QuotaExceeded when committed."""

    def remove_members(self, group: Group, user_ids: list[str]) -> None:
        """At most 45. Raises UserNotFound (is not in it) when committed."""

    def record(self, record: AuditRecord) -> None: ...


class Groups(Protocol):
    """The groups of one tenant."""

    def group(self, group_id: str) -> Group:
        """Raises GroupNotFound."""

    def groups(self, *, limit: int, cursor: str) -> tuple[tuple[Group, ...], str]:
        """In order of creation. Raises InvalidCursor."""

    def members(self, group_id: str, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """In order of id. Raises InvalidCursor."""

    def check_users(self, user_ids: Iterable[str]) -> None:
        """One call for a hundred. Raises UserNotFound."""

    def empty(self, group: Group, emptied: MembersRecord, taken_back: TakenBack) -> None:
        """Take everybody out, and take back everything that is granted to it; may be repeated."""

    def memory(self, user_id: str, at: datetime) -> IdempotencyStore: ...

    def begin(self) -> AbstractContextManager[GroupChanges]: ...

    def record(self, record: AuditRecord) -> None: ...
