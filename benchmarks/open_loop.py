"""An open loop: requests are sent at times that are fixed beforehand, whether or not earlier ones have been answered.

A closed loop waits for an answer before it sends the next request, so a slow service gets fewer requests and looks faster than it is
("coordinated omission"). Here the latency of a request counts from its planned time: the time that it waits to be sent is part of it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

LATE = 0.01  # seconds after the planned time from which a request counts as late
_HEARTBEAT = 0.02  # seconds between looks at the generator's own lag
_FIRST, _GROWTH = 1e-5, 1.02  # seconds of the first bucket of a histogram, and the ratio of one to the next


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """A request: seconds after the beginning, operation, and the rank of its tenant (0: the busiest)."""

    at: float
    operation: str
    tenant: int


@dataclass(frozen=True)
class Burst:
    """The rate of one operation is ``times`` as high from ``begin`` to ``end`` (in seconds)."""

    operation: str
    times: float
    begin: float
    end: float


def plan(
    rates: Mapping[str, float],
    seconds: float,
    tenants: int,
    *,
    seed: int,
    zipf: float = 1.0,
    burst: Burst | None = None,
) -> Iterator[Planned]:
    """The requests of a run in order of time. ``rates``: operation → requests a second. Each operation is a Poisson process with a random
    generator of its own, so a burst of one changes nothing in the others. The requests are made one by one: a long run needs no memory."""
    weights = list(itertools.accumulate(zipf_weights(tenants, zipf)))

    def of(operation: str, rate: float) -> Iterator[Planned]:
        chance, chooser = random.Random(f"{seed}/times/{operation}"), random.Random(f"{seed}/tenants/{operation}")
        for at in poisson(rate, seconds, chance, burst if burst and burst.operation == operation else None):
            yield Planned(at, operation, chooser.choices(range(tenants), cum_weights=weights)[0])

    return heapq.merge(*(of(operation, rate) for operation, rate in rates.items()))


def poisson(rate: float, seconds: float, chance: random.Random, burst: Burst | None = None) -> Iterator[float]:
    """Arrival times of a Poisson process. A unit-rate process is stretched to the rate of each stretch of time."""
    edges = [(0.0, seconds, rate)]
    if burst:
        edges = [(0.0, burst.begin, rate), (burst.begin, burst.end, rate * burst.times), (burst.end, seconds, rate)]
    due = chance.expovariate(1.0)  # the integral of the rate at the next arrival
    done = 0.0  # the integral of the rate up to the stretch
    for begin, end, now in edges:
        end = min(end, seconds)
        while now > 0 and begin + (due - done) / now < end:
            yield begin + (due - done) / now
            due += chance.expovariate(1.0)
        done += max(0.0, end - begin) * now


def zipf_weights(count: int, exponent: float) -> list[float]:
    """The share of each rank; the sum is 1."""
    weights = [1 / (rank + 1) ** exponent for rank in range(count)]
    return [each / sum(weights) for each in weights]


class Histogram:
    """Counts durations in buckets of 2 %, so that its size does not depend on how many there are. What failed counts as endless: a
    service that fails fast does not look fast."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = self.failed = 0

    def add(self, seconds: float) -> None:
        """``seconds``: infinite for what failed."""
        self.count += 1
        if math.isinf(seconds):
            self.failed += 1
            return
        bucket = math.ceil(math.log(max(seconds, _FIRST) / _FIRST) / math.log(_GROWTH))
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def percentile(self, part: float) -> float:
        """The least duration (its bucket's upper end) that at least ``part`` of all do not exceed; NaN if there are none."""
        if not self.count:
            return math.nan
        left = math.ceil(part * self.count)
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                return _FIRST * _GROWTH**bucket
        return math.inf


@dataclass
class Generator:
    """What the generator did itself. ``lag``: the delays that are its own, not the service's. ``late``: requests that were sent after
    their planned time. ``waited``: those of them for which no request in flight had ended. ``unsent``: those that were given up."""

    lag: Histogram = field(default_factory=Histogram)
    sent: int = 0
    late: int = 0
    waited: int = 0
    unsent: int = 0
    seconds: float = 0.0


Send = Callable[[Planned], Awaitable[str]]
"""Sends a request. Returns '' if it succeeded, otherwise the kind of the failure: an HTTP status, or 'timeout'."""
Record = Callable[[Planned, float, str], None]
"""Takes the seconds from the planned time to the end of the answer (infinite if it failed), and the kind of the failure."""


async def run(planned: Iterable[Planned], send: Send, record: Record, *, in_flight: int, patience: float) -> Generator:
    """Sends every request at its planned time, or as soon as fewer than ``in_flight`` are open. A request that could not be sent within
    ``patience`` seconds is recorded as 'not sent', and one whose ``send`` raises by the name of the exception; none is left out."""
    loop, own = asyncio.get_running_loop(), Generator()
    began, free, open_requests = loop.time(), asyncio.Semaphore(in_flight), set[asyncio.Task[None]]()
    heartbeat = loop.create_task(_watch(own))

    async def one(each: Planned) -> None:
        try:
            failure = await send(each)
        except Exception as error:
            failure = type(error).__name__
        finally:
            free.release()
        record(each, math.inf if failure else loop.time() - began - each.at, failure)

    for each in planned:
        ahead = began + each.at - loop.time()
        if ahead > 0:
            await asyncio.sleep(ahead)
        own.waited += free.locked()
        await free.acquire()
        behind = loop.time() - began - each.at
        own.late += behind > LATE
        if behind > patience:
            free.release()
            own.unsent += 1
            record(each, math.inf, "not sent")
            continue
        own.sent += 1
        task = loop.create_task(one(each))
        open_requests.add(task)
        task.add_done_callback(open_requests.discard)
    while open_requests:
        await asyncio.gather(*open_requests)
    heartbeat.cancel()
    own.seconds = loop.time() - began
    return own


async def _watch(own: Generator) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _HEARTBEAT
        await asyncio.sleep(_HEARTBEAT)
        own.lag.add(loop.time() - due)
