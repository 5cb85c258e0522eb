"""No sequence of operations gives anybody a role that nobody with the right to share has given them. Random sequences of
all operations, by members who are no admins; after each operation every role on everything is compared with those before
it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

import pytest

from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.errors import DomainError
from docplatform.core.tenant import Plan, Tenant, TenantStatus
from docplatform.library.documents import DocumentService
from docplatform.library.folders import FolderService
from docplatform.library.model import Document, Folder
from docplatform.library.permissions import Access
from docplatform.sharing.grants import SharingService
from tests.support.memory_library import START, MemoryLibrary, MemoryTree, NoFiles
from tests.support.scale import SEEDS

SEQUENCES = 2_000  # in each batch
LENGTH = 20  # operations in a sequence

TENANT = Tenant(ids.new_tenant(), "acme", "Acme", Plan.STANDARD, "us-east-1", TenantStatus.ACTIVE, "pooled", START)
GROUP = ids.new(ids.GROUP, START)
ANN, BO, CY, DAN, EVE = (ids.new(ids.USER, START) for _ in range(5))
PEOPLE = {
    ANN: (Role.EDITOR, frozenset[str]()),
    BO: (Role.EDITOR, frozenset({GROUP})),
    CY: (Role.EDITOR, frozenset({GROUP})),
    DAN: (Role.EDITOR, frozenset[str]()),
    EVE: (Role.VIEWER, frozenset[str]()),
}
PRINCIPALS = [*(f"user:{each}" for each in PEOPLE), f"group:{GROUP}", "everyone"]
STRENGTH = {None: 0, Role.VIEWER: 1, Role.EDITOR: 2, Role.ADMIN: 3}

Roles = dict[str, dict[str, int]]
"""By node and by user: the strength of the role."""


class Members:
    """Members who do random things in a tree."""

    def __init__(self, seed: int) -> None:
        self.random, self.tree, self.told = random.Random(seed), MemoryTree(PEOPLE), [f"seed {seed}"]

    def roles(self) -> Roles:
        """The rules by themselves, without the product's code: owner, grants, the cut, the cap."""
        return {node: {user: self._role(node, user) for user in PEOPLE} for node in self.tree.nodes}

    def _role(self, node_id: str, user: str) -> int:
        tenant_role, groups = PEOPLE[user]
        principals = {f"user:{user}", "everyone", *(f"group:{each}" for each in groups)}
        strength = 0
        for node in self.tree.path(self.tree.nodes[node_id]):
            given = [STRENGTH[role] for principal, role in node.grants.items() if principal in principals]
            owned = [3] if node.owner == user and node.id != "root" else []
            strength = max([strength, *given, *owned])
            if not node.inherits:
                break
        return min(strength, 1) if tenant_role is Role.VIEWER else strength

    def act(self) -> tuple[str, str]:
        """Somebody tries something. Returns who, and the id of the thing; '' for the thing if it was refused."""
        who = self.random.choice(list(PEOPLE))
        actor = Actor(TENANT, who, "ses_test", PEOPLE[who][0], "request")
        library = MemoryLibrary(self.tree, actor)
        now: Callable[[], datetime] = lambda: START  # noqa: E731
        folders, sharing = FolderService(actor, library, now), SharingService(actor, library, now)
        documents = DocumentService(actor, library, NoFiles(), now)
        pick, every = self.random.choice, list(self.tree.nodes.values())
        thing, folder = pick(every), pick([each for each in every if isinstance(each, Folder)])
        name, principal, role, yes = f"n{self.random.random()}", pick(PRINCIPALS), pick(list(Role)), pick([True, False])

        given = pick(list(thing.grants) or PRINCIPALS)

        def change(name: str | None, to: str | None) -> None:
            if isinstance(thing, Document):
                documents.change(thing.id, name=name, folder_id=to)
            else:
                folders.change(thing.id, name=name, parent_id=to)

        def delete() -> None:
            (documents if isinstance(thing, Document) else folders).delete(thing.id)

        operations: list[tuple[str, Callable[[], object]]] = [
            (f"creates a folder in {folder.id}", lambda: folders.create(name, folder.id)),
            (f"creates a document in {folder.id}", lambda: self._document(documents, name, folder)),
            (f"moves {thing.id} to {folder.id}", lambda: change(None, folder.id)),
            (f"moves and renames {thing.id} to {folder.id}", lambda: change(name, folder.id)),
            (f"renames {thing.id}", lambda: change(name, None)),
            (f"deletes {thing.id}", delete),
            (f"shares {thing.id} with {principal} as {role}", lambda: sharing.grant(thing.id, principal, role)),
            (f"revokes {given} on {thing.id}", lambda: sharing.revoke(thing.id, given)),
            (f"cuts {thing.id}, copy {yes}", lambda: sharing.set_inheritance(thing.id, False, copy=yes)),
            (f"restores {thing.id}", lambda: sharing.set_inheritance(thing.id, True)),
        ]
        # things are made first, moved and shared most
        said, call = self.random.choices(operations, [3 if len(every) < 8 else 1, 2, 5, 2, 1, 1, 4, 2, 3, 1])[0]
        try:
            call()
        except DomainError:
            return who, ""
        self.told.append(f"{who} {said}")
        return who, thing.id if said.startswith("moves") else ""

    @staticmethod
    def _document(documents: DocumentService, name: str, folder: Folder) -> None:
        documents.create(name, folder.id, content_type="text/plain", size=1)


def run(seed: int) -> list[str]:
    """What was done up to the first operation that gave somebody too much; empty if there was none."""
    members = Members(seed)
    before = members.roles()
    for _ in range(LENGTH):
        who, moved = members.act()
        after = members.roles()
        for node in after.keys() & before.keys():
            risen = any(after[node][user] > before[node][user] for user in PEOPLE)
            shifted = bool(moved) and after[node] != before[node]
            if (risen or shifted) and before[node][who] < 3:
                return [*members.told, f"on {node}: {before[node]} → {after[node]}"]
        before = after
    return []


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_gains_a_role_that_nobody_with_the_right_to_share_gave(seed: int) -> None:
    for each in range(seed * SEQUENCES, (seed + 1) * SEQUENCES):
        assert not run(each)


def test_the_sequences_find_moves_that_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is put back: an editor's role on both ends is enough for a move."""
    monkeypatch.setattr(Access, "check_move", lambda access, node, target: ())
    assert any(run(seed) for seed in range(SEQUENCES))
