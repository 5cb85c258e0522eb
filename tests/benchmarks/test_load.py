"""What benchmarks/load.py counts as a failure, and what it says of the figures."""

import argparse
import asyncio
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from benchmarks.load import burst_of, generate, phase_of, total
from benchmarks.load_client import Connections, Refused, Site
from benchmarks.load_mix import OPERATIONS, PROMISES
from benchmarks.load_report import Bottleneck, Figures, as_json, show
from benchmarks.open_loop import Burst, Generator, Planned

QUICK = 0.01
FREE = Bottleneck(lag=0.001, busy=0.3)


class Platform(BaseHTTPRequestHandler):
    """Answers searches, refuses folders, and never answers for a document."""

    protocol_version = "HTTP/1.1"
    ended = Event()
    seen: list[tuple[str, str, str]] = []

    def do_GET(self) -> None:
        self.ended.wait()
        self.close_connection = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Host"], body.decode()))
        self.send_response(200 if self.path == "/v1/search" else 503)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _platform() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Platform)
    server.daemon_threads = True
    Platform.ended.clear()
    Platform.seen.clear()
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        Platform.ended.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def address() -> Iterator[str]:
    with _platform() as port:
        yield f"http://acme.localhost:{port}"


def _site(address: str, timeout: float = 60.0) -> Site:
    return Site(Connections(4, timeout), address, token="t", documents=["d"], previews=["d"], folder="f")


def test_a_tenant_is_reached_at_loopback_by_its_name(address: str) -> None:
    _site(address).ask("POST", "/v1/search", {"query": "lease"})
    assert Platform.seen == [("/v1/search", address.removeprefix("http://"), '{"query": "lease"}')]


def test_failures_are_told_apart(address: str) -> None:
    with pytest.raises(Refused, match="^503$"):
        _site(address).ask("POST", "/v1/folders", {})
    with pytest.raises(Refused, match="^timeout$"):
        _site(address, timeout=0.2).ask("GET", "/v1/documents/d")
    with _platform() as port:
        pass
    with pytest.raises(Refused, match="^connection$"):
        _site(f"http://127.0.0.1:{port}").ask("POST", "/v1/search", {})


def test_every_planned_request_is_recorded(address: str) -> None:
    chosen = _chosen(
        rate=60.0, warm_up=0.0, seconds=1.0, zipf=1.0, seed=3, in_flight=16, patience=60.0, upload_size=100
    )
    figures = Figures(lambda _: "all")
    Platform.ended.set()  # a document's connection closes without an answer
    own, _ = asyncio.run(generate(chosen, [_site(address)], figures))
    counts = {promise: figures.of_promise("all", promise) for promise in PROMISES}
    assert sum(each.count for each in counts.values()) == own.sent > 30
    assert counts["search"].failed == 0
    assert counts["search"].count == sum(path == "/v1/search" for path, _, _ in Platform.seen)
    assert counts["upload"].failed == counts["upload"].count == figures.failures["upload", "503"]
    assert counts["preview"].failed == counts["preview"].count == figures.failures["preview", "connection"]


def _figures(**seconds: float) -> Figures:
    """Figures of a hundred requests of each operation, quick where nothing else is said."""
    figures = Figures(lambda _: "all")
    for operation in OPERATIONS:
        for _ in range(100):
            figures.record(Planned(0.0, operation, 0), seconds.get(operation, QUICK), "")
    return figures


def _shown(figures: Figures, capsys: pytest.CaptureFixture[str], generator: Bottleneck = FREE, **own: int) -> str:
    show(figures, Generator(sent=900, seconds=9.0, **own), generator, 64, 10_000_000)
    return capsys.readouterr().out


def _verdicts(text: str) -> dict[str, str]:
    return {
        promise: line.partition(" ms ")[2].rpartition(" ms ")[2]
        for line in text.splitlines()
        for promise in PROMISES
        if line.startswith(promise) and "   < " in line
    }


