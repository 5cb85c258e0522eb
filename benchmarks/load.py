"""Load on the running platform by an open loop, beside the four promised figures.

    python benchmarks/load.py                                     # a local cloud of its own, or DOCPLATFORM_CLOUD's
    python benchmarks/load.py --rate 20 --seconds 120 --burst --burst-seconds 60
    python benchmarks/load.py --tenants tenants.json --rate 1000 --seconds 1800 --upload-size 10000000 --record figures.json

Arrival times are a Poisson process from ``--seed``. Latency counts from the planned time, so waiting is not hidden. The mix: 60 % search,
25 % read, 10 % upload, 5 % other; tenants by Zipf's law, the first of the list the busiest. ``--burst``: twenty times the uploads for ten
minutes (``--burst-seconds``) between two calm stretches. A request that fails counts as slower than all others. The figures leave out a
warm-up, in which functions start.

``--tenants``: a file for any other address, such as an AWS account. It is a JSON list with a member for each tenant: ``address`` (a URL),
and ``email`` and ``password`` of an editor, or ``token`` (an API key or an access token, which must outlive the run). The run makes
documents and folders in them, and leaves them there.

The exit code is 0 if every promise holds. With a local cloud it is always 0: a report, because one machine is no region. It is 2 if the
generator itself was too slow to say anything.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import math
import os
import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/platform/python")]

from benchmarks.open_loop import Burst, Generator, Histogram, Planned, plan, run
from local import demo_data
from local.demo import PASSWORD, seed
from local.testing import running_cloud

MIX = {"search": 0.60, "read": 0.25, "upload": 0.10, "other": 0.05}
PROMISES = {"search": 0.5, "preview": 2.0, "upload": 5.0, "any other API call": 0.2}
"""Seconds at the 99th percentile. An upload is of 10 MB: the announcement and the file itself; a preview: the link and the picture."""
PROMISED_UPLOAD = 10_000_000
LOCAL_IN_FLIGHT = 8
"""A local cloud starts a process for each call in hand: with many open requests the machine does little else."""
_SIGNED_IN = 600.0  # seconds after which a member signs in anew; access tokens are valid for 900
_LAGGING = 0.02  # seconds: a tenth of the tightest promise
_BUSY = 0.9  # processors that the generator may use: Python has one for its threads together
_REMEMBERED = 1_000  # documents of a tenant
_PROCESSING = 300.0  # seconds
_WORDS = (
    "lease",
    "term",
    "notice",
    "agreement",
    "policy",
    "report",
    "revenue",
    "delivery",
    "travel",
    "landlord",
    "rent month",
)


@dataclass(frozen=True)
class Operation:
    """``kind``: of the mix. ``share``: of all requests."""

    kind: str
    share: float
    promise: str


WARM_UP = "warm-up"
_API = "any other API call"
OPERATIONS = {
    "search": Operation("search", 0.60, "search"),
    "document": Operation("read", 0.14, _API),
    "download link": Operation("read", 0.06, _API),
    "preview": Operation("read", 0.05, "preview"),
    "upload": Operation("upload", 0.10, "upload"),
    "list": Operation("other", 0.02, _API),
    "rename": Operation("other", 0.01, _API),
    "grant": Operation("other", 0.01, _API),
    "folder": Operation("other", 0.01, _API),
}


class Refused(Exception):
    """A request failed. The text is an HTTP status, 'timeout' or 'connection'."""


class Connections:
    """Connections that stay open. ``*.localhost`` is loopback, which not every resolver knows."""

    def __init__(self, most: int, timeout: float) -> None:
        limits = urllib3.Timeout(connect=min(timeout, 10.0), read=timeout)
        self._pool = urllib3.PoolManager(num_pools=200, maxsize=most, timeout=limits, retries=False)

    def request(self, method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
        """The body of the answer. Raises Refused."""
        host = urlsplit(url).hostname or ""
        if host.endswith(".localhost"):
            headers = {"Host": urlsplit(url).netloc, **headers}
            url = url.replace(host, "127.0.0.1", 1)
        try:
            answer = self._pool.request(method, url, body=body, headers=headers)
        except urllib3.exceptions.NewConnectionError as error:  # in urllib3 a kind of time-out
            raise Refused("connection") from error
        except urllib3.exceptions.TimeoutError as error:
            raise Refused("timeout") from error
        except urllib3.exceptions.HTTPError as error:
            raise Refused("connection") from error
        if answer.status >= 400:
            raise Refused(str(answer.status))
        return answer.data


@dataclass
class Site:
    """A tenant's address, somebody who works there, and documents to work on."""

    connections: Connections
    address: str
    email: str = ""
    password: str = ""
    token: str = ""
    run: str = ""
    """Names what this run makes."""
    signed_in_at: float = -math.inf
    documents: list[str] = field(default_factory=list)
    previews: list[str] = field(default_factory=list)
    own: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    """Documents of this run, for changes: taken out while one is changed."""
    folder: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        return json.loads(self.connections.request(method, self.address + path, headers, content) or b"{}")

    def sign_in(self) -> None:
        if self.password and time.monotonic() - self.signed_in_at > _SIGNED_IN:
            made = self.ask("POST", "/v1/auth/login", {"email": self.email, "password": self.password})
            self.token, self.signed_in_at = made["access_token"], time.monotonic()

    def prepare(self) -> None:
        """Signs in, makes a folder and a document in it, and finds documents to read. Returns once its document has a preview."""
        self.sign_in()
        self.folder = self.ask("POST", "/v1/folders", {"name": f"Load {self.run}"})["id"]
        for child in self._children("root"):
            for each in [child] if child["kind"] == "document" else self._children(child["id"]):
                if each["kind"] == "document" and len(self.documents) < _REMEMBERED:
                    self.documents.append(each["id"])
                    if each["version"]["has_preview"]:
                        self.previews.append(each["id"])
        content = demo_data.pdf(["The lease ends in June.", "Either party may give notice."])
        made = self._send("pdf", demo_data.PDF, content)
        deadline = time.monotonic() + _PROCESSING
        while not self.ask("GET", f"/v1/documents/{made}")["version"]["has_preview"]:
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.address}: a document has no preview after {_PROCESSING:.0f} seconds")
            time.sleep(0.5)
        self.documents.append(made)
        self.previews.append(made)

    def _children(self, folder: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", f"/v1/folders/{folder}/children?limit=100")["items"]
        return found

    # -- operations
    def search(self, chance: random.Random, _: int) -> None:
        self.ask("POST", "/v1/search", {"query": chance.choice(_WORDS)})

    def document(self, chance: random.Random, _: int) -> None:
        self.ask("GET", f"/v1/documents/{chance.choice(self.documents)}")

    def download_link(self, chance: random.Random, _: int) -> None:
        self.ask("GET", f"/v1/documents/{chance.choice(self.documents)}/content")

    def preview(self, chance: random.Random, _: int) -> None:
        link = self.ask("GET", f"/v1/documents/{chance.choice(self.previews)}/preview")
        self.connections.request(link["method"], link["url"], link["headers"])

    def upload(self, chance: random.Random, size: int) -> None:
        content = (" ".join(chance.choices(_WORDS, k=100)) + "\n").encode()
        content = (content * (size // len(content) + 1))[:size]
        self._send("txt", demo_data.TEXT, content)

    def _send(self, ending: str, kind: str, content: bytes) -> str:
        made = self.ask("POST", "/v1/documents", self._new(ending, content_type=kind, size=len(content)))
        link, document = made["upload"], str(made["document"]["id"])
        self.connections.request(link["method"], link["url"], link["headers"], content)
        if self.own.qsize() < _REMEMBERED:
            self.own.put(document)
        return document

    def list(self, chance: random.Random, _: int) -> None:
        self.ask("GET", f"/v1/folders/{chance.choice(('root', self.folder))}/children")

    def rename(self, _: random.Random, __: int) -> None:
        with self._one_of_own() as document:
            self.ask("PATCH", f"/v1/documents/{document}", {"name": self._new("txt")["name"]})

    def grant(self, chance: random.Random, _: int) -> None:
        with self._one_of_own() as document:
            role = chance.choice(("viewer", "editor"))
            self.ask("PUT", f"/v1/access/{document}/grants/everyone", {"role": role})

    def make_folder(self, _: random.Random, __: int) -> None:
        new = self._new("")
        self.ask("POST", "/v1/folders", {"name": new["name"], "parent_id": new["folder_id"]})

    @contextmanager
    def _one_of_own(self) -> Iterator[str]:
        try:
            document = self.own.get(timeout=30)
        except queue.Empty:
            raise Refused("no document to change") from None
        try:
            yield document
        finally:
            self.own.put(document)

    def _new(self, ending: str, **more: object) -> dict[str, object]:
        return {"name": f"{next(self.numbers)}.{ending}".rstrip("."), "folder_id": self.folder, **more}


_ACTS: dict[str, Callable[[Site, random.Random, int], None]] = {
    "search": Site.search,
    "document": Site.document,
    "download link": Site.download_link,
    "preview": Site.preview,
    "upload": Site.upload,
    "list": Site.list,
    "rename": Site.rename,
    "grant": Site.grant,
    "folder": Site.make_folder,
}


# -- what came of it
class Figures:
    """Durations by phase and operation, and failures by kind."""

    def __init__(self, phase_of: Callable[[float], str]) -> None:
        self._phase_of = phase_of
        self._series: dict[tuple[str, str], Histogram] = collections.defaultdict(Histogram)
        self._by_promise: dict[tuple[str, str], Histogram] = collections.defaultdict(Histogram)
        self.failures: collections.Counter[tuple[str, str]] = collections.Counter()

    def record(self, planned: Planned, seconds: float, failure: str) -> None:
        phase, operation = self._phase_of(planned.at), OPERATIONS[planned.operation]
        self._series[phase, planned.operation].add(seconds)
        self._by_promise[phase, operation.promise].add(seconds)
        if failure and phase != WARM_UP:
            self.failures[operation.promise, failure] += 1

    @property
    def phases(self) -> list[str]:
        """Those that are judged. In the warm-up, functions start."""
        return [each for each in dict.fromkeys(phase for phase, _ in self._by_promise) if each != WARM_UP]

    def of_promise(self, phase: str, promise: str) -> Histogram:
        return self._by_promise.get((phase, promise), Histogram())

    def of_operation(self, phase: str, operation: str) -> Histogram:
        return self._series.get((phase, operation), Histogram())

    def holds(self) -> bool:
        """A promise that no request has tried does not hold."""
        return bool(self.phases) and all(
            self.of_promise(phase, promise).percentile(0.99) < seconds
            for phase in self.phases
            for promise, seconds in PROMISES.items()
        )


@dataclass(frozen=True)
class Bottleneck:
    """Whether the generator itself was too slow. ``lag``: the 99th percentile of its own delays, in seconds. ``busy``: the processors
    that it used."""

    lag: float
    busy: float

    @property
    def found(self) -> bool:
        return self.lag > _LAGGING or self.busy > _BUSY


def show(figures: Figures, own: Generator, generator: Bottleneck, in_flight: int, upload_size: int) -> None:
    for phase in figures.phases:
        print(f"\n{phase:20} {'requests':>8} {'failed':>7} {'p50':>9} {'p95':>9} {'p99':>9}   promised p99")
        for promise, seconds in PROMISES.items():
            found = figures.of_promise(phase, promise)
            verdict = (
                "holds" if found.percentile(0.99) < seconds else "no request" if not found.count else "DOES NOT HOLD"
            )
            print(f"{_row(promise, found)}   < {seconds * 1000:,.0f} ms {verdict}")
            for operation, about in OPERATIONS.items():
                if about.promise == promise and operation != promise:
                    print(_row(f"  {operation}", figures.of_operation(phase, operation)))
    for (promise, failure), count in sorted(figures.failures.items()):
        print(f"failed: {promise}: {failure}: {count}")
    if upload_size != PROMISED_UPLOAD:
        print(f"uploads were of {upload_size / 1e6:g} MB; the promise is for 10 MB: --upload-size {PROMISED_UPLOAD}")
    print(
        f"\n{own.sent:,} requests sent in {own.seconds:.0f} s ({own.sent / own.seconds:.1f} a second); {own.late:,} after their planned"
        f" time, of which {own.waited:,} waited because {in_flight} were in flight; {own.unsent:,} were given up, and count as failed"
    )
    print(f"the generator's own lag: p99 {generator.lag * 1000:.1f} ms; it used {generator.busy:.2f} processors")
    if generator.found:
        print(
            "THE GENERATOR IS THE BOTTLENECK: it, or its machine, is too busy, and the figures say nothing about the platform."
        )
        print("Use a machine of its own, or several with a part of the rate each.")
    elif own.waited:
        print(
            f"the limit of {in_flight} in flight was reached: the platform was slower than the load, or raise --in-flight"
        )


def _row(name: str, found: Histogram) -> str:
    cells = " ".join(f"{_milliseconds(found.percentile(part)):>9}" for part in (0.5, 0.95, 0.99))
    return f"{name:20} {found.count:8,} {found.failed:7,} {cells}"


def _milliseconds(seconds: float) -> str:
    return "–" if math.isnan(seconds) else "failed" if math.isinf(seconds) else f"{seconds * 1000:.0f} ms"


def as_json(figures: Figures, own: Generator, generator: Bottleneck, settings: dict[str, object]) -> dict[str, object]:
    def of(found: Histogram) -> dict[str, object]:
        parts = {"p50": found.percentile(0.5), "p95": found.percentile(0.95), "p99": found.percentile(0.99)}
        seconds = {name: round(each, 5) if math.isfinite(each) else None for name, each in parts.items()}
        return {"requests": found.count, "failed": found.failed, **seconds}

    return {
        "settings": settings,
        "promised_p99": PROMISES,
        "figures": {
            phase: {
                **{promise: of(figures.of_promise(phase, promise)) for promise in PROMISES},
                "operations": {name: of(figures.of_operation(phase, name)) for name in OPERATIONS},
            }
            for phase in figures.phases
        },
        "failures": {f"{promise}: {failure}": count for (promise, failure), count in figures.failures.items()},
        "holds": figures.holds(),
        "generator": {
            **{name: value for name, value in asdict(own).items() if name != "lag"},
            **asdict(generator),
            "is_the_bottleneck": generator.found,
        },
    }


# -- the run
@contextmanager
def sites(chosen: argparse.Namespace, connections: Connections) -> Iterator[list[Site]]:
    name = f"{time.strftime('%Y-%m-%d %H.%M.%S')} {chosen.seed}"
    if chosen.tenants:
        yield [Site(connections, run=name, **each) for each in json.loads(chosen.tenants.read_text())]
        return
    with running_cloud() as cloud:
        yield [
            Site(
                connections,
                cloud.settings.address(tenant.region, tenant.subdomain),
                tenant.people["editor"],
                PASSWORD,
                run=name,
            )
            for tenant in seed(cloud.settings)
        ]


async def generate(chosen: argparse.Namespace, tenants: list[Site], figures: Figures) -> tuple[Generator, Bottleneck]:
    loop, lags = asyncio.get_running_loop(), Histogram()
    one = threading.Lock()
    rates = {name: about.share * chosen.rate for name, about in OPERATIONS.items()}
    planned = plan(rates, total(chosen), len(tenants), seed=chosen.seed, zipf=chosen.zipf, burst=burst_of(chosen))
    with ThreadPoolExecutor(chosen.in_flight + len(tenants)) as pool:

        def act(each: Planned, handed_over: float) -> str:
            lag = time.monotonic() - handed_over
            with one:
                lags.add(lag)
            try:
                _ACTS[each.operation](
                    tenants[each.tenant], random.Random(f"{chosen.seed}/{each.at}"), chosen.upload_size
                )
            except Refused as refused:
                return str(refused)
            return ""

        async def send(each: Planned) -> str:
            return await loop.run_in_executor(pool, act, each, time.monotonic())

        async def stay_signed_in() -> None:
            while True:
                await asyncio.sleep(30)
                for tenant in tenants:
                    with suppress(
                        Refused, ValueError, KeyError
                    ):  # tried again; requests with an old token fail, and count
                        await loop.run_in_executor(pool, tenant.sign_in)

        signing_in = loop.create_task(stay_signed_in())
        used = time.process_time()
        own = await run(planned, send, figures.record, in_flight=chosen.in_flight, patience=chosen.patience)
        busy = (time.process_time() - used) / own.seconds
        signing_in.cancel()
    return own, Bottleneck(max(own.lag.percentile(0.99), lags.percentile(0.99)), busy)


def burst_of(chosen: argparse.Namespace) -> Burst | None:
    begin = chosen.warm_up + chosen.seconds
    return Burst("upload", 20, begin, begin + chosen.burst_seconds) if chosen.burst else None


def total(chosen: argparse.Namespace) -> float:
    """Seconds: with a burst, a calm stretch before and after it."""
    return float(chosen.warm_up + (2 * chosen.seconds + chosen.burst_seconds if chosen.burst else chosen.seconds))


def phase_of(warm_up: float, burst: Burst | None, at: float) -> str:
    if at < warm_up:
        return WARM_UP
    if burst is None:
        return "all"
    return "before the burst" if at < burst.begin else "burst" if at < burst.end else "after the burst"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tenants", type=Path, help="JSON: a list of address with email and password, or with token")
    parser.add_argument("--rate", type=float, default=5.0, help="requests a second, all together (without the burst)")
    parser.add_argument("--warm-up", type=float, default=20.0, help="seconds before the first request that counts")
    parser.add_argument("--seconds", type=float, default=60.0, help="of a calm stretch")
    parser.add_argument("--burst", action="store_true", help="twenty times the uploads, between two calm stretches")
    parser.add_argument("--burst-seconds", type=float, default=600.0)
    parser.add_argument("--zipf", type=float, default=1.0, help="exponent: 0 is the same load for all tenants")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the arrival times; another one for each of several generators"
    )
    parser.add_argument(
        "--in-flight",
        type=int,
        help=f"requests that may be open at a time; {LOCAL_IN_FLIGHT} at a local cloud, else 256",
    )
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds without an answer")
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds after which a request that waits is given up"
    )
    parser.add_argument("--upload-size", type=int, default=20_000, help=f"bytes; the promise is for {PROMISED_UPLOAD}")
    parser.add_argument("--record", type=Path, help="writes the figures as JSON")
    chosen = parser.parse_args()
    chosen.in_flight = chosen.in_flight or (256 if chosen.tenants else LOCAL_IN_FLIGHT)
    return chosen


def main() -> int:
    chosen = arguments()
    connections, burst = Connections(chosen.in_flight, chosen.timeout), burst_of(chosen)
    figures = Figures(lambda at: phase_of(chosen.warm_up, burst, at))
    with sites(chosen, connections) as tenants:
        for tenant in tenants:
            tenant.prepare()
        load_before = os.getloadavg()[0]
        own, generator = asyncio.run(generate(chosen, tenants, figures))
    show(figures, own, generator, chosen.in_flight, chosen.upload_size)
    print(f"this machine: {os.cpu_count()} cores, load {load_before:.1f} before and {os.getloadavg()[0]:.1f} after")
    if chosen.record:
        settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(chosen).items()}
        chosen.record.write_text(json.dumps(as_json(figures, own, generator, settings), indent=1) + "\n")
    if not chosen.tenants:
        print("a local cloud: this is a report, and no acceptance")
        return 0
    return 2 if generator.found else 0 if figures.holds() else 1


if __name__ == "__main__":
    sys.exit(main())
