"""Jobs that run by themselves: one message per tenant, each worked once, and a word when a run is late."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from docplatform.runtime.batches import NotDone
from docplatform.runtime.schedules.consumer import Consumer, MalformedMessage
from docplatform.runtime.schedules.model import (
    LAST_RECEIVE,
    REGION,
    InvalidDueTime,
    Job,
    JobNotFound,
    PartRun,
    Run,
    RunState,
)
from docplatform.runtime.schedules.store import RunStore, StaleRun
from docplatform.runtime.schedules.tick import Tick
from docplatform.runtime.schedules.watch import Watch
from docplatform.tenancy.registry import Registry
from tests.support.databases import on_every_database
from tests.support.mocked_aws import REGION as AWS_REGION
from tests.support.mocked_aws import Cloud, make_table
from tests.support.tenants import a_tenant

pytestmark = on_every_database

DUE = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
LEASE = timedelta(minutes=2)
SWEEP = Job("sweep", per_tenant=True, period=900, deadline=600, queue_url="https://queue/sweep")
PURGE = Job("purge", per_tenant=False, period=86_400, deadline=600, queue_url="https://queue/purge")
JOBS = {job.name: job for job in (SWEEP, PURGE)}
TENANTS = [a_tenant(number).id for number in range(1, 24)]


class Clock:
    def __init__(self) -> None:
        self.at = DUE

    def __call__(self) -> datetime:
        return self.at

    def moves(self, by: timedelta) -> None:
        self.at += by


class Tenants:
    """Pages of ten."""

    def __init__(self) -> None:
        self.breaks_at = ""
        self.pages = 0

    def ids_in_region(self, cursor: str) -> tuple[list[str], str]:
        if cursor and cursor == self.breaks_at:
            raise OSError("the connection broke")
        self.pages += 1
        start = TENANTS.index(cursor) + 1 if cursor else 0
        page = TENANTS[start : start + 10]
        return page, page[-1] if start + 10 < len(TENANTS) else ""


class Queue:
    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def send(self, queue_url: str, bodies: Mapping[str, str]) -> None:
        assert 1 <= len(bodies) <= 10
        self.messages += [
            {"url": queue_url, "group": group, "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
            for group, body in bodies.items()
        ]

    def parts(self) -> list[str]:
        return [json.loads(each["body"])["part"] for each in self.messages]


class World:
    def __init__(self, cloud: Cloud) -> None:
        self.clock, self.tenants, self.queue = Clock(), Tenants(), Queue()
        self.database, self.table = cloud.database, f"operations-{secrets.token_hex(4)}"
        make_table(cloud.database, self.table, "gsi1")
        self.runs = RunStore(cloud.database, self.table)
        self.worked: list[tuple[str, str]] = []
        self.breaks_for: set[str] = set()

    def ticks(self, name: str = "sweep", due: datetime = DUE) -> Run:
        return Tick(JOBS, self.runs, self.tenants, self.queue, self.clock).tick(name, due)

    def consumer(self) -> Consumer:
        return Consumer(dict.fromkeys(JOBS, self.works), self.runs, self.clock, lease=LEASE)

    def works(self, part: str, run: str) -> dict[str, int]:
        self.worked.append((part, run))
        if part in self.breaks_for:
            raise KeyError("Ann's document")
        return {"found": 2}

    def consumes_everything(self) -> None:
        for message in self.queue.messages:
            self.consumer().consume(message)

    def run(self, name: str = "sweep", due: datetime = DUE) -> Run:
        found = self.runs.run(name, due)
        assert found
        return found

    def late(self) -> dict[str, int]:
        return Watch(JOBS, self.runs, self.clock).late()


@pytest.fixture
def world(region: Cloud) -> World:
    return World(region)


def test_a_tick_puts_one_message_for_each_tenant_on_the_jobs_queue_in_the_tenants_group(world: World) -> None:
    run = world.ticks()
    assert (run.state, run.queued) == (RunState.RUNNING, 23)
    assert world.queue.parts() == [each["group"] for each in world.queue.messages] == TENANTS
    assert {each["url"] for each in world.queue.messages} == {SWEEP.queue_url}
    assert world.worked == []  # the tick does no work


def test_a_job_of_the_region_is_one_message(world: World) -> None:
    assert world.ticks("purge").queued == 1
    assert world.queue.parts() == [REGION]
    assert world.tenants.pages == 0


def test_a_tick_that_comes_twice_for_the_same_due_time_queues_nothing_more(world: World) -> None:
    world.ticks()
    world.clock.moves(timedelta(seconds=30))
    assert world.ticks().queued == 23
    assert len(world.queue.messages) == 23


def test_a_tick_that_broke_off_goes_on_where_it_was(world: World) -> None:
    world.tenants.breaks_at = TENANTS[9]
    with pytest.raises(OSError, match="broke"):
        world.ticks()
    assert (world.run().state, world.run().queued) == (RunState.QUEUEING, 10)
    world.tenants.breaks_at = ""
    assert world.ticks().state is RunState.RUNNING
    assert world.queue.parts() == TENANTS


def test_of_two_ticks_at_once_the_slower_one_stops(world: World) -> None:
    mine = world.ticks()
    slower = replace(mine, state=RunState.QUEUEING, cursor="")
    with pytest.raises(StaleRun):
        world.runs.advance(slower, queued=10, cursor=TENANTS[9])
    assert world.run().queued == 23


def test_a_run_ends_when_its_last_part_has_ended(world: World) -> None:
    world.ticks()
    *most, last = world.queue.messages
    for message in most:
        world.consumer().consume(message)
    assert (world.run().state, world.run().ended_at) == (RunState.RUNNING, None)
    world.clock.moves(timedelta(minutes=1))
    world.consumer().consume(last)
    run = world.run()
    assert (run.state, run.succeeded, run.failed, run.ended_at) == (RunState.DONE, 23, 0, DUE + timedelta(minutes=1))
    assert {run for _, run in world.worked} == {"sweep:2026-11-29T03:00"}


def test_a_run_of_a_region_without_tenants_ends_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.tenants, "ids_in_region", lambda cursor: ([], ""))
    world.ticks()
    assert world.run().state is RunState.DONE


def test_a_message_that_comes_twice_works_once(world: World) -> None:
    world.ticks()
    world.consumes_everything()
    world.consumes_everything()
    assert len(world.worked) == 23
    assert world.run().succeeded == 23


def test_a_consumer_that_dies_between_its_last_part_and_the_end_of_the_run_leaves_no_run_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ticks("purge")
    (message,) = world.queue.messages
    with monkeypatch.context() as dies:
        dies.setattr(world.runs, "end", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            world.consumer().consume(message)
    assert (world.run("purge").state, world.run("purge").succeeded) == (RunState.RUNNING, 1)
    world.consumer().consume(message)  # its time of being hidden is over
    assert (world.run("purge").state, world.run("purge").succeeded) == (RunState.DONE, 1)
    assert len(world.worked) == 1


def test_a_part_that_another_consumer_has_is_left_to_it_until_its_lease_ends(world: World) -> None:
    world.ticks("purge")
    (message,) = world.queue.messages
    inside: list[object] = []

    def works(part: str, run: str) -> dict[str, int]:
        with pytest.raises(NotDone):
            world.consumer().consume(message)
        world.clock.moves(LEASE)
        world.consumer().consume(message)  # the first consumer counts as dead
        inside.append(part)
        return {}

    Consumer({"purge": works}, world.runs, world.clock, lease=LEASE).consume(message)
    assert inside == [REGION] and world.worked == [(REGION, "purge:2026-11-29T03:00")]
    assert (world.run("purge").succeeded, world.run("purge").state) == (1, RunState.DONE)


def test_a_message_whose_consumer_died_works_when_the_queue_shows_it_again(world: World) -> None:
    """The queue shows it after twice the lease, which is the function's timeout (tests/infrastructure/test_schedules.py)."""
    world.ticks("purge")
    (message,) = world.queue.messages
    with pytest.raises(Dies):
        Consumer({"purge": _dies}, world.runs, world.clock, lease=LEASE).consume(message)
    world.clock.moves(2 * LEASE)
    message["attributes"]["ApproximateReceiveCount"] = "2"
    world.consumer().consume(message)
    assert world.run("purge").state is RunState.DONE