def test_each_promise_has_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert _figures().holds()
    assert _verdicts(_shown(_figures(), capsys)) == dict.fromkeys(PROMISES, "holds")
    for operation, about in OPERATIONS.items():
        slow = _figures(**{operation: PROMISES[about.promise] * 1.1})
        assert not slow.holds()
        verdicts = _verdicts(_shown(slow, capsys))
        assert [promise for promise, verdict in verdicts.items() if verdict != "holds"] == [about.promise]


def test_two_failures_in_a_hundred_break_a_promise(capsys: pytest.CaptureFixture[str]) -> None:
    figures = _figures()
    for _ in range(2):
        figures.record(Planned(0.0, "search", 0), math.inf, "502")
    assert not figures.holds()
    text = _shown(figures, capsys)
    assert _verdicts(text)["search"] == "DOES NOT HOLD"
    assert "failed: search: 502: 2\n" in text


def test_a_promise_that_nothing_was_asked_of_does_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    figures = Figures(lambda _: "all")
    figures.record(Planned(0.0, "search", 0), QUICK, "")
    assert not figures.holds()
    assert _verdicts(_shown(figures, capsys))["preview"] == "no request"


@pytest.mark.parametrize("generator", [Bottleneck(lag=0.3, busy=0.1), Bottleneck(lag=0.001, busy=1.1)])
def test_a_slow_generator_says_so(generator: Bottleneck, capsys: pytest.CaptureFixture[str]) -> None:
    assert "THE GENERATOR IS THE BOTTLENECK" in _shown(_figures(), capsys, generator)
    assert "BOTTLENECK" not in _shown(_figures(), capsys)


def test_late_and_given_up_requests_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = _shown(_figures(), capsys, late=7, waited=5, unsent=2)
    assert "7 after their planned time, of which 5 waited because 64 were in flight; 2 were given up" in text
    assert "the limit of 64 in flight was reached" in text


def _chosen(**more: object) -> argparse.Namespace:
    return argparse.Namespace(**{"warm_up": 10.0, "seconds": 60.0, "burst": False, "burst_seconds": 600.0} | more)


def test_a_burst_stands_between_two_calm_stretches() -> None:
    chosen = _chosen(burst=True)
    burst = burst_of(chosen)
    assert burst == Burst("upload", 20, 70.0, 670.0)
    assert (total(chosen), total(_chosen())) == (730.0, 70.0)
    phases = [phase_of(chosen.warm_up, burst, at) for at in (9.9, 10.0, 70.0, 669.9, 670.0)]
    assert phases == ["warm-up", "before the burst", "burst", "burst", "after the burst"]
    assert [phase_of(10.0, None, at) for at in (9.9, 10.0)] == ["warm-up", "all"]


def test_the_warm_up_is_not_judged() -> None:
    figures = Figures(lambda at: phase_of(10.0, None, at))
    for operation in OPERATIONS:
        figures.record(Planned(9.0, operation, 0), math.inf, "503")
        figures.record(Planned(11.0, operation, 0), QUICK, "")
    assert figures.phases == ["all"]
    assert figures.holds()
    assert not figures.failures


def test_the_record_is_json_without_infinities() -> None:
    figures = _figures()
    figures.record(Planned(0.0, "grant", 0), math.inf, "timeout")
    figures.record(Planned(0.0, "preview", 0), math.inf, "timeout")
    written = json.dumps(as_json(figures, Generator(seconds=1.0), FREE, {"rate": 1}), allow_nan=False)
    read = json.loads(written)
    assert read["figures"]["all"]["preview"] == {
        "requests": 101,
        "failed": 1,
        "p50": 0.01003,
        "p95": 0.01003,
        "p99": 0.01003,
    }
    assert read["failures"] == {"any other API call: timeout": 1, "preview: timeout": 1}
    assert read["holds"] is True
