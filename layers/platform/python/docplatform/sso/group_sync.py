"""Group sync: at each sign-in, users join and leave the groups that have the same names as their groups at the
provider."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from typing import Protocol

from docplatform.core.audit import Action, AuditFacts, AuditRecord, AuditSubject, record_of
from docplatform.core.errors import AlreadyDone, ChangedMeanwhile, GroupNotFound, QuotaExceeded
from docplatform.directory.errors import TooManyGroups
from docplatform.directory.group import Group
from docplatform.identity.errors import UserNotFound
from docplatform.sso.model import MOST_GROUPS, ExternalIdentity

_IGNORED = (AlreadyDone, ChangedMeanwhile, GroupNotFound, QuotaExceeded, TooManyGroups, UserNotFound)
"""None of these errors stops the sign-in. The next sign-in tries again."""


class GroupSyncChanges(Protocol):
    def add_members(self, group: Group, user_ids: list[str]) -> None:
        """Raises GroupNotFound, AlreadyDone (a user is a member already), TooManyGroups, QuotaExceeded when
        committed."""

    def remove_members(self, group: Group, user_ids: list[str]) -> None:
        """Raises UserNotFound (a user is no member), GroupNotFound when committed."""

    def keep_joined(self, identity: ExternalIdentity, group_ids: frozenset[str]) -> None:
        """Store the groups that the subject has joined by sign-ins. Raises ChangedMeanwhile when committed if the
        subject is not linked."""

    def record(self, record: AuditRecord) -> None: ...


class SsoGroups(Protocol):
    def named(self, names: tuple[str, ...]) -> dict[str, Group]:
        """The groups with these names, by id. Names without a group are left out."""

    def known(self, group_ids: frozenset[str]) -> dict[str, Group]: ...

    def joined(self, identity: ExternalIdentity) -> frozenset[str]:
        """The ids of the groups that the subject joined at earlier sign-ins."""

    def groups_of(self, user_id: str) -> frozenset[str]:
        """The ids of all groups that the user is a member of."""

    def begin(self) -> AbstractContextManager[GroupSyncChanges]: ...


class GroupSync:
    def __init__(self, groups: SsoGroups, now: Callable[[], datetime]) -> None:
        self._groups, self._now = groups, now

    def sync(self, by: AuditSubject, identity: ExternalIdentity) -> None:
        """Add the user to the groups that the provider names, and remove the user from those that it named before and
        no longer names. No group is created. A membership that somebody gave the user here stays. Nothing changes if
        the provider does not say the groups."""
        if identity.groups is None:
            return
        wanted = self._groups.named(identity.groups[:MOST_GROUPS]) if identity.groups else {}
        joined = self._groups.joined(identity)
        if not wanted and not joined:
            return
        here = self._groups.groups_of(by.user_id)
        for group_id, group in wanted.items():
            if group_id not in here:
                joined = self._move(by, identity, joined, joined | {group_id}, group)
        gone = joined - wanted.keys()
        found = self._groups.known(gone & here) if gone else {}
        for group_id in gone:
            joined = self._move(by, identity, joined, joined - {group_id}, found.get(group_id))

    def _move(
        self,
        by: AuditSubject,
        identity: ExternalIdentity,
        before: frozenset[str],
        after: frozenset[str],
        group: Group | None,
    ) -> frozenset[str]:
        """Join or leave one group. ``group`` is None if there is no membership to end. Returns the joined groups as
        they are stored then."""
        joins, facts = len(after) > len(before), AuditFacts({"user": by.user_id})
        action = Action.MEMBER_ADDED if joins else Action.MEMBER_REMOVED
        with suppress(*_IGNORED):
            with self._groups.begin() as changes:
                if group:
                    (changes.add_members if joins else changes.remove_members)(group, [by.user_id])
                    changes.record(record_of(by, action, group.id, self._now(), facts))
                changes.keep_joined(identity, after)
            return after
        return before
