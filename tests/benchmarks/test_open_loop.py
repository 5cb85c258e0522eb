"""The load generator's plan, its clock and its figures."""

import asyncio
import math
import random
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from benchmarks.load import phase_of
from benchmarks.load_mix import MIX, OPERATIONS, PROMISES
from benchmarks.load_report import Figures
from benchmarks.open_loop import Burst, Generator, Histogram, Planned, plan, run, zipf_weights

pytestmark = pytest.mark.slow

RATES = {"search": 60.0, "read": 25.0, "upload": 10.0, "other": 5.0}
MINUTE = 60.0


def _plan(seconds: float = 10 * MINUTE, seed: int = 1, burst: Burst | None = None, tenants: int = 20) -> list[Planned]:
    return list(plan(RATES, seconds, tenants, seed=seed, burst=burst))


def test_a_seed_fixes_every_arrival() -> None:
    assert _plan(seed=1) == _plan(seed=1)
    assert _plan(seed=1) != _plan(seed=2)
    first = [(round(each.at, 6), each.operation, each.tenant) for each in _plan(seed=1)[:3]]
    assert first == [(0.003721, "search", 0), (0.006395, "search", 2), (0.013373, "upload", 0)]


def test_arrivals_are_in_order_and_within_the_run() -> None:
    times = [each.at for each in _plan()]
    assert times == sorted(times)
    assert times[0] > 0 and times[-1] < 10 * MINUTE


def test_the_rate_is_the_one_asked_for_and_the_gaps_are_poisson() -> None:
    times = [each.at for each in _plan()]
    expected = 100 * 10 * MINUTE
    assert abs(len(times) - expected) < 5 * math.sqrt(expected)
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert deviation == pytest.approx(mean, rel=0.02)  # of the exponential distribution both are equal


def test_the_mix_has_its_proportions() -> None:
    counts = Counter(each.operation for each in _plan())
    for operation, rate in RATES.items():
        expected = rate * 10 * MINUTE
        assert abs(counts[operation] - expected) < 5 * math.sqrt(expected), operation


def test_the_operations_add_up_to_the_mix_and_each_has_a_promise() -> None:
    shares: Counter[str] = Counter()
    for operation in OPERATIONS.values():
        shares[operation.kind] += operation.share
        assert operation.promise in PROMISES
    assert dict(shares) == pytest.approx(MIX)
    assert sum(MIX.values()) == pytest.approx(1)


def test_tenants_follow_zipf() -> None:
    counts = Counter(each.tenant for each in _plan())
    weights, total = zipf_weights(20, 1.0), sum(counts.values())
    assert weights[0] / weights[9] == pytest.approx(10)
    for rank, weight in enumerate(weights):
        assert abs(counts[rank] - weight * total) < 5 * math.sqrt(weight * total), rank


def test_a_burst_multiplies_uploads_and_nothing_else() -> None:
    burst = Burst("upload", 20, 3 * MINUTE, 5 * MINUTE)
    calm, with_burst = _plan(), _plan(burst=burst)
    assert [each for each in calm if each.operation != "upload"] == [
        each for each in with_burst if each.operation != "upload"
    ]
    uploads = [each.at for each in with_burst if each.operation == "upload"]
    inside = sum(burst.begin <= at < burst.end for at in uploads)
    expected, outside = 10 * 20 * 2 * MINUTE, 10 * 8 * MINUTE
    assert abs(inside - expected) < 5 * math.sqrt(expected)
    assert abs(len(uploads) - inside - outside) < 5 * math.sqrt(outside)


@pytest.mark.parametrize("count", [1, 2, 99, 1000])
def test_a_percentile_is_the_nearest_rank_within_a_bucket(count: int) -> None:
    chance, histogram = random.Random(count), Histogram()
    durations = [chance.lognormvariate(-3, 1) for _ in range(count)]
    for each in durations:
        histogram.add(each)
    for part in (0.01, 0.5, 0.95, 0.99, 1.0):
        exact = sorted(durations)[math.ceil(part * count) - 1]
        assert exact <= histogram.percentile(part) * (1 + 1e-9) <= exact * 1.021


