"""The permission rules for folders and documents.

A *grant* gives a principal (a user, a group, or everyone in the tenant) a role on a *node* (a folder or a document). A
grant on a folder also applies to everything below it, down to nodes that do not inherit. A user's access to a node is
the strongest grant on the node's path, capped by the user's role in the tenant: a tenant viewer changes nothing
anywhere. Owners have the role admin on what they own; tenant admins have it everywhere.
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
MOST_GRANTS = 80  # on one node: one transaction of 100 writes deletes the node and its grants
MOST_NODES = 3_000  # granted to one principal: they are stored in one item and go into one search filter

_STRENGTH = {Role.VIEWER: 1, Role.EDITOR: 2, Role.ADMIN: 3}


_CAP = {Role.VIEWER: Role.VIEWER, Role.EDITOR: Role.ADMIN, Role.ADMIN: Role.ADMIN}
"""By role in the tenant: the strongest role that it allows on a node (ADR 7)."""


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
    """Returns the principal: ``user:<id>``, ``group:<id>`` or ``everyone``. Raises InvalidPrincipal for other text."""
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
    """A user with tenant role and groups, as the permission rules see them."""

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
    """One source of access. ``role`` is what it gives before the cap; ``node_id`` and ``principal`` are empty for a
    tenant admin."""

    kind: ReasonKind
    role: Role
    node_id: str = ""
    principal: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """A caller's access to a node. ``role`` is None for no access. ``reasons`` lists all sources of access, the
    strongest first. ``cut_at`` is the id of the node that inherits nothing from above; '' if every node inherits."""

    role: Role | None
    reasons: tuple[Reason, ...] = field(default=())
    cut_at: str = ""

    def allows(self, needed: Role) -> bool:
        return is_at_least(self.role, needed)


def effective(path: Sequence[N]) -> Sequence[N]:
    """The part of a path whose grants apply: up to and including the first node that does not inherit."""
    for place, node in enumerate(path):
        if not node.inherits:
            return path[: place + 1]
    return path


def evaluate(caller: Caller, path: Path) -> Decision:
    """The caller's role on the first node of the path, with the reasons."""
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


def roles_from(path: Path) -> dict[str, Role]:
    """By principal: the strongest role that the path gives. Owners count as user principals. A role that everyone has
    anyway is left out. Two paths with the same result give the same access to everybody, whoever is in which group."""
    found: dict[str, Role] = {}
    for node in effective(path):
        owned = {} if node.id == ids.ROOT_FOLDER else {user_principal(node.owner): Role.ADMIN}
        for principal, role in (*node.grants.items(), *owned.items()):
            found[principal] = stronger(role, found.get(principal, role))
    common = found.get(EVERYONE)
    return {each: role for each, role in found.items() if each == EVERYONE or not is_at_least(common, role)}


@dataclass(frozen=True, slots=True)
class IndexedPermissions:
    """The permissions that a search entry stores: the ids of the ``nodes`` whose grants apply to the document, and the
    ``owners`` of these nodes."""

    nodes: tuple[str, ...]
    owners: tuple[str, ...]


def indexed_permissions(path: Path) -> IndexedPermissions:
    counted = effective(path)
    owners = dict.fromkeys(node.owner for node in counted if node.id != ids.ROOT_FOLDER)
    return IndexedPermissions(tuple(node.id for node in counted), tuple(owners))
