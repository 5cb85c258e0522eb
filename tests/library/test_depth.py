"""Folders go so deep and no deeper, with everything that is in them; also when two changes meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from docplatform.core.actor import Actor, Role
from docplatform.core.errors import ChangedMeanwhile, PreconditionFailed
from docplatform.core.tenant import tenant_context
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.library.errors import TooDeep
from docplatform.library.wiring import folders, library
from tests.support.mocked_aws import TenantWorld

DEEPEST = 4


@pytest.fixture(params=[Role.ADMIN, Role.EDITOR])
def ann(acme: TenantWorld, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Actor]:
    """Of an admin's request the folders above are not read for permissions."""
    monkeypatch.setattr("docplatform.library.folders.DEEPEST", DEEPEST)
    person = acme.member(request.param)
    with tenant_context(acme.tenant):
        yield Actor(acme.tenant, person.id, "ses_1", person.role, "request")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Runs something between the decision and the next transaction."""

    def plan(change: Callable[[], object]) -> None:
        from docplatform.library.adapters.store import DynamoLibrary

        begin, waiting = DynamoLibrary.begin, [change]

        def late(store: Any) -> Any:
            if waiting:
                waiting.pop()()
            return begin(store)

        monkeypatch.setattr(DynamoLibrary, "begin", late)

    return plan


def chain(actor: Actor, *names: str) -> list[str]:
    """Creates folders inside each other. Returns their ids."""
    made = ["root"]
    for name in names:
        made.append(folders(actor).create(name, made[-1]).id)
    return made[1:]


def moved(actor: Actor, folder: str, to: str) -> None:
    folders(actor).change(folder, name=None, parent_id=to)


def depth(actor: Actor, folder: str) -> int:
    found = library(actor).folder(folder)
    return len(library(actor).ancestry(found).above[folder])


def test_a_move_counts_what_is_below(ann: Actor) -> None:
    _, b, c = chain(ann, "a", "b", "c")
    d, e = chain(ann, "d", "e")
    with pytest.raises(TooDeep):
        moved(ann, d, c)
    moved(ann, d, b)
    assert depth(ann, e) == DEEPEST
    with pytest.raises(TooDeep):
        folders(ann).create("f", e)


def test_what_was_moved_is_counted_by_the_folders_above(ann: Actor) -> None:
    a, b = chain(ann, "a", "b")
    c, d = chain(ann, "c", "d")
    moved(ann, a, d)  # c d a b
    (x,) = chain(ann, "x")
    with pytest.raises(TooDeep):
        moved(ann, c, x)
    moved(ann, a, "root")
    assert depth(ann, b) == 2


def test_an_empty_folder_starts_again(ann: Actor) -> None:
    _, _, c = chain(ann, "a", "b", "c")
    d, e = chain(ann, "d", "e")
    folders(ann).delete(e)
    moved(ann, d, c)
    assert depth(ann, d) == DEEPEST
    with pytest.raises(TooDeep):
        folders(ann).create("e", d)
    moved(ann, d, "root")
    folders(ann).create("e", d)


def test_a_folder_is_made_deeper_while_it_is_moved(ann: Actor, meanwhile: Any) -> None:
    _, b = chain(ann, "a", "b")
    d, e = chain(ann, "d", "e")
    meanwhile(lambda: folders(ann).create("f", e))
    with pytest.raises(PreconditionFailed):
        moved(ann, d, b)
    with pytest.raises(TooDeep):
        moved(ann, d, b)


def test_a_folder_is_moved_while_it_is_made_deeper(ann: Actor, meanwhile: Any) -> None:
    _, b = chain(ann, "a", "b")
    d, e = chain(ann, "d", "e")
    meanwhile(lambda: moved(ann, d, b))
    with pytest.raises(ChangedMeanwhile):
        folders(ann).create("f", e)
    with pytest.raises(TooDeep):
        folders(ann).create("f", e)


def test_two_moves_do_not_add_up(ann: Actor, meanwhile: Any) -> None:
    _, b = chain(ann, "a", "b")
    d, e = chain(ann, "d", "e")
    (f,) = chain(ann, "f")
    meanwhile(lambda: moved(ann, f, e))
    with pytest.raises(PreconditionFailed):
        moved(ann, d, b)
    assert depth(ann, f) == 3


def test_an_empty_folder_is_filled_while_it_is_moved(ann: Actor, meanwhile: Any) -> None:
    _, _, c = chain(ann, "a", "b", "c")
    d, e = chain(ann, "d", "e")
    folders(ann).delete(e)
    meanwhile(lambda: folders(ann).create("g", d))
    with pytest.raises(PreconditionFailed):
        moved(ann, d, c)


def test_an_empty_folder_is_moved_while_it_is_filled(ann: Actor, meanwhile: Any) -> None:
    _, _, c = chain(ann, "a", "b", "c")
    d, e = chain(ann, "d", "e")
    folders(ann).delete(e)
    meanwhile(lambda: moved(ann, d, c))
    with pytest.raises(ChangedMeanwhile):
        folders(ann).create("g", d)
    assert depth(ann, d) == DEEPEST


def test_folders_of_an_older_version_do_not_know_their_levels(ann: Actor, acme: TenantWorld) -> None:
    a, b, c, d = chain(ann, "a", "b", "c", "d")
    for item in acme.cloud.items("data"):
        if item["pk"].startswith(acme.tenant.id) and item["sk"] == "folder" and item["id"] in (a, b, c, d):
            older = {name: value for name, value in item.items() if name != "levels"}
            acme.cloud.database.put_item(TableName="data", Item=encode_item(older))
    with pytest.raises(TooDeep):
        folders(ann).create("e", d)
    folders(ann).create("e", c)
    assert [library(ann).folder(each).levels for each in (a, b, c, d)] == [3, 2, 1, 0]


def test_only_the_first_folder_in_a_folder_writes_to_those_above(ann: Actor, acme: TenantWorld) -> None:
    _, b = chain(ann, "a", "b")
    folders(ann).create("first", b)
    before = {item["id"]: item for item in acme.cloud.items("data") if item["sk"] == "folder"}
    folders(ann).create("second", b)
    after = {item["id"]: item for item in acme.cloud.items("data") if item["sk"] == "folder"}
    assert [each for each in before if before[each] != after[each]] == [b]
