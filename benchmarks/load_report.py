"""What came of a load: durations by phase and promise, failures by kind, and whether the generator could keep up."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

from benchmarks.load_mix import OPERATIONS, PROMISED_UPLOAD, PROMISES, WARM_UP
from benchmarks.open_loop import Generator, Histogram, Planned

_LAGGING = 0.02  # seconds: a tenth of the tightest promise
_BUSY = 0.9  # processors that the generator may use: Python has one for its threads together


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
