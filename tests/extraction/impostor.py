"""Stands in for the parser process (docplatform.extraction.worker) after a parser's flaw has been exploited.

The variable LANG, one of the few that reach the process, says what it does.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable


def hang() -> None:
    time.sleep(600)


def hang_after_closing_the_pipe() -> None:
    os.close(1)
    time.sleep(600)


def crash() -> None:
    ctypes.string_at(0)


def abort() -> None:
    os.abort()


def exit_early() -> None:
    os._exit(7)


def flood() -> None:
    while True:
        os.write(1, bytes(1 << 20))


def say_nothing() -> None:
    os._exit(0)


def talk_nonsense() -> None:
    os.write(1, b"\0\0\0\5nonsense and more nonsense")
    os._exit(0)


def promise_more_than_it_sends() -> None:
    _answer({"sizes": [10**12]})


def claim_a_negative_part() -> None:
    _answer({"sizes": [-1, 1]})


def invent_a_problem() -> None:
    _answer({"sizes": [], "problem": "<script>", "detail": "x" * 100_000, "cause": "y" * 100_000})


def send_no_images() -> None:
    _answer({"sizes": [5, 5], "pages": "many", "title": {"a": 1}, "created": "never"}, b"<svg>" * 2)


def leave_a_process_behind() -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    _answer({"sizes": [4]}, b"text")


def _answer(header: dict[str, object], content: bytes = b"") -> None:
    encoded = json.dumps(header).encode()
    os.write(1, len(encoded).to_bytes(4, "big") + encoded + content)
    os._exit(0)


DEEDS: dict[str, Callable[[], None]] = {
    deed.__name__: deed
    for deed in (
        hang,
        hang_after_closing_the_pipe,
        crash,
        abort,
        exit_early,
        flood,
        say_nothing,
        talk_nonsense,
        promise_more_than_it_sends,
        claim_a_negative_part,
        invent_a_problem,
        send_no_images,
        leave_a_process_behind,
    )
}

if __name__ == "__main__":
    signal.alarm(30)  # should the test fail
    os.write(1, b"+")
    DEEDS[os.environ["LANG"]]()
