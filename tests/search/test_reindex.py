"""After a move or a change of inheritance, documents below a folder are found by the users who may read them now."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from docplatform.core.actor import Role, system
from docplatform.core.errors import ChangedMeanwhile
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.library.access import IndexedPermissions
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.library.adapters.store import DynamoLibrary
from docplatform.library.model import DEEPEST, Document
from docplatform.search.reindex import SubtreeService
from docplatform.search.wiring import subtrees
from tests.support.mocked_aws import Person, TenantWorld

pytestmark = pytest.mark.usefixtures("in_acme")


class Entries:
    def __init__(self) -> None:
        self.permissions: dict[str, tuple[str, ...]] = {}
        self.missing: set[str] = set()

    def update_metadata(self, document: Document, permissions: IndexedPermissions) -> bool:
        if document.id in self.missing:
            return False
        self.permissions[document.id] = permissions.nodes
        return True


class Subtree:
    """Delivers marks as the table's stream does."""

    def __init__(self, home: TenantWorld) -> None:
        self.home, self.entries = home, Entries()
        self.indexed_again: list[str] = []
        self.service: SubtreeService = subtrees(system(home.tenant, "index-sync", "r"))

    @property
    def marked(self) -> list[str]:
        prefix = f"{self.home.tenant.id}#reindex#"
        pks = [item["pk"] for item in self.home.cloud.items("data")]
        return [pk.removeprefix(prefix) for pk in pks if pk.startswith(prefix)]

    def settle(self) -> int:
        """Delivers marks until none is left. Returns the number of calls."""
        calls = 0
        while marked := self.marked:
            for folder in marked:
                self.service.continue_reindexing(folder, self.entries, self.indexed_again.append)
                calls += 1
        return calls


@pytest.fixture
def subtree(acme: TenantWorld) -> Subtree:
    return Subtree(acme)


@pytest.fixture
def olga(acme: TenantWorld) -> Person:
    return acme.member(Role.ADMIN)


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Treats documents as ready before their file has arrived."""
    monkeypatch.setattr("docplatform.search.reindex.State", _Everything)
    yield


class _Everything:
    READY = FAILED = "awaiting_upload"


def document_in(person: Person, folder: str, name: str = "plan.txt") -> str:
    return str(person.announces(name, inside=folder)["document"]["id"])


def folder_in(person: Person, folder: str, name: str) -> str:
    return str(person.creates_folder(name, inside=folder)["id"])


def test_a_move_updates_everything_below(olga: Person, subtree: Subtree, ready: None) -> None:
    a, b = folder_in(olga, "root", "A"), folder_in(olga, "root", "B")
    inner = folder_in(olga, a, "Inner")
    top, deep = document_in(olga, a), document_in(olga, inner)
    olga.moves_folder(a, to=b)
    subtree.settle()
    assert subtree.entries.permissions == {top: (top, a, b, "root"), deep: (deep, inner, a, b, "root")}
    library = DynamoLibrary(*_opened(subtree))
    assert library.document(deep).chain == ("root", b, a, inner)  # what was stale is a hint again that is right


def test_a_cut_updates_everything_below_down_to_the_next_cut(olga: Person, subtree: Subtree, ready: None) -> None:
    a = folder_in(olga, "root", "A")
    inner = folder_in(olga, a, "Inner")
    top, deep = document_in(olga, a), document_in(olga, inner)
    olga.cuts(a)
    subtree.settle()
    assert subtree.entries.permissions == {top: (top, a), deep: (deep, inner, a)}
    olga.cuts(inner)
    olga.asks("PUT", f"/v1/access/{a}/inheritance", {"inherits": True})
    subtree.settle()
    assert subtree.entries.permissions == {top: (top, a, "root"), deep: (deep, inner)}


def test_a_mark_on_the_root_folder_fills_an_empty_index(olga: Person, subtree: Subtree, ready: None) -> None:
    a = folder_in(olga, "root", "A")
    there, lost, deep = document_in(olga, "root", "there.txt"), document_in(olga, "root"), document_in(olga, a)
    subtree.entries.missing = {lost, deep}
    mark = {**LibraryKeys(subtree.home.tenant.id).reindex("root")._asdict(), "at": "2026-01-01T00:00:00Z", "cursor": ""}
    subtree.home.cloud.database.put_item(TableName="data", Item=encode_item(mark))
    subtree.settle()
    assert set(subtree.entries.permissions) == {there}
    assert subtree.indexed_again == [lost, deep]


def test_a_large_folder_is_reindexed_in_several_calls(
    olga: Person, subtree: Subtree, ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docplatform.search.reindex._PAGE", 2)
    monkeypatch.setattr("docplatform.search.reindex._PAGES", 2)
    a = folder_in(olga, "root", "A")
    documents = {document_in(olga, a, f"{number}.txt") for number in range(9)}
    olga.cuts(a)
    assert subtree.settle() == 3
    assert set(subtree.entries.permissions) == documents


def test_a_folder_moved_during_reindexing_is_reindexed_again(olga: Person, subtree: Subtree, ready: None) -> None:
    a, b, c = (folder_in(olga, "root", name) for name in "ABC")
    document = document_in(olga, a)
    olga.moves_folder(a, to=b)

    def update_metadata(found: Document, permissions: IndexedPermissions) -> bool:
        if not subtree.entries.permissions:
            olga.moves_folder(a, to=c)
        subtree.entries.permissions[found.id] = permissions.nodes
        return True

    subtree.entries.update_metadata = update_metadata  # type: ignore[method-assign]
    subtree.settle()
    assert subtree.entries.permissions == {document: (document, a, c, "root")}


def test_a_folder_deleted_meanwhile_has_nothing_below(olga: Person, subtree: Subtree) -> None:
    a, b = folder_in(olga, "root", "A"), folder_in(olga, "root", "B")
    olga.moves_folder(a, to=b)
    olga.asks("DELETE", f"/v1/folders/{a}")
    assert subtree.settle() == 1
    assert subtree.entries.permissions == {}


def test_a_finished_mark_may_be_delivered_again(olga: Person, subtree: Subtree) -> None:
    a = folder_in(olga, "root", "A")
    olga.cuts(a)
    subtree.settle()
    subtree.service.continue_reindexing(a, subtree.entries, subtree.indexed_again.append)
    assert subtree.marked == []


def _claims(subtree: Subtree, parent: str, child: str) -> None:
    """Writes the item of a name in ``parent`` that leads to ``child``, as one can who has the tenant's credentials."""
    key = LibraryKeys(subtree.home.tenant.id).name(parent, f"forged {child}")
    subtree.home.cloud.database.put_item(TableName="data", Item=encode_item({**key._asdict(), "child": child}))


