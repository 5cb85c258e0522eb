"""The counters that the plan's limits are checked against: exact to the last byte, and 200 writers at the same moment."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from docplatform.core.errors import ChangedMeanwhile, QuotaExceeded
from docplatform.core.tenant import PlanLimits, tenant_context
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.tenancy.adapters import usage
from docplatform.tenancy.adapters.usage import SHARDS, Usage, UsageStore
from tests.support.mocked_aws import Person, TenantWorld

WRITERS = 200


def limits(home: TenantWorld, documents: int, size: int) -> PlanLimits:
    return replace(home.tenant.limits, documents=documents, storage_bytes=size)


class Counted:
    """The counters of one tenant, with limits that the test chooses."""

    def __init__(self, home: TenantWorld, documents: int, size: int) -> None:
        self.home, self.limits = home, limits(home, documents, size)
        self.table = TenantTable(home.cloud.database, tenant_id=home.tenant.id, data_table="data", audit_table="audit")
        self.number = 0

    def store(self, client: Any = None) -> UsageStore:
        table = TenantTable(
            client or self.home.cloud.database, tenant_id=self.home.tenant.id, data_table="data", audit_table="audit"
        )
        return UsageStore(table, self.limits)

    def changes(self, change: Usage, client: Any = None, thing: str = "") -> bool:
        """Commits a change together with an item. Returns False if the limits do not allow it."""
        self.number += 1
        key = Key(f"{self.home.tenant.id}#things", thing or str(self.number))
        store = self.store(client)
        transaction = store._table.begin()
        transaction.put(key, {"documents": change.documents})
        try:
            store.commit(transaction, change)
        except QuotaExceeded:
            return False
        return True

    @property
    def things(self) -> int:
        own = f"{self.home.tenant.id}#things"
        return sum(item["pk"] == own for item in self.home.cloud.items("data"))

    @property
    def total(self) -> Usage:
        return self.store().read()

    def is_busy(self, yes: bool = True) -> None:
        """As if writers had collided a moment ago."""
        usage._busy.pop(self.home.tenant.id, None)
        if yes:
            self.store()._give_reserves()
            usage._busy[self.home.tenant.id] = 1_000_000


pytestmark = pytest.mark.usefixtures("in_acme")


@pytest.fixture(autouse=True)
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "one_of", random.Random(1).randrange)


def test_a_tenant_that_nobody_collides_in_has_one_item(acme: TenantWorld) -> None:
    counted = Counted(acme, 100_000, 10**11)
    calls: list[str] = []
    acme.cloud.database.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    for _ in range(5):
        assert counted.changes(Usage(1, 1_000))
    assert calls == ["TransactWriteItems"] * 5
    items = [item for item in acme.cloud.items("data") if item["sk"] == "usage"]
    assert [(item["documents"], item["bytes"]) for item in items] == [(5, 5_000)]


@pytest.mark.every_database
@pytest.mark.parametrize("seed", range(3))
def test_the_counters_equal_a_model_to_the_last_byte(
    acme: TenantWorld, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(usage, "SHARDS", 4)
    chance = random.Random(seed)
    counted, model = Counted(acme, 40, 60_000), Usage()
    for step in range(80):
        if step % 20 == 0:
            counted.is_busy(chance.random() < 0.7)
        taken = Usage(1, chance.choice([1, 400, 4_000, 20_000]), chance.choice([0, 1]))
        change = (
            taken
            if chance.random() < 0.65
            else Usage(
                *(-min(a, b) for a, b in zip((1, 400, 1), (model.documents, model.bytes, model.folders), strict=True))
            )
        )
        wanted = model + change
        fits = wanted.documents <= 40 and wanted.bytes <= 60_000
        assert counted.changes(change) == (fits or change.documents <= 0), (seed, step)
        model = wanted if fits or change.documents <= 0 else model
        assert step % 8 or counted.total == model, (seed, step)


def at_the_same_moment(*acts: Callable[[], Any]) -> list[Any]:
    found: list[Any] = [None] * len(acts)
    together = threading.Barrier(len(acts))

    def run(number: int) -> None:
        together.wait()
        try:
            found[number] = acts[number]()
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return found


@pytest.mark.every_database
@pytest.mark.parametrize("busy", [False, True])
def test_of_two_requests_for_the_last_byte_one_gets_it(
    acme: TenantWorld, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    monkeypatch.setattr(usage, "SHARDS", 4)
    for number in range(4):
        counted = Counted(acme, 1_000, counted_bytes := 5_000 * (number + 1))
        counted.is_busy(busy)
        used = counted.total.bytes
        assert counted.changes(Usage(1, counted_bytes - used - 1))

        def last(name: str, counted: Counted = counted) -> bool:
            with tenant_context(acme.tenant):
                return counted.changes(Usage(1, 1), thing=name)

        got = at_the_same_moment(lambda n=number: last(f"a{n}"), lambda n=number: last(f"b{n}"))
        assert sorted(map(str, got)) == ["False", "True"]
        assert counted.total.bytes == counted_bytes


class Lockstep:
    """A client for many threads whose transactions all meet: in each round every thread that still works sends one, and of those that
    write the same item one succeeds. DynamoDB cannot do worse."""

    def __init__(self, client: Any, threads: int) -> None:
        self._client, self.exceptions = client, client.exceptions
        self._working, self._turn = threads, threading.Condition()
        self._sent: list[tuple[list[dict[str, Any]], list[Any]]] = []
        self.rounds = self.conflicts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def ends(self) -> None:
        with self._turn:
            self._working -= 1
            self._settle()

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> Any:
        outcome: list[Any] = []
        with self._turn:
            self._sent.append((TransactItems, outcome))
            self._settle()
            self._turn.wait_for(lambda: outcome)
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    def _settle(self) -> None:
        if not self._sent or len(self._sent) < self._working:
            return
        taken: set[tuple[str, str]] = set()
        self.rounds += 1
        for writes, outcome in self._sent:
            places = [self._place(each) for each in writes]
            if clash := taken.intersection(places):
                self.conflicts += 1
                reasons = [{"Code": "TransactionConflict" if each in clash else "None"} for each in places]
                answer = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
                outcome.append(self.exceptions.TransactionCanceledException(answer, "TransactWriteItems"))
                continue
            taken.update(places)
            try:
                outcome.append(self._client.transact_write_items(TransactItems=writes))
            except ClientError as error:
                outcome.append(error)
        self._sent = []
        self._turn.notify_all()

    @staticmethod
    def _place(write: dict[str, Any]) -> tuple[str, str]:
        ((_, request),) = write.items()
        key = request.get("Key") or request["Item"]
        return key["pk"]["S"], key["sk"]["S"]


def writes_in_lockstep(counted: Counted, home: TenantWorld) -> tuple[list[Any], Lockstep]:
    client = Lockstep(home.cloud.database, WRITERS)

    def write(number: int) -> bool:
        try:
            with tenant_context(home.tenant):
                return counted.changes(Usage(1, 100), client, f"thing-{number}")
        finally:
            client.ends()

    return at_the_same_moment(*(lambda n=number: write(n) for number in range(WRITERS))), client


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    yield


def test_200_writers_at_the_same_moment_collide_a_few_times_and_all_succeed(acme: TenantWorld, no_pauses: None) -> None:
    counted = Counted(acme, 100_000, 10**11)
    got, client = writes_in_lockstep(counted, acme)
    assert got == [True] * WRITERS
    assert counted.total == Usage(WRITERS, WRITERS * 100)
    assert client.rounds <= 16
    assert client.conflicts < 5 * WRITERS


def test_the_next_200_writers_find_the_counters_spread(acme: TenantWorld, no_pauses: None) -> None:
    counted = Counted(acme, 100_000, 10**11)
    counted.is_busy()
    got, client = writes_in_lockstep(counted, acme)
    assert got == [True] * WRITERS
    assert counted.total == Usage(WRITERS, WRITERS * 100)
    assert client.conflicts < 3 * WRITERS


def test_200_writers_on_one_item_would_not_get_through(
    acme: TenantWorld, no_pauses: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the counters were before."""
    monkeypatch.setattr(UsageStore, "_spread_out", lambda *_: None)
    got, client = writes_in_lockstep(Counted(acme, 100_000, 10**11), acme)
    assert sum(isinstance(each, ChangedMeanwhile) for each in got) > WRITERS / 2
    assert client.conflicts > 8 * WRITERS


