"""Use cases of groups for a provisioning system (SCIM 2.0), which changes a group and its members together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from docplatform.core.actor import Actor
from docplatform.core.audit import Action, record_of
from docplatform.core.errors import (
    AlreadyDone,
    ChangedMeanwhile,
    GroupNotFound,
    InvalidName,
    PreconditionFailed,
    QuotaExceeded,
    raised_by,
    raises,
)
from docplatform.directory.errors import GroupNameTaken, TooManyGroups
from docplatform.directory.group import Group, GroupAttributes, GroupWithMembers
from docplatform.directory.groups import GroupService, check_revision, members_record
from docplatform.directory.ports import Directory, Groups
from docplatform.identity.errors import UserNotFound


class GroupProvisioning:
    def __init__(self, actor: Actor, groups: Groups, directory: Directory, now: Callable[[], datetime]) -> None:
        self._actor, self._groups, self._directory, self._now = actor, groups, directory, now
        self._service = GroupService(actor, groups, now)

    @raises(*raised_by(GroupService.read))
    def read(self, group_id: str, *, with_members: bool = True) -> GroupWithMembers:
        group = self._service.read(group_id)
        return self._with_members(group) if with_members else GroupWithMembers(group, ())

    @raises(InvalidName, GroupNameTaken, UserNotFound, TooManyGroups, QuotaExceeded)
    def create(self, attributes: GroupAttributes) -> GroupWithMembers:
        self._groups.check_users(attributes.members)
        group = self._service.create(attributes.name, external_id=attributes.external_id)
        return self._set_members(GroupWithMembers(group, ()), attributes.members)

    @raises(
        GroupNotFound,
        *raised_by(GroupService.change),
        UserNotFound,
        TooManyGroups,
        QuotaExceeded,
        ChangedMeanwhile,
    )
    def change(
        self, group_id: str, revise: Callable[[GroupWithMembers], GroupAttributes], *, if_revision: int | None = None
    ) -> GroupWithMembers:
        """Gives the group the attributes that ``revise`` returns. A change without effect is recorded as a read.
        ChangedMeanwhile: the same members were changed at the same time."""
        group = self._groups.group(group_id)
        check_revision(group, if_revision)
        before = self._with_members(group)
        attributes = revise(before)
        self._groups.check_users(attributes.members - set(before.members))
        renamed = (attributes.name, attributes.external_id) != (group.name, group.external_id)
        if renamed:
            group = self._service.change(group, attributes.name, attributes.external_id)
        elif attributes.members == set(before.members):
            self._groups.record(record_of(self._actor, Action.GROUP_READ, group.id, self._now()))
        return self._set_members(GroupWithMembers(group, before.members), attributes.members)

    @raises(GroupNotFound, PreconditionFailed, *raised_by(GroupService.remove))
    def delete(self, group_id: str, *, if_revision: int | None = None) -> None:
        group = self._groups.group(group_id)
        check_revision(group, if_revision)
        self._service.remove(group)

    def _set_members(self, before: GroupWithMembers, wanted: frozenset[str]) -> GroupWithMembers:
        """Adds and removes the members by which ``wanted`` differs from ``before``. Other changes of the members that
        were made in the meantime are kept."""
        group, present = before.group, set(before.members)
        if wanted == present:
            return before
        record = members_record(self._actor, group, self._now)
        try:
            self._directory.set_members(group, set(wanted - present), present - wanted, record)
        except TooManyGroups:
            self._groups.check_users(
                wanted - present
            )  # the database gives the same answer for a user who was just removed
            raise
        except (AlreadyDone, UserNotFound) as error:
            raise ChangedMeanwhile("Somebody else has changed its members; try again.") from error
        return self._with_members(self._groups.group(group.id))

    def _with_members(self, group: Group) -> GroupWithMembers:
        """The group with its members. They are read after the group, so they are never older than its revision. A group
        without members needs no query."""
        members = self._directory.members([group.id])[group.id] if group.members else []
        return GroupWithMembers(group, tuple(members))
