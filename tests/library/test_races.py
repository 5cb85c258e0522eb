"""Every pair of operations at the same moment, on several trees: the result is that of the one after the other.

The first operation runs up to its transaction, the second one runs whole, and then the transaction goes on. The model is
the same two operations one after the other, in a library in memory, in both orders. The limits are small, so that
a race could pass them."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.errors import ChangedMeanwhile, DomainError, PreconditionFailed
from docplatform.core.tenant import tenant_context
from docplatform.infra.dynamodb.codec import decode_item
from docplatform.library.adapters.items import FOLDER, document_from, folder_from
from docplatform.library.adapters.store import DynamoLibrary
from docplatform.library.documents import DocumentService
from docplatform.library.folders import FolderService
from docplatform.library.model import Document, Folder
from docplatform.library.wiring import library
from docplatform.sharing.grants import SharingService
from tests.support.memory_library import START, MemoryLibrary, MemoryTree, NoFiles
from tests.support.mocked_aws import REGION, TenantWorld
from tests.support.scale import SEEDS

TREES = 2  # in each batch; on each of them every pair of operations runs once
MOST_GRANTS, DEEPEST = 3, 4

Node = Folder | Document
KINDS = (
    "create folder",
    "create document",
    "move",
    "move and rename",
    "rename",
    "delete",
    "share",
    "revoke",
    "cut",
    "cut and copy",
    "restore",
)


class Services(NamedTuple):
    """The use cases of one actor."""

    folders: FolderService
    documents: DocumentService
    sharing: SharingService


@dataclass(frozen=True)
class Operation:
    """``run`` makes the change with the services of one actor."""

    said: str
    actor: Actor
    run: Callable[[Services], object]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docplatform.sharing.grants.MOST_GRANTS", MOST_GRANTS)
    monkeypatch.setattr("docplatform.library.folders.DEEPEST", DEEPEST)


class Race:
    """A random tree of one tenant, and operations on it."""

    def __init__(self, acme: TenantWorld, seed: int) -> None:
        self.random = random.Random(seed)
        people = [acme.member(Role.ADMIN), acme.member(), acme.member()]
        self.actors = [Actor(acme.tenant, each.id, "ses_1", each.role, "request") for each in people]
        self.people = {each.id: (each.role, frozenset[str]()) for each in people}
        self.principals = [*(each.principal for each in people), acme.member().principal, "everyone"]
        self.people |= {each.removeprefix("user:"): (Role.EDITOR, frozenset[str]()) for each in self.principals[3:4]}
        self.tenant_id = acme.tenant.id
        self.start: MemoryTree | None = None
        self.tables = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables
        for _ in range(14):
            operation = self.draw(
                self.random.choice(["create folder", "create folder", "create document", "cut", "share"])
            )
            attempt(operation, library(operation.actor))
        self.kept = copy.deepcopy(self.tables["data"].items)
        self.start = self.tree()

    def restore(self) -> None:
        """Puts back the tree with which each race starts."""
        self.tables["data"].items = copy.deepcopy(self.kept)

    def tree(self) -> MemoryTree:
        """The tree as it is in the database."""
        tree = MemoryTree(self.people)
        for item in self.items():
            if item["sk"] in ("folder", "doc"):
                node: Node = folder_from(item) if item["kind"] == FOLDER else document_from(item)
                tree.nodes[node.id] = node
        return tree

    def items(self) -> Iterator[dict[str, Any]]:
        """The tenant's items in the database."""
        for partition in self.tables["data"].items.values():
            for stored in partition.values():
                item = stored.to_json()["Attributes"]
                if item["pk"]["S"].startswith(f"{self.tenant_id}#"):
                    yield decode_item(item)

    def draw(self, kind: str) -> Operation:
        pick = self.random.choice
        tree = self.start or self.tree()
        nodes = sorted(tree.nodes.values(), key=lambda each: place_of(tree, each))  # ids are others each time
        folders = [each for each in nodes if isinstance(each, Folder)]
        thing: Node = pick([each for each in nodes if each.id != ids.ROOT_FOLDER] or folders)
        folder, actor, principal, role = pick(folders), pick(self.actors), pick(self.principals), pick(list(Role))
        name = f"n{pick('abc')}"
        given = pick(list(thing.grants) or [principal])

        def change(use: Services, new: str | None, to: str | None) -> object:
            if isinstance(thing, Document):
                return use.documents.change(thing.id, name=new, folder_id=to)
            return use.folders.change(thing.id, name=new, parent_id=to)

        def delete(use: Services) -> object:
            return (use.documents if isinstance(thing, Document) else use.folders).delete(thing.id)

        def document(use: Services) -> object:
            return use.documents.create(name, folder.id, content_type="text/plain", size=1)

        operations: dict[str, tuple[str, Callable[[Services], object]]] = {
            "create folder": (f"{name} in {folder.id}", lambda use: use.folders.create(name, folder.id)),
            "create document": (f"{name} in {folder.id}", document),
            "move": (f"{thing.id} to {folder.id}", lambda use: change(use, None, folder.id)),
            "move and rename": (f"{thing.id} to {folder.id} as {name}", lambda use: change(use, name, folder.id)),
            "rename": (f"{thing.id} to {name}", lambda use: change(use, name, None)),
            "delete": (thing.id, delete),
            "share": (f"{thing.id}: {principal} {role}", lambda use: use.sharing.grant(thing.id, principal, role)),
            "revoke": (f"{given} on {thing.id}", lambda use: use.sharing.revoke(thing.id, given)),
            "cut": (thing.id, lambda use: use.sharing.set_inheritance(thing.id, False)),
            "cut and copy": (thing.id, lambda use: use.sharing.set_inheritance(thing.id, False, copy=True)),
            "restore": (thing.id, lambda use: use.sharing.set_inheritance(thing.id, True)),
        }
        said, run = operations[kind]
        return Operation(f"{actor.role}: {kind} {said}", actor, run)