def test_200_writers_never_pass_a_limit_of_100(acme: TenantWorld, no_pauses: None) -> None:
    counted = Counted(acme, 100, 10**9)
    counted.is_busy()
    got, _ = writes_in_lockstep(counted, acme)
    assert got.count(True) == counted.things == counted.total.documents <= 100
    assert counted.total.bytes == 100 * counted.total.documents
    while counted.changes(Usage(1, 100)):
        pass
    assert counted.total.documents == 100


def test_a_tenant_of_an_earlier_version_goes_on_from_its_counts(acme: TenantWorld, ann: Person) -> None:
    acme.cloud.database.put_item(
        TableName="data",
        Item={
            "pk": {"S": f"{acme.tenant.id}#usage"},
            "sk": {"S": "usage"},
            "documents": {"N": str(acme.tenant.limits.documents - 2)},
            "bytes": {"N": "5"},
        },
    )
    Counted(acme, acme.tenant.limits.documents, acme.tenant.limits.storage_bytes).is_busy()
    assert [ann.announces(f"{number}.txt", size=1).status for number in range(3)] == [201, 201, 402]
    assert acme.usage["documents"] == acme.tenant.limits.documents


def test_an_enlarged_plan_counts_at_once(acme: TenantWorld) -> None:
    counted = Counted(acme, 10, 10_000)
    counted.is_busy()
    assert [counted.changes(Usage(1, 1)) for _ in range(11)] == [True] * 10 + [False]
    counted.limits = limits(acme, 12, 10_000)
    assert [counted.changes(Usage(1, 1)) for _ in range(3)] == [True, True, False]


def test_a_change_above_the_limit_by_itself_is_refused(acme: TenantWorld) -> None:
    counted = Counted(acme, 10, 1_000)
    for busy in (False, True):
        counted.is_busy(busy)
        assert not counted.changes(Usage(1, 1_001))
        assert not counted.changes(Usage(11, 1))
    assert counted.total == Usage()


def test_there_are_as_many_shards_as_one_transaction_can_reach() -> None:
    assert SHARDS < 90