class Dies(BaseException):
    """The end of a process: nothing of its code runs any more."""


def _dies(*_: object) -> dict[str, int]:
    raise Dies


def test_a_consumer_that_fails_after_its_lease_leaves_the_lease_of_the_next_one_alone(world: World) -> None:
    run = world.ticks("purge")

    def begins() -> tuple[PartRun, PartRun]:
        mine = PartRun(REGION, world.clock.at, world.clock.at + LEASE)
        return mine, world.runs.begin_part(run, mine)

    first, _ = begins()
    world.clock.moves(LEASE)
    second, _ = begins()
    world.clock.moves(timedelta(seconds=1))
    world.runs.release_part(run, first, world.clock.at)
    _, stored = begins()
    assert stored == second
    world.runs.release_part(run, second, world.clock.at)
    third, stored = begins()
    assert stored is third


@pytest.mark.parametrize("seen_by", ["the message that comes again", "the watch"])
def test_a_run_whose_last_consumer_died_before_it_ended_the_run_ends(
    world: World, seen_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ticks("purge")
    (message,) = world.queue.messages
    with monkeypatch.context() as dying:
        dying.setattr(world.runs, "end", _dies)
        with pytest.raises(Dies):
            world.consumer().consume(message)
    assert (world.run("purge").state, world.run("purge").succeeded) == (RunState.RUNNING, 1)
    if seen_by == "the watch":
        world.clock.moves(timedelta(seconds=601))
        assert world.late() == {}
    else:
        world.consumer().consume(message)
    assert (world.run("purge").state, len(world.worked)) == (RunState.DONE, 1)


class Contended:
    """A database on which another transaction changes the same item during the first calls of a method."""

    def __init__(self, client: Any, method: str, refusal: ClientError, times: int) -> None:
        self._client, self._method, self._refusal, self.refusals = client, method, refusal, times

    def __getattr__(self, name: str) -> Any:
        if name != self._method or not self.refusals:
            return getattr(self._client, name)
        self.refusals -= 1
        return self._refuse

    def _refuse(self, **_: object) -> None:
        raise self._refusal


def _cancelled(world: World, *reasons: str) -> ClientError:
    about = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": each} for each in reasons],
    }
    return world.database.exceptions.TransactionCanceledException(about, "TransactWriteItems")  # type: ignore[no-any-return]


