"""Use cases of users for a provisioning system (SCIM 2.0), which needs no invitations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.audit import Action, AuditFacts, AuditRecord, record_of
from docplatform.core.errors import (
    ChangedMeanwhile,
    Forbidden,
    Invalid,
    InvalidName,
    MailNotSent,
    PreconditionFailed,
    QuotaExceeded,
    raised_by,
    raises,
)
from docplatform.directory.entry import DirectoryEntry, UserAttributes, UserWithGroups
from docplatform.directory.errors import UserNameTaken, maker_is_no_admin
from docplatform.directory.listing import entry_batches, with_groups
from docplatform.directory.ports import Directory, DirectoryChanges
from docplatform.identity.errors import EmailTaken, LastAdmin, UserNotFound
from docplatform.identity.last_admin import is_admin, other_admin
from docplatform.identity.model import RECOVERY_WAIT, User, UserStatus
from docplatform.identity.ports import AddressMail

_TRIES = 3  # to remove a user whom others put into groups at the same time


class DirectoryService:
    def __init__(
        self, actor: Actor, directory: Directory, mail: AddressMail, home: str, now: Callable[[], datetime]
    ) -> None:
        """``home``: the tenant's address, for links in mails."""
        self._actor, self._directory, self._now = actor, directory, now
        self._mail, self._home = mail, home

    @raises(UserNotFound)
    def read(self, user_id: str) -> UserWithGroups:
        (user,) = with_groups(self._directory, [self._entry(user_id)])
        return user

    @raises(EmailTaken, UserNameTaken, QuotaExceeded, Forbidden)
    def create(self, attributes: UserAttributes) -> UserWithGroups:
        at = self._now()
        user = User(ids.new(ids.USER, at), attributes.email, attributes.name, attributes.role, _status(attributes), at)
        entry = DirectoryEntry(user, attributes.user_name, attributes.external_id, attributes.kept, at, 1, frozenset())
        maker = self._maker_behind(None, user)
        with self._directory.begin() as changes:
            changes.add(entry, most=self._actor.tenant.limits.users)
            if maker:
                changes.keep_maker(maker)
            facts: AuditFacts = {"role": attributes.role.value, "active": attributes.active}
            changes.record(record_of(self._actor, Action.USER_PROVISIONED, user.id, at, facts))
        return UserWithGroups(entry, ())

    @raises(UserNotFound, Invalid, InvalidName, EmailTaken, UserNameTaken, LastAdmin, PreconditionFailed, Forbidden)
    def change(
        self, user_id: str, revise: Callable[[UserWithGroups], UserAttributes | None], *, if_revision: int | None = None
    ) -> UserWithGroups:
        """Gives the user the attributes that ``revise`` returns; None changes nothing, and is recorded as a
        read. ``revise`` may raise Invalid and InvalidName. All sessions of a user who becomes inactive end."""
        entry = self._entry(user_id)
        _check_revision(entry, if_revision)
        (before,) = with_groups(self._directory, [entry])
        attributes = revise(before)
        if attributes is None:
            self._directory.record(record_of(self._actor, Action.USER_READ, user_id, self._now()))
            return before
        return replace(before, entry=self._change(entry, attributes))

    def _change(self, before: DirectoryEntry, attributes: UserAttributes) -> DirectoryEntry:
        at = self._now()
        status = before.user.status if _same_activity(before.user, attributes) else _status(attributes)
        user = replace(before.user, email=attributes.email, name=attributes.name, role=attributes.role, status=status)
        moved = user.email != before.user.email
        if moved:
            user = replace(user, email_changed_at=at)
        after = replace(
            before,
            user=user,
            user_name=attributes.user_name,
            external_id=attributes.external_id,
            kept=attributes.kept,
            updated_at=at,
            revision=before.revision + 1,
        )
        maker = self._maker_behind(before.user, user)
        with self._directory.begin() as changes:
            held = self._keep_an_admin(changes, before.user, user)
            changes.change(before, after)
            if maker not in ("", held, user.id):  # a transaction checks an item once
                changes.keep_maker(maker)
            facts: AuditFacts = {"role": attributes.role.value, "active": attributes.active}
            more: AuditFacts = {"changed": _changed(before, after), **({"email": "changed"} if moved else {})}
            changes.record(record_of(self._actor, Action.USER_CHANGED, user.id, at, {**facts, **more}))
            if user.role is not before.user.role:
                roles: AuditFacts = {"from": before.user.role.value, "to": user.role.value}
                changes.record(record_of(self._actor, Action.ROLE_CHANGED, user.id, at, roles))
        if user.status is UserStatus.DISABLED:
            self._directory.end_sessions(user.id)
        if moved and before.user.email:
            self._tell_old_address(before.user)
        return after

    @raises(UserNotFound, LastAdmin)
    def remove(self, user_id: str) -> None:
        """Removes the user. Access ends at once; documents and folders of the user stay, with the user's id as owner.
        If a removal is interrupted, repeating it finishes it."""
        self._remove(self._entry(user_id))

    @raises(*raised_by(remove), PreconditionFailed, ChangedMeanwhile)
    def deprovision(self, user_id: str, *, if_revision: int | None = None) -> None:
        """Does the same as ``remove``, if the user still has the revision ``if_revision`` (None: any)."""
        entry = self._entry(user_id)
        _check_revision(entry, if_revision)
        self._remove(entry)

    def _remove(self, entry: DirectoryEntry) -> None:
        user_id = entry.user.id
        if entry.user.status is not UserStatus.DISABLED or not entry.revision:
            # The last step checks this revision, so that a user is removed once. An invited user has none yet.
            user, at = replace(entry.user, status=UserStatus.DISABLED), self._now()
            disabled = replace(entry, user=user, updated_at=at, revision=entry.revision + 1)
            with self._directory.begin() as changes:
                self._keep_an_admin(changes, entry.user, disabled.user)
                changes.change(entry, disabled)
                facts: AuditFacts = {"role": entry.user.role.value, "active": False}
                changes.record(record_of(self._actor, Action.USER_CHANGED, user_id, self._now(), facts))
            entry = disabled
        for tries_left in range(_TRIES - 1, -1, -1):
            try:
                granted = self._remove_access(entry)
                with self._directory.begin() as changes:
                    changes.remove(entry, granted)
                    changes.record(record_of(self._actor, Action.USER_DELETED, user_id, self._now()))
                return
            except ChangedMeanwhile:  # somebody has put the user into a group, or granted something to the user
                if not tries_left:
                    raise
                entry = replace(entry, groups=self._entry(user_id).groups)

    def _entry(self, user_id: str) -> DirectoryEntry:
        entry = self._directory.entry(user_id)
        if entry is None:
            raise UserNotFound("Look at the list of users.")
        return entry

    def _remove_access(self, entry: DirectoryEntry) -> int | None:
        user_id = entry.user.id

        def left(group_id: str) -> AuditRecord:
            return record_of(self._actor, Action.MEMBER_REMOVED, group_id, self._now(), {"user": user_id})

        def taken_back(nodes: list[str]) -> AuditRecord:
            return record_of(self._actor, Action.ACCESS_REVOKED, user_id, self._now(), {"nodes": nodes})

        return self._directory.remove_access(entry, left, taken_back)

    def _tell_old_address(self, user: User) -> None:
        """Tell the address that an account had. A mail that cannot be sent does not undo the change; the audit trail has
        it."""
        hours = int(RECOVERY_WAIT.total_seconds()) // 3600
        try:
            self._mail.address_changed(
                user.email, organisation=self._actor.tenant.name, address=self._home, hours=hours
            )
        except MailNotSent:
            facts: AuditFacts = {"mail": "not sent"}
            self._directory.record(record_of(self._actor, Action.USER_CHANGED, user.id, self._now(), facts))

    def _keep_an_admin(self, changes: DirectoryChanges, before: User, after: User) -> str:
        """Require that another admin remains. Returns the id of the admin; '' if none is needed."""
        if after.role is Role.ADMIN and after.status is not UserStatus.DISABLED:
            return ""
        held = other_admin(before, self._everybody())
        if held:
            changes.keep_admin(held)
        return held

    def _maker_behind(self, before: User | None, after: User) -> str:
        """The maker of the request's API key, if this change gives power over an account of an admin, or over that of
        the maker. The maker must be an active admin when it is stored: otherwise an admin whose access was taken away
        comes back by a key that stays. '' for any other change, and for a request without a key. Raises Forbidden."""
        if self._actor.scopes is None or not _gives_more(before, after):
            return ""
        maker = self._directory.key_maker(self._actor.session_id)
        if Role.ADMIN not in (after.role, before and before.role) and after.id != maker:
            return ""
        if not maker or (before and after.id == maker and not is_admin(before)):
            raise maker_is_no_admin()
        return maker

    def _everybody(self) -> Iterator[User]:
        for batch in entry_batches(self._directory, self._directory.user_ids()):
            yield from (entry.user for entry in batch)