PAIRS = list(itertools.product(KINDS, repeat=2))
DONE = "done"


def attempt(operation: Operation, store: Any) -> str:
    """Runs the operation. Returns 'done', or the code of its error."""
    use = Services(
        FolderService(operation.actor, store, lambda: START),
        DocumentService(operation.actor, store, NoFiles(), lambda: START),
        SharingService(operation.actor, store, lambda: START),
    )
    try:
        operation.run(use)
    except DomainError as error:
        return error.code
    return DONE


Shape = dict[tuple[str, str], Any]
REFUSED = {ChangedMeanwhile.code, PreconditionFailed.code}
"""What an operation answers that has changed nothing because of the other one."""


def shape(tree: MemoryTree) -> Shape:
    """By parent and name: everything that the tree says of a node, with the counts of its children."""
    found: Shape = {}
    for node in tree.nodes.values():
        below = tree.children(node.id)
        new = "" if isinstance(node, Folder) and node.is_root else node.name
        found[place_of(tree, node)] = (
            type(node).__name__,
            new,
            node.owner,
            dict(node.grants),
            node.inherits,
            len(below),
            sum(not each.inherits for each in below),
        )
    return found


def place_of(tree: MemoryTree, node: Node) -> tuple[str, str]:
    names = [each.name for each in tree.path(node)]
    return "/".join(reversed(names)), type(node).__name__


def faults(race: Race) -> list[str]:
    """What does not fit together in the database: counts, names, grants, limits."""
    tree, found = race.tree(), []
    reserved: dict[tuple[str, str], str] = {}
    granted: dict[str, dict[str, str]] = {}
    usage: dict[str, Any] = {}
    for item in race.items():
        if item["sk"].startswith("name#"):
            reserved[item["pk"].split("#")[2], item["sk"].removeprefix("name#")] = item["child"]
        elif item["sk"] == "granted":
            granted[item["pk"].split("#")[2]] = item
        elif item["sk"] == "usage":
            usage = {name: usage.get(name, 0) + item.get(name, 0) for name in ("folders", "documents")}
    nodes = [node for node in tree.nodes.values() if node.id != ids.ROOT_FOLDER]
    if reserved != {(tree.parent(node), node.name): node.id for node in nodes}:
        found.append("names")
    for node in tree.nodes.values():
        if isinstance(node, Folder):
            counted = tree.counted(node)
            if (node.children, node.cuts) != (counted.children, counted.cuts):
                found.append(f"counts of {node.id}: {node.children}, {node.cuts}")
            if len(tree.path(node)) - 1 > DEEPEST:
                found.append(f"depth of {node.id}")
        if len(node.grants) > MOST_GRANTS:
            found.append(f"grants on {node.id}: {len(node.grants)}")
    for principal in {*granted, *(each for node in tree.nodes.values() for each in node.grants)}:
        item = granted.get(principal, {})
        there = {node.id: node.grants[principal].value for node in tree.nodes.values() if principal in node.grants}
        stored = {name: value for name, value in item.items() if name == "root" or name.startswith(("fld_", "doc_"))}
        if stored != there or item.get("count", 0) != len(there):
            found.append(f"what is granted to {principal}")
    folders = sum(isinstance(node, Folder) for node in nodes)
    if (usage.get("folders", 0), usage.get("documents", 0)) != (folders, len(nodes) - folders):
        found.append("usage")
    return found


