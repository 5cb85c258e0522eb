"""Two changes of one folder or document at the same moment: one of them is refused, and no count or name is left over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from docplatform.core.actor import Actor, Role
from docplatform.core.errors import PreconditionFailed
from docplatform.core.tenant import tenant_context
from docplatform.library.errors import FolderNotEmpty
from docplatform.library.folders import FolderService
from docplatform.library.model import Document, Folder
from docplatform.library.wiring import documents, folders, library
from docplatform.sharing.wiring import sharing
from tests.support.databases import on_every_database
from tests.support.mocked_aws import TenantWorld

pytestmark = on_every_database


@pytest.fixture
def ann(acme: TenantWorld) -> Iterator[Actor]:
    person = acme.member(Role.ADMIN)
    with tenant_context(acme.tenant):
        yield Actor(acme.tenant, person.id, "ses_1", Role.ADMIN, "request")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Runs something between the read of a folder or document and the next transaction."""

    def plan(change: Callable[[], object]) -> None:
        from docplatform.library.adapters.store import DynamoLibrary

        begin, waiting = DynamoLibrary.begin, [change]

        def late(store: Any) -> Any:
            if waiting:
                waiting.pop()()
            return begin(store)

        monkeypatch.setattr(DynamoLibrary, "begin", late)

    return plan


def counts(actor: Actor, folder: Folder) -> tuple[int, int]:
    found = library(actor).folder(folder.id)
    return found.children, found.cuts


def two_folders(actor: Actor) -> tuple[Folder, Folder]:
    service = folders(actor)
    return service.create(f"one-{actor.user_id}", "root"), service.create(f"two-{actor.user_id}", "root")


@pytest.mark.parametrize("how", ["moved", "renamed"])
def test_a_folder_that_is_changed_while_it_is_deleted_stays(ann: Actor, meanwhile: Any, how: str) -> None:
    one, two = two_folders(ann)
    child = folders(ann).create("child", one.id)
    name, parent = (None, two.id) if how == "moved" else ("other", None)
    meanwhile(lambda: folders(ann).change(child.id, name=name, parent_id=parent))
    with pytest.raises(PreconditionFailed):
        folders(ann).delete(child.id)
    assert [counts(ann, each)[0] for each in (one, two)] == ([0, 1] if how == "moved" else [1, 0])
    folders(ann).delete(child.id)
    for each in (one, two):
        folders(ann).delete(each.id)


def test_a_folder_that_is_filled_while_it_is_deleted_is_not_empty(ann: Actor, meanwhile: Any) -> None:
    one, _ = two_folders(ann)
    meanwhile(lambda: folders(ann).create("child", one.id))
    with pytest.raises(FolderNotEmpty):
        folders(ann).delete(one.id)
    assert counts(ann, one) == (1, 0)


def test_a_child_that_is_moved_while_it_is_hidden_is_counted_where_it_is(ann: Actor, meanwhile: Any) -> None:
    one, two = two_folders(ann)
    child = folders(ann).create("child", one.id)
    meanwhile(lambda: moved(ann, child, two))
    sharing(ann).set_inheritance(child.id, inherits=False)  # decided again, from where the child is now
    assert (counts(ann, one), counts(ann, two)) == ((0, 0), (1, 1))


@pytest.mark.parametrize("kind", ["folder", "document"])
def test_a_child_that_is_hidden_while_it_is_moved_is_counted_where_it_is(ann: Actor, meanwhile: Any, kind: str) -> None:
    one, two = two_folders(ann)
    child = a_child(ann, one, kind)
    meanwhile(lambda: sharing(ann).set_inheritance(child.id, inherits=False))
    with pytest.raises(PreconditionFailed):
        moved(ann, child, two)
    assert (counts(ann, one), counts(ann, two)) == ((1, 1), (0, 0))
    moved(ann, child, two)
    assert (counts(ann, one), counts(ann, two)) == ((0, 0), (1, 1))


@pytest.mark.parametrize("kind", ["folder", "document"])
def test_what_is_hidden_or_shared_while_it_is_deleted_leaves_no_count_and_no_grant(
    ann: Actor, meanwhile: Any, acme: TenantWorld, kind: str
) -> None:
    one, _ = two_folders(ann)
    bob = acme.member()
    for change in (
        lambda node: sharing(ann).set_inheritance(node.id, inherits=False),
        lambda node: sharing(ann).grant(node.id, f"user:{bob.id}", Role.VIEWER),
    ):
        child = a_child(ann, one, kind)
        meanwhile(lambda: change(child))
        with pytest.raises(PreconditionFailed):
            deleted(ann, child)
        deleted(ann, child)
        assert counts(ann, one) == (0, 0)
        assert not library(ann).granted([f"user:{bob.id}"]).get(f"user:{bob.id}")


def a_child(actor: Actor, parent: Folder, kind: str) -> Folder | Document:
    if kind == "folder":
        return folders(actor).create("child", parent.id)
    return documents(actor).create("child.txt", parent.id, content_type="text/plain", size=1)[0]


def moved(actor: Actor, child: Folder | Document, to: Folder) -> None:
    if isinstance(child, Folder):
        folders(actor).change(child.id, name=None, parent_id=to.id)
    else:
        documents(actor).change(child.id, name=None, folder_id=to.id)


def deleted(actor: Actor, child: Folder | Document) -> None:
    service: FolderService | Any = folders(actor) if isinstance(child, Folder) else documents(actor)
    service.delete(child.id)