def _gives_more(before: User | None, after: User) -> bool:
    """Whether a change gives an account more than it had: access, a higher role, or another address, which recovers
    it."""
    if before is None:
        return True
    enabled = before.status is UserStatus.DISABLED is not after.status
    ranks = list(Role)
    return enabled or ranks.index(after.role) > ranks.index(before.role) or after.email != before.email


def _changed(before: DirectoryEntry, after: DirectoryEntry) -> list[str]:
    """The names of what differs, without values, which are personal data. ``attributes``: what only the provisioning
    system uses."""
    old, new = before.user, after.user
    differs = {
        "user_name": before.user_name != after.user_name,
        "email": old.email != new.email,
        "name": old.name != new.name,
        "role": old.role is not new.role,
        "status": old.status is not new.status,
        "external_id": before.external_id != after.external_id,
        "attributes": before.kept != after.kept,
    }
    return [name for name, has_changed in differs.items() if has_changed]


def _check_revision(entry: DirectoryEntry, wanted: int | None) -> None:
    if wanted not in (None, entry.version):
        raise PreconditionFailed("Read the user again and repeat what you wanted.")


def _status(attributes: UserAttributes) -> UserStatus:
    return UserStatus.ACTIVE if attributes.active else UserStatus.DISABLED


def _same_activity(user: User, attributes: UserAttributes) -> bool:
    """Whether the user stays as active as before. An invited user counts as active and stays invited."""
    return attributes.active is (user.status is not UserStatus.DISABLED)
