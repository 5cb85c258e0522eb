"""``./dp mails`` with a mailbox that answers as the emulator's does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.mails import sent, show
from local.settings import ACCOUNT, LocalSettings


def mail(to: str, subject: str, at: float) -> dict[str, Any]:
    return {"To": [to], "Subject": subject, "BodyText": f"Hello,\n\nthis is {subject}.\n", "Timestamp": at}


MAILS = [
    mail("ann@acme.example", "one", 1.0),
    mail("Bo@acme.example", "two", 2.0),
    mail("ann@acme.example", "three", 3.0),
]


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[LocalSettings]:
    kept = {"messages": {ACCOUNT: getattr(request, "param", MAILS)}}

    class Mailbox(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/_ministack/ses/messages" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(kept).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Mailbox)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield LocalSettings(str(tmp_path), server.server_port, 0, {}, "", "")
    server.shutdown()
    server.server_close()


def test_mails_are_shown_the_newest_at_the_end(settings: LocalSettings, capsys: pytest.CaptureFixture[str]) -> None:
    assert [each["Subject"] for each in sent(settings)] == ["one", "two", "three"]
    assert show(settings) == 0
    shown = capsys.readouterr().out
    assert shown.index("this is one.") < shown.index("this is two.") < shown.index("this is three.")
    assert "to Bo@acme.example" in shown


def test_mails_of_one_address_or_the_last_ones(settings: LocalSettings, capsys: pytest.CaptureFixture[str]) -> None:
    show(settings, to="bo@")
    shown = capsys.readouterr().out
    assert "two" in shown and "one" not in shown and "three" not in shown
    show(settings, last=1)
    assert "two" not in capsys.readouterr().out


@pytest.mark.parametrize("settings", [[]], indirect=True)
def test_an_empty_mailbox_says_so(settings: LocalSettings, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(settings) == 1
    assert capsys.readouterr().out == "no mail has been sent\n"
