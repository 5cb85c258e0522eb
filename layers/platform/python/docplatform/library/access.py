"""Who may do what to which folder or document.

A *grant* gives a principal (a user, a group, everyone in the tenant) a role on a *node* (a folder or a document). It holds for all that
stands below the node, down to where somebody has cut inheritance off. Access is the strongest grant on the way up, capped by
the caller's role in the tenant: who is a viewer there changes nothing anywhere. Owners have the role admin on what they own, and
tenant admins on everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from docplatform.core import ids
from docplatform.core.actor import Role
from docplatform.library.errors import InvalidPrincipal

EVERYONE = "everyone"
MOST_GRANTS = 80  # on one node: it is deleted with all of them in one transaction of 100
MOST_NODES = 3_000  # granted to one principal: they are one item, and one filter of a search

_STRENGTH = {Role.VIEWER: 1, Role.EDITOR: 2, Role.ADMIN: 3}


_CAP = {Role.VIEWER: Role.VIEWER, Role.EDITOR: Role.ADMIN, Role.ADMIN: Role.ADMIN}
"""The most that a role in the tenant lets one be on a node (ADR 7)."""


def capped(role: Role, tenant_role: Role) -> Role:
    return weaker(role, _CAP[tenant_role])


def is_at_least(role: Role | None, needed: Role) -> bool:
    return role is not None and _STRENGTH[role] >= _STRENGTH[needed]


def weaker(one: Role, other: Role) -> Role:
    return one if _STRENGTH[one] <= _STRENGTH[other] else other


def stronger(one: Role, other: Role) -> Role:
    return other if _STRENGTH[one] <= _STRENGTH[other] else one


def user_principal(user_id: str) -> str:
    return f"user:{user_id}"


def group_principal(group_id: str) -> str:
    return f"group:{group_id}"


def check_principal(text: str) -> str:
    """``user:<id>``, ``group:<id>`` or ``everyone``. Raises InvalidPrincipal."""
    kind, _, name = text.partition(":")
    known = {"user": ids.USER, "group": ids.GROUP}
    if text != EVERYONE and not (kind in known and ids.is_a(known[kind], name)):
        raise InvalidPrincipal("Say 'user:' or 'group:' and an id, or 'everyone'.")
    return text


class Node(Protocol):
    """A folder or a document."""

    @property
    def id(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def grants(self) -> Mapping[str, Role]: ...
    @property
    def inherits(self) -> bool: ...


N = TypeVar("N", bound=Node)
Path = Sequence[Node]
"""A node and the folders above it, from the node up to the root."""


@dataclass(frozen=True, slots=True)
class Caller:
    user_id: str
    role: Role
    groups: frozenset[str] = frozenset()

    @property
    def principals(self) -> tuple[str, ...]:
        return (user_principal(self.user_id), *(group_principal(each) for each in sorted(self.groups)), EVERYONE)


class ReasonKind(StrEnum):
    TENANT_ADMIN = "tenant_admin"
    OWNER = "owner"
    GRANT = "grant"


@dataclass(frozen=True, slots=True)
class Reason:
    """``role`` before the cap; ``node_id`` and ``principal`` are empty for a tenant admin."""

    kind: ReasonKind
    role: Role
    node_id: str = ""
    principal: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """``role`` is what the caller may be on the node, None for no access. ``reasons``: everything that gives access, strongest first.
    ``cut_at`` is the node above which nothing is inherited, empty when all is."""

    role: Role | None
    reasons: tuple[Reason, ...] = field(default=())
    cut_at: str = ""

    def allows(self, needed: Role) -> bool:
        return is_at_least(self.role, needed)


def effective(path: Sequence[N]) -> Sequence[N]:
    """The part of a line that counts: up to the nearest node that does not inherit, with that node."""
    for place, node in enumerate(path):
        if not node.inherits:
            return path[: place + 1]
    return path


def evaluate(caller: Caller, path: Path) -> Decision:
    """What the caller may be on the first node of the line, and why."""
    counted = effective(path)
    cut_at = counted[-1].id if len(counted) < len(path) or not counted[-1].inherits else ""
    reasons = [Reason(ReasonKind.TENANT_ADMIN, Role.ADMIN)] if caller.role is Role.ADMIN else []
    for node in counted:
        if node.owner == caller.user_id and node.id != ids.ROOT_FOLDER:
            reasons.append(Reason(ReasonKind.OWNER, Role.ADMIN, node.id, user_principal(caller.user_id)))
        for principal in caller.principals:
            if principal in node.grants:
                reasons.append(Reason(ReasonKind.GRANT, node.grants[principal], node.id, principal))
    reasons.sort(key=lambda reason: -_STRENGTH[reason.role])
    role = capped(reasons[0].role, caller.role) if reasons else None
    return Decision(role, tuple(reasons), cut_at)


@dataclass(frozen=True, slots=True)
class IndexedPermissions:
    """What a search entry keeps of a document's line: ``nodes`` whose grants count, and the ``owners`` of these nodes."""

    nodes: tuple[str, ...]
    owners: tuple[str, ...]


def indexed_permissions(path: Path) -> IndexedPermissions:
    counted = effective(path)
    owners = dict.fromkeys(node.owner for node in counted if node.id != ids.ROOT_FOLDER)
    return IndexedPermissions(tuple(node.id for node in counted), tuple(owners))
