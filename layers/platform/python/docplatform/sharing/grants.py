"""Use cases of sharing: grant and revoke access, switch inheritance, list and explain access."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from docplatform.core import ids
from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import ChangedMeanwhile, Forbidden, GroupNotFound, raised_by, raises
from docplatform.identity.errors import UserNotFound
from docplatform.library.access import (
    MOST_GRANTS,
    Caller,
    Decision,
    capped,
    check_principal,
    effective,
    evaluate,
    stronger,
    user_principal,
)
from docplatform.library.errors import InvalidPrincipal, RootFolder, TooManyGrants
from docplatform.library.model import Document, Folder
from docplatform.library.permissions import Access
from docplatform.library.ports import Library
from docplatform.sharing.errors import GrantNotFound

T = TypeVar("T")

_DECISIONS = 5  # of one change, while others change who has access to the same thing
_MOST_COPIED = 90  # grants copied by a cut and folders held: with them its transaction has at most 100 writes


@dataclass(frozen=True, slots=True)
class GrantEntry:
    """A grant that applies to a node. ``node_id`` is the node that it was made on: the node itself or a folder above.
    ``name`` is the name of that node; '' if the actor may not read it."""

    principal: str
    role: Role
    node_id: str
    name: str
    inherited: bool


@dataclass(frozen=True, slots=True)
class AccessList:
    """A node with all grants that apply to it."""

    node: Folder | Document
    entries: tuple[GrantEntry, ...]


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant that a user has. ``principal`` is the user, a group or everyone; ``role`` is capped by the user's role in
    the tenant."""

    node: Folder | Document
    principal: str
    role: Role


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reasons for a caller's access to a node. ``names`` holds, by id, the names of those nodes on the path that
    the actor may read."""

    caller: Caller
    node: Folder | Document
    decision: Decision
    names: dict[str, str]

    @property
    def capped(self) -> bool:
        """Whether the role in the tenant lowers the access below the strongest reason."""
        return bool(self.decision.reasons) and self.decision.reasons[0].role is not self.decision.role


class SharingService:
    def __init__(self, actor: Actor, library: Library, now: Callable[[], datetime]) -> None:
        self._actor, self._library, self._now = actor, library, now
        self._access = Access(actor, library)

    @raises(*raised_by(Access.node))
    def list(self, node_id: str) -> AccessList:
        """The grants that apply to the node. Owners and tenant admins have access without a grant."""
        return self._list_and_record(self._access.node(node_id))

    @raises(*raised_by(Access.node), InvalidPrincipal, UserNotFound, GroupNotFound, TooManyGrants, ChangedMeanwhile)
    def grant(self, node_id: str, principal: str, role: Role) -> AccessList:
        """Grants a role, or changes the granted role. It applies from the next request on."""
        check_principal(principal)
        return self._decided_anew(lambda: self._grant(node_id, principal, role))

    def _grant(self, node_id: str, principal: str, role: Role) -> AccessList:
        node = self._access.node(node_id, Role.ADMIN)
        if principal not in node.grants and len(node.grants) >= MOST_GRANTS:
            raise TooManyGrants(
                f"{MOST_GRANTS} grants are the most that one folder or document has; grant it to a group."
            )
        if node.grants.get(principal) is role:
            self._actor.require(Permission.READ)  # an answer to a change that changes nothing is a read
            return self._list_and_record(node)
        with self._library.begin() as changes:
            changes.hold_access(self._access.folders_decided_on(node))
            changes.grant(node, principal, role)
            facts: AuditFacts = {"principal": principal, "role": role.value}
            changes.record(record_of(self._actor, Action.ACCESS_GRANTED, node.id, self._now(), facts))
        return self._access_list(node, replace(node, grants={**node.grants, principal: role}))

    @raises(*raised_by(Access.node), GrantNotFound, ChangedMeanwhile)
    def revoke(self, node_id: str, principal: str) -> None:
        """Revokes a grant. It ends with the next request. Users may also give up their own grants; an API
        key needs the permission to write for that."""
        own = principal == user_principal(self._actor.user_id)
        if not own or self._actor.scopes is not None:  # giving up access is a change, also for a key that only reads
            self._actor.require(Permission.WRITE)
        self._decided_anew(lambda: self._revoke(node_id, principal, Role.VIEWER if own else Role.ADMIN))

    def _revoke(self, node_id: str, principal: str, needed: Role) -> None:
        node = self._access.node(node_id, needed)
        if principal not in node.grants:
            raise GrantNotFound("It is not granted to them here; look at the list of who has access.")
        with self._library.begin() as changes:
            changes.hold_access(self._access.folders_decided_on(node))
            changes.revoke(node, principal)
            changes.record(
                record_of(self._actor, Action.ACCESS_REVOKED, node.id, self._now(), {"principal": principal})
            )

    @raises(*raised_by(Access.node), RootFolder, TooManyGrants, ChangedMeanwhile)
    def set_inheritance(self, node_id: str, inherits: bool, *, copy: bool = False) -> AccessList:
        """Stops or restores the inheritance of grants from above. With ``copy``, a stop copies the inherited grants to
        the node itself. The actor who stops inheritance keeps the role admin."""
        return self._decided_anew(lambda: self._set_inheritance(node_id, inherits, copy=copy))

    def _set_inheritance(self, node_id: str, inherits: bool, *, copy: bool) -> AccessList:
        node = self._access.node(node_id, Role.ADMIN)
        if node.id == ids.ROOT_FOLDER:
            raise RootFolder("There is nothing above it.")
        if node.inherits is inherits:
            self._actor.require(Permission.READ)  # an answer to a change that changes nothing is a read
            return self._list_and_record(node)
        keep = {} if inherits else self._grants_to_keep(node, copy)
        grants = {**node.grants, **keep}
        above = self._access.folders_decided_on(node, also_for_admins=copy)
        if len(grants) > MOST_GRANTS or len(keep) + len(above) > _MOST_COPIED:
            raise TooManyGrants(
                f"{MOST_GRANTS} grants are the most that one folder or document has; grant it to groups."
            )
        action = Action.INHERITANCE_RESTORED if inherits else Action.INHERITANCE_CUT
        with self._library.begin() as changes:
            changes.hold_access(above)
            changes.set_inheritance(node, inherits, keep)
            changes.record(record_of(self._actor, action, node.id, self._now(), {"copied": len(keep)}))
        return self._access_list(node, replace(node, grants=grants, inherits=inherits))

    @raises(*raised_by(Access.node), UserNotFound)
    def explain(self, node_id: str, user_id: str) -> Explanation:
        """The reasons why a user can or cannot see a node. Only an admin of the node may ask about other users."""
        own = user_id == self._actor.user_id
        node = self._access.node(node_id, Role.VIEWER if own else Role.ADMIN)
        caller, path = self._library.caller(user_id), self._access.path(node)
        self._record(Action.ACCESS_EXPLAINED, node, {"user": user_id})
        return Explanation(caller, node, evaluate(caller, path), self._access.names(node))

    @raises(Forbidden, UserNotFound)
    def granted_to(self, user_id: str, *, limit: int, after: str) -> tuple[tuple[Granted, ...], str]:
        """A page of the grants to a user, to the user's groups or to everyone, in order of node id, and the position
        after which the next page begins ('' on the last page). Asking about another user needs MANAGE_USERS."""
        if user_id != self._actor.user_id:
            self._actor.require(Permission.MANAGE_USERS)
        caller = self._library.caller(user_id)
        by_principal = self._library.granted(caller.principals)
        pairs = sorted((node, principal) for principal, nodes in by_principal.items() for node in nodes)
        page = [pair for pair in pairs if "\t".join(pair) > after][:limit]
        known = self._library.nodes(node for node, _ in page)
        found = tuple(
            Granted(known[node], principal, capped(known[node].grants[principal], caller.role))
            for node, principal in page
            if node in known and principal in known[node].grants
        )
        shown: AuditFacts = {"user": user_id, "shown": len(found)}
        self._library.record(record_of(self._actor, Action.ACCESS_LISTED, user_id, self._now(), shown))
        return found, "\t".join(page[-1]) if page and page[-1] != pairs[-1] else ""

    def _decided_anew(self, change: Callable[[], T]) -> T:
        """Makes a change. If what it was decided on changed before its transaction, it is decided again from what is
        there now, so that several people can share one thing at the same moment. Raises ChangedMeanwhile if that
        happens each time."""
        for _ in range(_DECISIONS - 1):
            try:
                return change()
            except ChangedMeanwhile:
                self._access = Access(self._actor, self._library)
        return change()

    def _grants_to_keep(self, node: Folder | Document, copy: bool) -> dict[str, Role]:
        keep: dict[str, Role] = {}
        if copy:
            for above in reversed(effective(self._access.path(node))[1:]):
                for principal, role in above.grants.items():
                    keep[principal] = stronger(role, keep.get(principal, role))
            keep = {each: role for each, role in keep.items() if each not in node.grants}
        me = user_principal(self._actor.user_id)
        own = evaluate(Caller(self._actor.user_id, Role.EDITOR), (node,))
        if not self._access.sees_everything and not any(reason.role is Role.ADMIN for reason in own.reasons):
            keep[me] = Role.ADMIN
        return keep

    def _list_and_record(self, node: Folder | Document) -> AccessList:
        """The grants that apply to the node. Writes an audit record that they were listed."""
        found = self._access_list(node, node)
        self._record(Action.ACCESS_LISTED, node, {"shown": len(found.entries)})
        return found

    def _access_list(self, read: Folder | Document, node: Folder | Document) -> AccessList:
        """The grants that apply to ``node``, which is ``read`` with this request's change. Nothing is read again."""
        names = self._access.names(read)
        entries = [
            GrantEntry(principal, role, above.id, names.get(above.id, ""), above.id != node.id)
            for above in effective((node, *self._access.path(read)[1:]))
            for principal, role in sorted(above.grants.items())
        ]
        return AccessList(node, tuple(entries))

    def _record(self, action: Action, node: Folder | Document, facts: AuditFacts) -> None:
        self._library.record(record_of(self._actor, action, node.id, self._now(), facts))
