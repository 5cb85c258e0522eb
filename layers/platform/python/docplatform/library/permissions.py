"""The permission checks of one request. Every read, change, list and search goes through them.

A node that the actor may not read gets the same answer as an unknown id. An actor who may read a node but not change it
gets Forbidden.

Tenant admins may do everything, and nothing is read for them. For all others the account's status and role are read
with each request, so disabling or demoting a user is effective at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.errors import DomainError, Forbidden, NotFound, Unauthenticated, raised_by, raises
from docplatform.library.access import Caller, Decision, Reason, ReasonKind, effective, evaluate, roles_from
from docplatform.library.errors import DocumentNotFound, FolderNotFound
from docplatform.library.model import Ancestry, Document, Folder
from docplatform.library.ports import Library

N = TypeVar("N", Folder, Document)
Path = tuple[Folder | Document, ...]
_EVERYTHING = Decision(Role.ADMIN, (Reason(ReasonKind.TENANT_ADMIN, Role.ADMIN),))


class Access:
    """Permission checks for one actor in one request. Ancestors and the caller are cached for the request."""

    def __init__(self, actor: Actor, library: Library) -> None:
        self._actor, self._library = actor, library
        self._paths: dict[str, Path] = {}
        self._caller: Caller | None = None

    @property
    def sees_everything(self) -> bool:
        return self._actor.role is Role.ADMIN

    @raises(FolderNotFound, Forbidden, Unauthenticated)
    def folder(self, folder_id: str, needed: Role = Role.VIEWER) -> Folder:
        unknown = FolderNotFound("Check the folder's id: it is unknown, or not yours.")
        return self._checked(self._read(self._library.folder, folder_id, unknown), needed, unknown)

    @raises(DocumentNotFound, Forbidden, Unauthenticated)
    def document(self, document_id: str, needed: Role = Role.VIEWER) -> Document:
        unknown = DocumentNotFound("Check the document's id: it is unknown, or not yours.")
        return self._checked(self._read(self._library.document, document_id, unknown), needed, unknown)

    @raises(*raised_by(folder, document))
    def node(self, node_id: str, needed: Role = Role.VIEWER) -> Folder | Document:
        return self.folder(node_id, needed) if ids.is_folder(node_id) else self.document(node_id, needed)

    @raises(FolderNotFound, Unauthenticated)
    def path(self, node: Folder | Document) -> Path:
        """The node and its current ancestors, up to the root."""
        if node.id not in self._paths:
            self._cache(self._library.ancestry(node), (node,))
        return self._paths[node.id]

    @raises(*raised_by(path))
    def names(self, node: Folder | Document) -> dict[str, str]:
        """By id: the names of those nodes on the path that the actor may read. Needs no call beyond ``path``."""
        path = self.path(node)
        return {
            each.id: each.name
            for place, each in enumerate(path)
            if self.sees_everything or evaluate(self.caller(), path[place:]).allows(Role.VIEWER)
        }

    def folders_decided_on(self, node: Folder | Document, *, also_for_admins: bool = False) -> tuple[Folder, ...]:
        """The folders above whose grants decide what the actor may do with the node: those that a transaction must hold.
        None for a tenant admin, unless the change was decided on their grants for another reason."""
        if self.sees_everything and not also_for_admins:
            return ()
        return tuple(each for each in effective(self.path(node))[1:] if isinstance(each, Folder))

    @raises(Forbidden, FolderNotFound, Unauthenticated)
    def check_move(self, node: Folder | Document, target: Folder) -> tuple[Folder, ...]:
        """Checks that the actor, who is editor of both, may move ``node`` into ``target``. Returns the folders whose
        grants this was decided on.

        Moving is sharing. The actor needs the role editor on the folder that the node leaves. Where other people would
        see the node after the move, or with another role, the actor needs the right to share it: the role admin. So
        nobody becomes the admin of somebody else's thing by moving it below a folder of their own."""
        if self.sees_everything:
            return ()
        path, above = self.path(node), self.path(target)
        missing = []
        if not evaluate(self.caller(), path[1:]).allows(Role.EDITOR):
            missing.append({"role": Role.EDITOR.value, "on": path[1].id})
        shares = roles_from(path) != roles_from((node, *above))
        if shares and not evaluate(self.caller(), path).allows(Role.ADMIN):
            missing.append({"role": Role.ADMIN.value, "on": node.id})
        if missing:
            raise Forbidden(_missing_for_a_move(missing, node), missing=missing)
        held = (*effective(path[1:]), *effective(above))
        return tuple({each.id: each for each in held if isinstance(each, Folder)}.values())

    def decision(self, node: Folder | Document) -> Decision:
        if self.sees_everything:
            return _EVERYTHING
        path = self.path(node)
        return evaluate(self.caller(), path)

    def children(self, folder: Folder, children: Iterable[Folder | Document]) -> tuple[Folder | Document, ...]:
        """Those children of the folder that the actor may read. Needs no call beyond ``path(folder)``."""
        if self.sees_everything:
            return tuple(children)
        above = self.path(folder)
        return tuple(child for child in children if evaluate(self.caller(), (child, *above)).allows(Role.VIEWER))

    def readable(self, documents: Iterable[Document]) -> dict[str, Document]:
        """By id: the documents that the actor may read. One call reads the ancestors of all of them."""
        known = {document.id: document for document in documents}
        if self.sees_everything or not known:
            return known
        self._cache(self._library.ancestry(*known.values()), known.values())
        caller = self.caller()
        return {each: known[each] for each in known if evaluate(caller, self._paths[each]).allows(Role.VIEWER)}

    @raises(Unauthenticated)
    def granted_nodes(self) -> frozenset[str]:
        """The ids of all nodes that are granted to the actor, to the actor's groups, or to everyone. Two calls."""
        granted = self._library.granted(self.caller().principals)
        return frozenset(node for nodes in granted.values() for node in nodes)

    @raises(Unauthenticated)
    def caller(self) -> Caller:
        """The actor with current role and groups. Unauthenticated: the account is no longer active."""
        return self._caller or self._cache(self._library.ancestry(), ())

    def _cache(self, ancestry: Ancestry, nodes: Iterable[Folder | Document]) -> Caller:
        """Keeps the paths and the caller for this request. Raises Unauthenticated if the account is not active."""
        if ancestry.role is None:
            raise Unauthenticated("The account is disabled; an admin of the organisation can enable it.")
        self._caller = Caller(self._actor.user_id, ancestry.role, ancestry.groups)
        self._paths |= {node.id: ancestry.path(node) for node in nodes}
        return self._caller

    def _read(self, read: Callable[[str], N], node_id: str, unknown: DomainError) -> N:
        """A node that exists. For an unknown id the same calls are made as for one that is hidden from the actor, so that
        the time does not tell the two apart."""
        try:
            return read(node_id)
        except NotFound:
            if not self.sees_everything:
                self._cache(self._library.ancestry(), ())
            raise unknown from None

    def _checked(self, node: N, needed: Role, unknown: DomainError) -> N:
        decision = self.decision(node)
        if not decision.allows(Role.VIEWER):
            raise unknown
        if not decision.allows(needed):
            raise Forbidden(
                f"This needs the role '{needed}' here; yours is '{decision.role}'. Ask the owner, or an admin of your organisation."
            )
        return node


def _missing_for_a_move(missing: list[dict[str, str]], node: Folder | Document) -> str:
    why = {
        True: "the role 'admin' on what you move, because other people would have access to it there",
        False: "the role 'editor' on the folder that it leaves",
    }
    needs = " and ".join(why[each["on"] == node.id] for each in missing)
    return f"This move needs {needs}. Ask the owner, or an admin of your organisation."