def test_parts_that_end_at_one_moment_count_each_although_dynamodb_refuses_all_but_one(world: World) -> None:
    world.ticks("purge")
    busy = Contended(world.database, "transact_write_items", _cancelled(world, "None", "TransactionConflict"), 3)
    world.runs = RunStore(busy, world.table)
    world.consumes_everything()
    assert busy.refusals == 0
    assert (world.run("purge").state, world.run("purge").succeeded) == (RunState.DONE, 1)


def test_a_tick_and_the_end_of_a_run_wait_for_the_parts_that_count_at_the_same_moment(world: World) -> None:
    refusal = ClientError({"Error": {"Code": "TransactionConflictException"}}, "UpdateItem")
    busy = Contended(world.database, "update_item", refusal, 3)
    world.runs = RunStore(busy, world.table)
    world.ticks("purge")
    assert busy.refusals == 0
    busy.refusals = 3
    world.consumes_everything()
    assert (busy.refusals, world.run("purge").state) == (0, RunState.DONE)


def test_a_message_whose_part_cannot_be_counted_is_not_lost(world: World) -> None:
    """A refusal for another reason than that of another consumer is raised, so the message comes again."""
    world.ticks("purge")
    world.runs = RunStore(
        Contended(world.database, "transact_write_items", _cancelled(world, "None", "ThrottlingError"), 1), world.table
    )
    with pytest.raises(ClientError, match="Transact"):
        world.consumes_everything()
    assert world.run("purge").state is RunState.RUNNING


def test_work_that_fails_comes_again_and_counts_as_failed_when_it_is_given_up(world: World) -> None:
    world.ticks("purge")
    (message,) = world.queue.messages
    world.breaks_for.add(REGION)
    for receive in range(1, LAST_RECEIVE + 1):
        message["attributes"]["ApproximateReceiveCount"] = str(receive)
        assert world.run("purge").state is RunState.RUNNING
        with pytest.raises(KeyError):
            world.consumer().consume(message)
    assert len(world.worked) == LAST_RECEIVE
    run = world.run("purge")
    assert (run.state, run.succeeded, run.failed) == (RunState.FAILED, 0, 1)


