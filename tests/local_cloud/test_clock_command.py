"""``./dp clock`` reads durations, and shows what the cloud answers."""

import argparse
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from local import clock
from local.settings import LocalSettings


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("8h", 28_800), ("30d", 2_592_000)])
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert clock.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0d", "-5m", "15", "m", "1w", "1.5h", "8 h", "٣d", "1d2h", "99999999999s"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write for instance"):
        clock.duration(text)


@pytest.fixture
def cloud() -> Iterator[LocalSettings]:
    """An address where a clock is an hour ahead, and goes no further."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, {"forward": 3_600, "now": "2030-01-02T03:04:05.678+00:00"})

        def do_POST(self) -> None:
            self._answer(400, {"message": "the clock goes at most 100 years ahead"})

        def _answer(self, status: int, told: dict[str, Any]) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield LocalSettings("", server.server_port, 0, {}, "", "")
        server.shutdown()


def test_the_time_is_shown(cloud: LocalSettings, capsys: pytest.CaptureFixture[str]) -> None:
    assert clock.show(cloud, forward=None) == 0
    assert capsys.readouterr().out == "2030-01-02 03:04:05 UTC, 1:00:00 ahead of this machine\n"


def test_a_refusal_is_shown(cloud: LocalSettings, capsys: pytest.CaptureFixture[str]) -> None:
    assert clock.show(cloud, forward=60) == 1
    assert capsys.readouterr().out == "the clock goes at most 100 years ahead\n"
