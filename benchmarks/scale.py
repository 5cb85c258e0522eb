"""The same requests to a tenant of 10,000 documents and to one of 100,000, side by side in one run.

    python benchmarks/scale.py                       # about 20 minutes on two cores
    python benchmarks/scale.py --sizes 1000,10000    # a quick run

A local cloud of its own, in a temporary folder, gets a tenant of each size; all documents are in one folder. Printed, as a table for
docs/figures.md: the median over HTTP at each size; the ratio of the medians, its spread in five parts of the run, and the noise (the
ratio of the smaller tenant to itself); the AWS calls, and the processor time of our own code without them (of the real handlers in
this process, at the same cloud); then the seconds of a snapshot, a stop and a start. The requests to the two tenants alternate, so
that both meet the same noise. The bounds: 1.3 times for reads and lists, the same calls, 15 seconds for the start.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/platform/python")]

from benchmarks.meter import Meter
from benchmarks.search_engine import NEEDLE_HITS, NEEDLES, Texts, resident
from benchmarks.tenant_of_size import (
    REGION,
    Home,
    SampleDocument,
    fill,
    function_environment,
    make_sample,
    stream_paused,
)
from docplatform.core.actor import Role
from docplatform.tenancy.registry import Registry
from local import supervisor
from local.testing import Cloud, running_cloud
from tests.e2e.client import ANSWER, VISIBLE, Member, TenantSite, create_tenant, send
from tests.support.mocked_aws import Answer, Person, function

SIZES, ROUNDS, PARTS, UPLOADS = (10_000, 100_000), 60, 5, 5
BOUND, START_BOUND = 1.3, 15.0
BOUNDED = ("read", "list, first page", "list, middle page", "list, newest first")
PAGE = 50


@dataclass
class Tenant:
    """A tenant of a size, and what its requests need."""

    size: int
    site: TenantSite
    member: Member
    folder: str
    documents: list[str]
    middle: str = ""
    """The cursor of the page in the middle of the folder."""
    connection: requests.Session = field(default_factory=requests.Session)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> Any:
        """The JSON of the answer, over a connection that stays open."""
        port = self.site.site.cloud.ports[REGION]
        answer = self.connection.request(
            method,
            f"http://127.0.0.1:{port}{path}",
            json=body,
            params=query,
            headers={
                "Host": f"{self.site.site.subdomain}.localhost:{port}",
                "Authorization": f"Bearer {self.member.token}",
            },
            timeout=ANSWER,
        )
        assert answer.status_code < 400, answer.text
        return answer.json()


@dataclass(frozen=True)
class Times:
    """Milliseconds of the same request at the small tenant, at the large one, and at the small one once more."""

    small: list[float]
    large: list[float]
    small_again: list[float]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: object = None
    query: dict[str, str] | None = None


def requests_of(tenant: Tenant) -> dict[str, Callable[[], Request]]:
    """Name → what makes the next request of that kind: each names another document or word, so that nothing comes from a cache."""
    children, page = f"/v1/folders/{tenant.folder}/children", {"limit": str(PAGE)}
    number = tenant.numbers
    common, needles = Texts().words[200:220], min(NEEDLES, tenant.size // NEEDLE_HITS)

    def search(words: str) -> Request:
        return Request("POST", "/v1/search", {"query": words})

    def announce() -> Request:
        body = {"name": f"new {next(number)}.txt", "folder_id": tenant.folder, "content_type": "text/plain", "size": 9}
        return Request("POST", "/v1/documents", body)

    def read() -> Request:
        return Request("GET", f"/v1/documents/{tenant.documents[next(number) * 7919 % tenant.size]}")

    return {
        "read": read,
        "list, first page": lambda: Request("GET", children, query=page),
        "list, middle page": lambda: Request("GET", children, query={**page, "cursor": tenant.middle}),
        "list, newest first": lambda: Request("GET", children, query={**page, "sort": "-created_at"}),
        "search, selective": lambda: search(f"needle{next(number) % needles}"),
        "search, broad": lambda: search(common[next(number) % len(common)]),
        "create": announce,
    }


# -- tenants
def make_tenants(cloud: Cloud, sizes: tuple[int, int]) -> list[Tenant]:
    sample_site = create_tenant(cloud, REGION, "enterprise")
    samples, source = make_sample(cloud, sample_site, sample_site.invites("editor"))
    with stream_paused(cloud):
        tenants = [_make_tenant(cloud, samples, source, size) for size in sizes]
    for tenant in tenants:
        _await_index(tenant)
        _walk_to_middle(tenant)
    return tenants


def _make_tenant(cloud: Cloud, samples: list[SampleDocument], source: Home, size: int) -> Tenant:
    site = create_tenant(cloud, REGION, "enterprise")
    member = site.invites("editor")
    folder = member.creates_folder("Library")
    started = time.monotonic()
    documents = fill(cloud, samples, source, Home(site.id, folder, member.user_id), size)
    took = time.monotonic() - started
    _say(f"{size:,} documents made in {took:.0f} s ({size / took:.0f} a second)")
    return Tenant(size, site, member, folder, documents)


def _await_index(tenant: Tenant) -> None:
    """Returns once the search collection shows every document."""
    deadline = time.monotonic() + VISIBLE
    while (shown := _shown(tenant)) < tenant.size:
        assert time.monotonic() < deadline, f"the index shows {shown} of {tenant.size}"
        time.sleep(5)


def _shown(tenant: Tenant) -> int:
    """The number of documents that a search shows on all its pages."""
    cursor = ""
    while True:
        page = tenant.ask("POST", "/v1/search", {"query": "report", "limit": 100, "cursor": cursor})
        cursor = page["next_cursor"]
        if not cursor:
            return int(page["total"])


def _walk_to_middle(tenant: Tenant) -> None:
    started, seen = time.monotonic(), 0
    while seen < tenant.size // 2:
        query = {"limit": "100", **({"cursor": tenant.middle} if tenant.middle else {})}
        page = tenant.ask("GET", f"/v1/folders/{tenant.folder}/children", query=query)
        seen, tenant.middle = seen + len(page["items"]), page["next_cursor"]
    _say(f"{seen:,} of {tenant.size:,} listed in {time.monotonic() - started:.0f} s")


# -- over HTTP
def measure(small: Tenant, large: Tenant, rounds: int) -> dict[str, Times]:
    """The times of each kind of request. Each round asks the small tenant twice: the two differ by noise alone."""
    kinds = [(tenant, requests_of(tenant)) for tenant in (small, large, small)]
    found = {name: Times([], [], []) for name in kinds[0][1]}
    for number in range(-3, rounds):  # the first three warm up
        for name, times in found.items():
            in_turn = list(zip(kinds, (times.small, times.large, times.small_again), strict=True))
            for (tenant, makers), series in in_turn if number % 2 else reversed(in_turn):
                asked = makers[name]()
                started = time.perf_counter()
                tenant.ask(asked.method, asked.path, asked.body, asked.query)
                if number >= 0:
                    series.append((time.perf_counter() - started) * 1000)
    return found


def measure_uploads(small: Tenant, large: Tenant, rounds: int) -> Times:
    """The times from announcing a document until it is ready."""
    times = Times([], [], [])
    for number in range(-1, rounds):
        for tenant, series in ((small, times.small), (large, times.large), (small, times.small_again)):
            took = _upload(tenant)
            if number >= 0:
                series.append(took)
    return times


def _upload(tenant: Tenant) -> float:
    content = b"A short letter about the lease."
    name, size = f"upload {next(tenant.numbers)}.txt", len(content)
    body = {"name": name, "folder_id": tenant.folder, "content_type": "text/plain", "size": size}
    started = time.perf_counter()
    made = tenant.ask("POST", "/v1/documents", body)
    assert send(made["upload"], content).status_code == 200
    while tenant.ask("GET", f"/v1/documents/{made['document']['id']}")["processing"]["state"] != "ready":
        assert time.perf_counter() - started < ANSWER, "a document does not become ready"
        time.sleep(0.02)
    return (time.perf_counter() - started) * 1000


# -- in this process
@dataclass
class Cost:
    """The AWS calls of a request, and the processor time of our own code in milliseconds, one for each time it was made."""

    calls: str
    own: list[float]


def measure_in_process(cloud: Cloud, small: Tenant, large: Tenant, rounds: int) -> dict[str, tuple[Cost, Cost]]:
    """Name → what a request costs at the small tenant and at the large one."""
    people = _people(cloud, small, large)
    kinds = [requests_of(tenant) for tenant in (small, large)]
    found = {name: (Cost("", []), Cost("", [])) for name in kinds[0]}
    meter = Meter()
    for number, (name, costs) in itertools.product(range(-3, rounds), found.items()):
        for person, makers, cost in zip(people, kinds, costs, strict=True):
            asked = makers[name]()
            with contextlib.redirect_stdout(io.StringIO()):  # the log line
                answer, took = meter.of(partial(person.asks, asked.method, asked.path, asked.body, query=asked.query))
            assert answer.status < 400, answer
            if number >= 0:
                cost.own.append(took)
                cost.calls = counted(meter.calls)
    return found


def _people(cloud: Cloud, *tenants: Tenant) -> list[Person]:
    """The tenants' members at the handlers of this process, which get a function's role and environment at the running cloud."""
    for function_name in ("documents", "folders", "search"):
        os.environ |= function_environment(cloud, function_name)
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    os.environ |= dict(zip(names, cloud.as_function(REGION, "documents").credentials, strict=True))
    os.environ |= {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": cloud.settings.endpoint}
    registry, people = Registry(cloud.root("dynamodb", REGION), os.environ["REGISTRY_TABLE"]), []
    for tenant in tenants:
        known = registry.by_id(tenant.site.id)
        assert known is not None
        people.append(Person(_InProcess(known), tenant.member.user_id, Role.EDITOR))  # type: ignore[arg-type]
    return people


@dataclass
class _InProcess:
    """The handlers of this process, for one tenant: what a Person of the tests needs."""

    tenant: Any

    @property
    def cloud(self) -> Any:
        return self

    @staticmethod
    def call(package: str, event: dict[str, Any]) -> Answer:
        answer = function(package).handler(event, None)
        return Answer(answer["statusCode"], json.loads(answer["body"]), answer["headers"])


def counted(calls: list[tuple[str, str]]) -> str:
    """``dynamodb: 2 GetItem, 1 Query; opensearch: 1 _search``."""
    by_service: dict[str, collections.Counter[str]] = {}
    for service, operation in calls:
        by_service.setdefault(service, collections.Counter())[operation] += 1
    return "; ".join(
        f"{service}: " + ", ".join(f"{count} {operation}" for operation, count in sorted(operations.items()))
        for service, operations in sorted(by_service.items())
    )


# -- stop and start
def measure_restart(cloud: Cloud, tenant: Tenant) -> dict[str, float]:
    """What is done → seconds. The first requests go to ``tenant``."""
    found = {}

    def timed(name: str, act: Callable[[], object]) -> None:
        started = time.monotonic()
        act()
        found[name] = time.monotonic() - started

    timed("snapshot", partial(supervisor.snapshot, cloud.settings))
    timed("stop", partial(supervisor.stop, cloud.settings))
    timed("start", partial(supervisor.start, cloud.settings))
    tenant.connection = requests.Session()
    makers = requests_of(tenant)
    for name in ("read", "list, first page", "list, newest first", "search, selective"):
        asked = makers[name]()
        timed(f"first {name}", partial(tenant.ask, asked.method, asked.path, asked.body, asked.query))
    timed("kill -9 and start", cloud.kill_and_start)
    return found


# -- the report
def ratio(below: list[float], above: list[float]) -> float:
    return statistics.median(above) / statistics.median(below)


def spread(below: list[float], above: list[float]) -> tuple[float, float]:
    """The least and the greatest ratio in the parts of the run."""
    parts = min(PARTS, len(below))
    each = [ratio(below[part::parts], above[part::parts]) for part in range(parts)]
    return min(each), max(each)


def report(sizes: tuple[int, int], measured: dict[str, Times], costs: dict[str, tuple[Cost, Cost]]) -> bool:
    """Prints the table, and returns whether the bounds hold."""
    small, large = (f"{size:,}" for size in sizes)
    print(f"| request | {small}: ms | {large}: ms | ratio | spread | noise | own ms | AWS calls |")
    print("|---|---|---|---|---|---|---|---|")
    held = True
    for name, times in measured.items():
        grown, (least, most) = ratio(times.small, times.large), spread(times.small, times.large)
        over = name in BOUNDED and grown > BOUND
        own = calls = ""
        if name in costs:
            below, above = costs[name]
            own = f"{statistics.median(below.own):.2f} → {statistics.median(above.own):.2f}"
            calls = above.calls if below.calls == above.calls else f"**{below.calls} → {above.calls}**"
            held &= below.calls == above.calls
        held &= not over
        print(
            f"| {name} | {statistics.median(times.small):.1f} | {statistics.median(times.large):.1f} "
            f"| {'**' * over}{grown:.2f}{'**' * over} | {least:.2f} to {most:.2f} "
            f"| {ratio(times.small, times.small_again):.2f} | {own} | {calls} |"
        )
    return held


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {what}; load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)


def _two_sizes(text: str) -> tuple[int, int]:
    small, large = (int(each) for each in text.split(","))
    if not NEEDLE_HITS <= small < large:
        raise ValueError
    return small, large


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--sizes", type=_two_sizes, default=SIZES, help=f"two, the smaller first; at least {NEEDLE_HITS}"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="requests of each kind to each tenant")
    chosen = parser.parse_args()
    os.environ.pop("DOCPLATFORM_CLOUD", None)  # a cloud of its own, always
    os.environ["DOCPLATFORM_TRACES_PER_SECOND"] = "0"
    with running_cloud() as cloud:
        _say(f"a local cloud runs in {cloud.settings.folder}")
        small, large = make_tenants(cloud, chosen.sizes)
        load = [os.getloadavg()[0]]
        measured = measure(small, large, chosen.rounds)
        _say("measured over HTTP")
        measured["create, send, until ready"] = measure_uploads(small, large, UPLOADS)
        load.append(os.getloadavg()[0])
        _say("measured uploads")
        memory = resident(supervisor.running(cloud.settings))
        seconds = measure_restart(cloud, large)
        _say("measured stop and start")
        costs = measure_in_process(cloud, small, large, chosen.rounds)
    held = report(chosen.sizes, measured, costs) and seconds["start"] <= START_BOUND
    print(
        f"\n{os.cpu_count()} cores; load {load[0]:.1f} to {load[1]:.1f}; {chosen.rounds} requests of each kind and series"
    )
    print(
        f"{sum(chosen.sizes):,} documents, {memory:,} MB of memory: "
        + ", ".join(f"{name} {took:.2f} s" for name, took in seconds.items())
    )
    print(
        f"bounds ({BOUND} times for read and list, equal calls, start in {START_BOUND:.0f} s) {'hold' if held else 'DO NOT HOLD'}"
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
