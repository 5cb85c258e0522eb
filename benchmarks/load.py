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
import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/platform/python")]

from benchmarks.load_client import Connections, Refused, Site
from benchmarks.load_mix import ACTS, OPERATIONS, PROMISED_UPLOAD, WARM_UP
from benchmarks.load_report import Bottleneck, Figures, as_json, show
from benchmarks.open_loop import Burst, Generator, Histogram, Planned, plan, run
from local.demo import PASSWORD, seed
from local.testing import running_cloud

LOCAL_IN_FLIGHT = 8
"""A local cloud starts a process for each call in hand: with many open requests the machine does little else."""


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
                ACTS[each.operation](
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
