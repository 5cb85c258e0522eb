"""Any item can name any partition of an index. Rows of another tenant are dropped and counted, and hold up no list."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from docplatform.core import isolation
from docplatform.core.actor import Role, system
from docplatform.core.errors import Unavailable
from docplatform.core.isolation import Source
from docplatform.core.tenant import tenant_context
from docplatform.core.time import now
from docplatform.infra.dynamodb import table as module
from docplatform.infra.dynamodb.codec import Item, encode_value
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.library.adapters.store import DynamoLibrary
from docplatform.library.model import Order
from docplatform.runtime.telemetry import LogRecord
from docplatform.runtime.tenant_access import table
from tests.support.mocked_aws import Cloud, TenantWorld

FOREIGN = "t00000000000f"


class Rows:
    """An index partition of acme, in which rows of another tenant stand as well."""

    def __init__(self, home: TenantWorld, seed: int) -> None:
        self.chance = random.Random(seed)
        self.home, self.name = home, f"{home.tenant.id}#rows#{seed}"
        self.table = TenantTable(home.cloud.database, tenant_id=home.tenant.id, data_table="data", audit_table="audit")

    def put(self, owner: str, position: int) -> str:
        key = {"pk": f"{owner}#row#{self.name}#{position:06d}", "sk": "row"}
        item = {**key, "gsi1pk": self.name, "gsi1sk": f"{position:06d}"}
        self.home.cloud.database.put_item(
            TableName="data", Item={name: encode_value(value) for name, value in item.items()}
        )
        return key["pk"]

    def pages(self, limit: int, *, descending: bool) -> list[list[str]]:
        found: list[list[str]] = []
        after: Item | None = None
        while True:
            rows, after = self.table.query(self.name, index="gsi1", limit=limit, after=after, descending=descending)
            found.append([row["pk"] for row in rows])
            assert len(rows) <= limit
            if after is None:
                return found
            assert after["pk"] == rows[-1]["pk"], "the next page begins behind the last row that was shown"


@pytest.fixture
def dropped() -> list[Source]:
    isolation.begin()
    return isolation.signals().dropped


@pytest.fixture(autouse=True)
def in_tenant(acme: TenantWorld) -> Iterator[None]:
    with tenant_context(acme.tenant):
        yield


@pytest.mark.parametrize("seed", range(12))
def test_pages_hold_the_tenants_rows_in_order_and_no_other(
    acme: TenantWorld, dropped: list[Source], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(module, "_SKIP", 3)
    rows = Rows(acme, seed)
    own, foreign = [], 0
    for position in range(rows.chance.randint(0, 25)):
        if rows.chance.random() < 0.5:
            own.append(rows.put(acme.tenant.id, position))
        else:
            rows.put(FOREIGN, position)
            foreign += 1
    for limit in (1, 2, 5, 100):
        for descending in (False, True):
            dropped.clear()
            pages = rows.pages(limit, descending=descending)
            assert [row for page in pages for row in page] == (own[::-1] if descending else own)
            assert set(dropped) <= {Source.INDEX} and len(dropped) >= foreign


def test_a_list_without_foreign_rows_takes_one_call_a_page(acme: TenantWorld, dropped: list[Source]) -> None:
    rows = Rows(acme, 100)
    for position in range(5):
        rows.put(acme.tenant.id, position)
    calls: list[str] = []
    events = acme.cloud.database.meta.events
    events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name), unique_id="rows")
    assert len(rows.pages(5, descending=False)) == len(calls)
    events.unregister("before-call.dynamodb", unique_id="rows")
    assert dropped == []


def test_the_line_of_a_request_counts_the_rows_and_names_their_writer(
    acme: TenantWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Rows(acme, 103)
    for position in range(120):
        rows.put(FOREIGN, position)
    record = LogRecord("test", "r")
    assert rows.pages(200, descending=False) == [[]]
    record.write()
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert lines[0]["cross_tenant_detected"] == ["index-row"] * 20
    assert lines[0]["cross_tenant_detected_count"] == 120
    assert lines[0]["cross_tenant_writers"] == [FOREIGN]
    metrics = {name: line[name] for line in lines for name in ("CrossTenantDetected", "ForeignIds") if name in line}
    assert metrics == {"CrossTenantDetected": [120.0], "ForeignIds": [120.0]}


def test_skipping_ends(acme: TenantWorld, dropped: list[Source], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SKIP", 1)
    monkeypatch.setattr(module, "_MOST_SKIPS", 3)
    rows = Rows(acme, 101)
    for position in range(20):
        rows.put(FOREIGN, position)
    with pytest.raises(Unavailable):
        rows.table.query(rows.name, index="gsi1", limit=1)


def test_a_tenant_whose_id_begins_alike_is_another(acme: TenantWorld, dropped: list[Source], region: Cloud) -> None:
    rows = Rows(acme, 102)
    rows.put(f"{acme.tenant.id}x", 0)
    assert rows.pages(10, descending=False) == [[]]
    assert dropped == [Source.INDEX]


@pytest.mark.parametrize("order", [Order.CREATED, Order.UPDATED])
def test_rows_of_another_tenant_close_no_list_of_a_folder(
    acme: TenantWorld, monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    """The list is then made of the folder's names, in the same order and with the same cursors."""
    person = acme.member(Role.ADMIN)
    folder = str(person.creates_folder("Full")["id"])
    for number in (3, 1, 4, 2, 5):
        person.creates_folder(f"F{number}", inside=folder)
    library = DynamoLibrary(table(acme.tenant), system(acme.tenant, "test", "r"), now())

    def pages(descending: bool, cursor: str = "") -> list[str]:
        page = library.children(folder, order, descending=descending, limit=2, cursor=cursor)
        assert len(page.items) <= 2
        return [each.name for each in page.items] + (pages(descending, page.next_cursor) if page.next_cursor else [])

    half = library.children(folder, order, descending=False, limit=2, cursor="").next_cursor
    before = [pages(False), pages(True), pages(False, half)]
    assert [len(each) for each in before] == [5, 5, 3]
    monkeypatch.setattr(module, "_SKIP", 1)
    monkeypatch.setattr(module, "_MOST_SKIPS", 3)
    index = "gsi1" if order is Order.CREATED else "gsi2"
    for number, year in enumerate(["1", "9"] * 9):
        item = {"pk": f"{FOREIGN}#row#{order}{number}", "sk": "row", f"{index}sk": f"{year}{number:03d}"}
        item[f"{index}pk"] = LibraryKeys(acme.tenant.id).children(folder)
        acme.cloud.database.put_item(TableName="data", Item={name: encode_value(each) for name, each in item.items()})
    assert [pages(False), pages(True), pages(False, half)] == before
    monkeypatch.setattr("docplatform.library.adapters.store._MOST_SORTED", 4)
    with pytest.raises(Unavailable):
        pages(False)