def test_what_failed_is_slower_than_everything() -> None:
    histogram = Histogram()
    for _ in range(98):
        histogram.add(0.1)
    histogram.add(math.inf)
    histogram.add(math.inf)
    assert histogram.percentile(0.98) == pytest.approx(0.1, rel=0.021)
    assert histogram.percentile(0.99) == math.inf
    assert (histogram.count, histogram.failed) == (100, 2)
    assert math.isnan(Histogram().percentile(0.5))


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when all tasks sleep, and then at once."""

    def __init__(self) -> None:
        self._now = 0.0
        selector = selectors.DefaultSelector()
        select = selector.select

        def pass_time(timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            self._now += timeout or 0.0
            return select(0)

        selector.select = pass_time  # type: ignore[method-assign]
        super().__init__(selector)

    def time(self) -> float:
        return self._now


Recorded = list[tuple[float, float, str]]


def _run(
    times: list[float], send: Callable[[Planned], Awaitable[str]], in_flight: int = 100, patience: float = 1000.0
) -> tuple[Recorded, Generator]:
    """The planned time, latency and failure of each request in the order of their ends, and what the generator says of itself."""
    recorded: Recorded = []

    async def main() -> Generator:
        return await run(
            [Planned(at, "search", 0) for at in times],
            send,
            lambda each, took, failure: recorded.append((each.at, round(took, 6), failure)),
            in_flight=in_flight,
            patience=patience,
        )

    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return recorded, runner.run(main())


async def _slow(_: Planned) -> str:
    await asyncio.sleep(10)
    return ""


def test_requests_are_sent_at_their_times_however_slow_the_answers() -> None:
    recorded, own = _run([1.0, 2.0, 3.0], _slow)
    assert recorded == [(1.0, 10.0, ""), (2.0, 10.0, ""), (3.0, 10.0, "")]
    assert (own.sent, own.late, own.waited) == (3, 0, 0)


def test_the_latency_counts_from_the_planned_time() -> None:
    recorded, own = _run([1.0, 2.0, 3.0], _slow, in_flight=1)
    assert recorded == [(1.0, 10.0, ""), (2.0, 19.0, ""), (3.0, 28.0, "")]
    assert (own.sent, own.late, own.waited, own.unsent) == (3, 2, 2, 0)


def test_never_more_in_flight_than_allowed() -> None:
    now, most = 0, 0

    async def send(each: Planned) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await _slow(each)
        now -= 1
        return ""

    recorded, _ = _run([number / 10 for number in range(50)], send, in_flight=7)
    assert most == 7
    assert len(recorded) == 50


def test_what_cannot_be_sent_in_time_is_counted_as_failed() -> None:
    recorded, own = _run([1.0, 2.0, 3.0], _slow, in_flight=1, patience=9.5)
    assert sorted(recorded) == [(1.0, 10.0, ""), (2.0, 19.0, ""), (3.0, math.inf, "not sent")]
    assert (own.sent, own.unsent, own.late) == (2, 1, 2)


def test_a_failure_is_recorded_with_its_kind() -> None:
    async def refused(_: Planned) -> str:
        return "503"

    recorded, _ = _run([1.0], refused)
    assert recorded == [(1.0, math.inf, "503")]


def test_a_request_whose_answer_cannot_be_understood_is_counted_as_failed_and_frees_its_place() -> None:
    async def not_json(each: Planned) -> str:
        await asyncio.sleep(1)
        if each.at == 1.0:
            raise ValueError
        return ""

    recorded, own = _run([1.0, 2.0, 3.0], not_json, in_flight=1)
    assert recorded == [(1.0, math.inf, "ValueError"), (2.0, 1.0, ""), (3.0, 1.0, "")]
    assert own.sent == 3


@pytest.mark.parametrize(("at", "holds"), [(5.0, True), (0.5, False)])
def test_a_run_that_has_judged_no_request_keeps_no_promise(at: float, holds: bool) -> None:
    figures = Figures(lambda planned: phase_of(1.0, None, planned))
    for operation in OPERATIONS:
        figures.record(Planned(at, operation, 0), 0.01, "")
    assert figures.holds() is holds


def test_the_lag_of_a_generator_that_is_busy_shows() -> None:
    async def blocking(_: Planned) -> str:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTime)
        loop._now += 0.5  # half a second of work in the generator's own thread
        return ""

    _, busy = _run([number / 10 for number in range(10)], blocking)
    _, idle = _run([number / 10 for number in range(10)], _slow)
    assert busy.lag.percentile(0.99) > 0.4
    assert idle.lag.percentile(0.99) < 0.001