def test_one_tenants_failure_is_not_anothers(world: World) -> None:
    world.ticks()
    world.breaks_for.add(TENANTS[3])
    for message in world.queue.messages:
        message["attributes"]["ApproximateReceiveCount"] = str(LAST_RECEIVE)
        try:
            world.consumer().consume(message)
        except KeyError:
            assert json.loads(message["body"])["part"] == TENANTS[3]
    assert (world.run().state, world.run().succeeded, world.run().failed) == (RunState.FAILED, 22, 1)


def test_a_record_of_a_failure_names_the_class_of_the_error_and_nothing_that_it_says(
    world: World,
) -> None:
    world.ticks("purge")
    world.breaks_for.add(REGION)
    world.queue.messages[0]["attributes"]["ApproximateReceiveCount"] = str(LAST_RECEIVE)
    with pytest.raises(KeyError):
        world.consumer().consume(world.queue.messages[0])
    stored = json.dumps(world.database.scan(TableName=world.table)["Items"])
    assert "KeyError" in stored and "Ann" not in stored


@pytest.mark.parametrize(
    "body",
    [
        "not JSON",
        "[]",
        '{"job": "sweep"}',
        '{"job": "sweep", "due": "soon", "part": "region"}',
        '{"job": "sweep", "due": "2026-11-29T03:00:00+00:00", "part": "t1#x"}',
        '{"job": "sweep", "due": "2026-11-29T04:00:00+00:00", "part": "region"}',
        '{"job": "other", "due": "2026-11-29T03:00:00+00:00", "part": "region"}',
    ],
)
def test_a_message_that_no_tick_has_written_is_refused(world: World, body: str) -> None:
    world.ticks()
    with pytest.raises(MalformedMessage):
        world.consumer().consume({"body": body, "attributes": {"ApproximateReceiveCount": "1"}})
    assert world.worked == []


def test_an_unknown_job_and_a_due_time_that_lies_ahead_are_refused(world: World) -> None:
    with pytest.raises(JobNotFound):
        world.ticks("nothing")
    with pytest.raises(InvalidDueTime):
        world.ticks(due=DUE + timedelta(hours=1))
    assert world.queue.messages == []


# -- late runs


def test_a_run_that_is_unfinished_after_its_deadline_is_late_until_it_ends(world: World) -> None:
    world.ticks()
    world.ticks("purge")
    world.consumer().consume(world.queue.messages[-1])
    world.clock.moves(timedelta(seconds=600))
    assert world.late() == {}
    world.clock.moves(timedelta(seconds=1))
    assert world.late() == {"sweep": 1}
    world.consumes_everything()
    assert world.late() == {}


def test_a_job_that_was_due_and_has_not_begun_is_late(world: World) -> None:
    world.ticks()
    world.consumes_everything()
    world.ticks("purge")
    world.consumer().consume(world.queue.messages[-1])
    world.clock.moves(timedelta(seconds=900 + 600))
    assert world.late() == {}
    world.clock.moves(timedelta(seconds=1))
    assert world.late() == {"sweep": 1}


def test_a_job_that_never_ran_is_late_after_its_first_period(world: World) -> None:
    assert world.late() == {}  # the watch sees both for the first time
    world.clock.moves(timedelta(seconds=900 + 601))
    assert world.late() == {"sweep": 1}
    world.ticks("sweep", world.clock.at)
    world.consumes_everything()
    assert world.late() == {}


# -- the registry's list


def test_the_tenants_of_a_region_are_listed_in_pages_and_those_of_other_regions_are_not(
    region: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docplatform.tenancy.registry._PAGE", 10)
    make_table(region.database, "registry-of-many", "gsi1")
    registry = Registry(region.database, "registry-of-many")
    for number in range(1, 24):
        registry.add(a_tenant(number))
    registry.add(a_tenant(99, region="eu-central-1"))
    found, cursor, pages = [], "", 0
    while True:
        ids, cursor = registry.ids_in_region(AWS_REGION, cursor)
        found, pages = [*found, *ids], pages + 1
        if not cursor:
            break
    assert found == TENANTS
    assert pages == 3