@pytest.fixture
def in_the_tenant(acme: TenantWorld) -> Iterator[TenantWorld]:
    with tenant_context(acme.tenant):
        yield acme


def interleaved(race: Race, first: Operation, second: Operation, patch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The answers of the first operation, whose transaction waits for the second one, and of the second one."""
    begin, waiting, answers = DynamoLibrary.begin, [second], []

    def late(store: Any) -> Any:
        if waiting:
            operation = waiting.pop()
            answers.append(attempt(operation, library(operation.actor)))
        return begin(store)

    with patch.context() as patched:
        patched.setattr(DynamoLibrary, "begin", late)
        answer = attempt(first, library(first.actor))
    if waiting:
        answers.append(attempt(second, library(second.actor)))
    return answer, answers[0]


def orders(before: MemoryTree, first: Operation, second: Operation) -> list[tuple[tuple[str, str], Shape]]:
    """The answers and the tree of the two operations one after the other, in both orders."""
    results = []
    for order in ((first, second), (second, first)):
        tree = replace(before, nodes=dict(before.nodes))
        answers = {id(each): attempt(each, MemoryLibrary(tree, each.actor)) for each in order}
        results.append(((answers[id(first)], answers[id(second)]), shape(tree)))
    return results


def check(race: Race, kinds: tuple[str, str], patch: pytest.MonkeyPatch) -> list[str]:
    """Runs a race of two operations. Returns what is wrong with its result."""
    race.restore()
    first, second = (race.draw(each) for each in kinds)
    before = race.start
    assert before
    answers = interleaved(race, first, second, patch)
    found, after = faults(race), shape(race.tree())
    expected = orders(before, first, second)
    if answers[0] in REFUSED:  # then it is as if there had been the second one alone
        tree = replace(before, nodes=dict(before.nodes))
        expected.append(((answers[0], attempt(second, MemoryLibrary(tree, second.actor))), shape(tree)))
    if (answers, after) not in expected:
        found.append(f"{answers}, as in no order: {[each[0] for each in expected]}")
    return [f"{first.said} | {second.said}: {each}" for each in found]


@pytest.mark.parametrize("seed", SEEDS)
def test_two_operations_at_the_same_moment_are_one_after_the_other(
    in_the_tenant: TenantWorld, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    for number in range(TREES):
        world = in_the_tenant.cloud.tenant("acme") if number else in_the_tenant
        with tenant_context(world.tenant):
            race = Race(world, seed * TREES + number)
            assert not faults(race)
            wrong = [each for pair in PAIRS for each in check(race, pair, monkeypatch)]
        assert not wrong, "\n".join(wrong[:20])


def _nothing(*_: object) -> dict[str, object]:
    return {}


FAULTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "grants": ("_same_access", ("cut and copy",)),
    "place": ("_in_same_folder", ("cut", "move")),
    "revision": ("_unchanged", ("delete", "rename")),
}
"""By what is not pinned: a function of the adapter, and operations that show it."""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_races_find_what_is_not_pinned(
    in_the_tenant: TenantWorld, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    name, kinds = FAULTS[fault]
    race = Race(in_the_tenant, 0)
    monkeypatch.setattr(f"docplatform.library.adapters.changes.{name}", _nothing)
    pairs = itertools.product(kinds, repeat=2)
    assert any(check(race, pair, monkeypatch) for pair in itertools.islice(itertools.cycle(pairs), 200))