def test_folders_that_name_each_other_as_children_are_reindexed_once(
    olga: Person, subtree: Subtree, ready: None
) -> None:
    a, b = folder_in(olga, "root", "A"), folder_in(olga, "root", "B")
    document = document_in(olga, b)
    for parent, child in ((a, b), (b, a), (a, a), (a, "root"), (a, document)):
        _claims(subtree, parent, child)
    olga.cuts(a)
    calls = 0
    while (marked := subtree.marked) and calls < 20:
        for folder in marked:
            subtree.service.continue_reindexing(folder, subtree.entries, subtree.indexed_again.append)
            calls += 1
    assert (calls, subtree.marked) == (1, [])
    assert subtree.entries.permissions == {}


def _parent(subtree: Subtree, folder: str, parent: str) -> None:
    key = LibraryKeys(subtree.home.tenant.id).folder(folder)
    subtree.home.cloud.database.update_item(
        TableName="data",
        Key=encode_item(key._asdict()),
        UpdateExpression="SET parent_id = :parent",
        ExpressionAttributeValues=encode_item({":parent": parent}),
    )


def test_the_way_up_has_an_end_whatever_the_items_say(olga: Person, subtree: Subtree) -> None:
    """Each folder above takes a read. Records of other tenants wait meanwhile."""
    library = DynamoLibrary(*_opened(subtree))
    folders = [folder_in(olga, "root", f"F{number}") for number in range(DEEPEST + 5)]
    for below, above in pairwise(folders):
        _parent(subtree, below, above)
    with pytest.raises(ChangedMeanwhile):
        library.ancestry(library.folder(folders[0]))
    library.ancestry(library.folder(folders[6]))
    _parent(subtree, folders[-1], folders[-3])
    with pytest.raises(ChangedMeanwhile):
        library.ancestry(library.folder(folders[-1]))


def _opened(subtree: Subtree) -> tuple[object, ...]:
    from docplatform.core.time import now
    from docplatform.runtime.tenant_access import table

    return table(subtree.home.tenant), system(subtree.home.tenant, "test", "r"), now()  # type: ignore[return-value]
