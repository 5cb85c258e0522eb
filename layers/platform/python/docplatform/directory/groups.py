"""Use cases of groups and their members."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from docplatform.core import ids
from docplatform.core.actor import Actor
from docplatform.core.audit import Action, AuditFacts, AuditRecord, MembersRecord, record_of
from docplatform.core.errors import (
    AlreadyDone,
    ChangedMeanwhile,
    GroupNotFound,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidName,
    PreconditionFailed,
    QuotaExceeded,
    raised_by,
    raises,
)
from docplatform.core.idempotency import digest, idempotent
from docplatform.directory.errors import GroupNameTaken, TooManyGroups
from docplatform.directory.group import Group
from docplatform.directory.ports import Groups
from docplatform.identity.errors import UserNotFound
from docplatform.identity.model import User, clean_display_name

_TRIES = 3  # to remove a group to which others grant something at the same time


class GroupService:
    def __init__(self, actor: Actor, groups: Groups, now: Callable[[], datetime]) -> None:
        self._actor, self._groups, self._now = actor, groups, now

    @raises(InvalidName, GroupNameTaken, IdempotencyKeyReused, GroupNotFound)
    def create(self, name: str, *, external_id: str = "", idempotency_key: str = "") -> Group:
        at, name = self._now(), clean_display_name(name)
        request = digest(operation="create-group", name=name, external_id=external_id)

        def make() -> Group:
            group = Group(ids.new(ids.GROUP, at), name, external_id, 0, at, at, 1)
            with self._groups.begin() as changes:
                if idempotency_key:
                    changes.record_key(self._actor.user_id, idempotency_key, request, group.id, at)
                changes.add_group(group)
                changes.record(record_of(self._actor, Action.GROUP_CREATED, group.id, at))
            return group

        memory = self._groups.idempotency(self._actor.user_id, at)
        return idempotent(memory, idempotency_key, request, make, self.read)

    @raises(GroupNotFound)
    def read(self, group_id: str) -> Group:
        group = self._groups.group(group_id)
        self._groups.record(record_of(self._actor, Action.GROUP_READ, group.id, self._now()))
        return group

    @raises(InvalidCursor)
    def list(self, *, limit: int, cursor: str) -> tuple[tuple[Group, ...], str]:
        found = self._groups.groups(limit=limit, cursor=cursor)
        self._groups.record(
            record_of(self._actor, Action.GROUPS_LISTED, "groups", self._now(), {"shown": len(found[0])})
        )
        return found

    @raises(GroupNotFound, InvalidCursor)
    def members(self, group_id: str, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        group = self._groups.group(group_id)
        found = self._groups.members(group.id, limit=limit, cursor=cursor)
        self._groups.record(
            record_of(self._actor, Action.USERS_LISTED, group.id, self._now(), {"shown": len(found[0])})
        )
        return found

    @raises(GroupNotFound, InvalidName, GroupNameTaken, PreconditionFailed)
    def rename(self, group_id: str, name: str, *, if_revision: int | None = None) -> Group:
        group = self._groups.group(group_id)
        check_revision(group, if_revision)
        return self.change(group, name, group.external_id)

    @raises(InvalidName, GroupNameTaken, PreconditionFailed)
    def change(self, before: Group, name: str, external_id: str) -> Group:
        after = replace(
            before,
            name=clean_display_name(name),
            external_id=external_id,
            updated_at=self._now(),
            revision=before.revision + 1,
        )
        with self._groups.begin() as changes:
            changes.change_group(before, after)
            changes.record(record_of(self._actor, Action.GROUP_CHANGED, before.id, after.updated_at))
        return after

    @raises(ChangedMeanwhile)
    def remove(self, group: Group) -> None:
        """Deletes the group and all grants to it. If a removal is interrupted, repeating it finishes it."""

        def taken_back(nodes: list[str]) -> AuditRecord:
            return record_of(self._actor, Action.ACCESS_REVOKED, group.id, self._now(), {"nodes": nodes})

        for tries_left in range(_TRIES - 1, -1, -1):
            try:
                granted = self._groups.empty(group, members_record(self._actor, group, self._now), taken_back)
                with self._groups.begin() as changes:
                    changes.remove_group(group, granted)
                    facts: AuditFacts = {"members": group.members}
                    changes.record(record_of(self._actor, Action.GROUP_DELETED, group.id, self._now(), facts))
                return
            except ChangedMeanwhile:  # somebody has granted something to the group, or put somebody into it
                if not tries_left:
                    raise

    @raises(GroupNotFound, *raised_by(remove))
    def delete(self, group_id: str) -> None:
        self.remove(self._groups.group(group_id))

    @raises(GroupNotFound, UserNotFound, TooManyGroups, QuotaExceeded)
    def add_member(self, group_id: str, user_id: str) -> None:
        """Adds a member. A user who is a member stays one."""
        group = self._groups.group(group_id)
        self._groups.check_users([user_id])
        try:
            with suppress(AlreadyDone), self._groups.begin() as changes:
                changes.add_members(group, [user_id])
                changes.record(record_of(self._actor, Action.MEMBER_ADDED, group.id, self._now(), {"user": user_id}))
        except TooManyGroups:
            self._groups.check_users([user_id])  # the database gives the same answer for a user who was just removed
            raise

    @raises(GroupNotFound, UserNotFound)
    def remove_member(self, group_id: str, user_id: str) -> None:
        """Removes a member. UserNotFound: the user is no member."""
        group = self._groups.group(group_id)
        with self._groups.begin() as changes:
            changes.remove_members(group, [user_id])
            changes.record(record_of(self._actor, Action.MEMBER_REMOVED, group.id, self._now(), {"user": user_id}))


def check_revision(group: Group, wanted: int | None) -> None:
    """Raises PreconditionFailed if the group has another revision than ``wanted`` (None: any)."""
    if wanted not in (None, group.revision):
        raise PreconditionFailed("Read the group again and repeat what you wanted.")


def members_record(actor: Actor, group: Group, now: Callable[[], datetime]) -> MembersRecord:
    """Makes the audit record of users who join and leave a group."""

    def record(joined: list[str], left: list[str]) -> AuditRecord:
        facts: AuditFacts = {"joined": joined, "left": left}
        return record_of(actor, Action.GROUP_CHANGED, group.id, now(), facts)

    return record
