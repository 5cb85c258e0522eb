"""Traces: takes segments as the X-Ray daemon does, and keeps the newest in the state's folder.

A datagram is a header of one line and a segment (docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html,
"Sending segment documents to the X-Ray daemon"). What is no segment is dropped, and counted in the cloud's log.
Segments are lines of ``traces.jsonl``; a full file becomes ``traces.1.jsonl``, in place of the one before it.

Of the traces that begin here the first ten of a second are sampled, and a twentieth of the others: a person sees every
request, and a load is not slowed much. (AWS samples one and a twentieth.) ``DOCPLATFORM_TRACES_PER_SECOND`` sets
another number; 0 samples none.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILES = ("traces.1.jsonl", "traces.jsonl")
"""The older one first."""
ADDRESS = "AWS_XRAY_DAEMON_ADDRESS"
_FULL = 8 * 1024 * 1024  # bytes
_RECEIVE_BUFFER = 4 * 1024 * 1024  # bytes: of a burst, while the thread waits for its turn
_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_ID = re.compile(r"[0-9a-f]{16}")
_SHARE = 0.05  # of the traces that begin in a second after the first ones
_writing = threading.Lock()


@dataclass(frozen=True)
class Trace:
    """A place in a trace: what begins now is a child of ``parent``, which is empty at the root."""

    root: str
    parent: str = ""
    sampled: bool = True

    @property
    def header(self) -> str:
        parent = f";Parent={self.parent}" if self.parent else ""
        return f"Root={self.root}{parent};Sampled={int(self.sampled)}"


current: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""Where the present request or invocation is; None where nothing that came before is known."""


class Sampling:
    """Decides about traces that begin: the first ``per_second`` of a second, and a share of the others."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._second, self._left = 0, 0
        self._lock = threading.Lock()

    def decide(self, now: float, chance: float) -> bool:
        """``chance``: a random number below 1."""
        with self._lock:
            if int(now) != self._second:
                self._second, self._left = int(now), self._per_second
            self._left -= 1
            return self._left >= 0 or (self._per_second > 0 and chance < _SHARE)


_sampling = Sampling(int(os.environ.get("DOCPLATFORM_TRACES_PER_SECOND", "10")))


def begun() -> Trace:
    now = time.time()
    return Trace(f"1-{int(now):08x}-{secrets.token_hex(12)}", sampled=_sampling.decide(now, random.random()))


def read(header: str) -> Trace | None:
    """The place that a trace header names; None where it names none."""
    parts = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    root, parent = parts.get("Root", ""), parts.get("Parent", "")
    if not _ROOT.fullmatch(root) or (parent and not _ID.fullmatch(parent)):
        return None
    return Trace(root, parent, parts.get("Sampled") != "0")


@contextlib.contextmanager
def segment(name: str, origin: str, trace: Trace) -> Iterator[tuple[Trace, dict[str, Any]]]:
    """Gives the place inside the new segment, and the segment's document to be filled in. Keeps it at the end."""
    inside = Trace(trace.root, secrets.token_hex(8), trace.sampled)
    document: dict[str, Any] = {"name": name, "id": inside.parent, "trace_id": trace.root, "origin": origin}
    document |= {"start_time": time.time()} | ({"parent_id": trace.parent} if trace.parent else {})
    before = current.set(inside)
    try:
        yield inside, document
    finally:
        current.reset(before)
        if trace.sampled:
            keep(document | {"end_time": time.time()})


def keep(document: dict[str, Any]) -> None:
    """Adds a segment to the file."""
    older, newer = (Path(os.environ["DOCPLATFORM_STATE"], name) for name in FILES)
    line = json.dumps(document, separators=(",", ":")) + "\n"
    with _writing, newer.open("a", encoding="utf-8") as file:
        file.write(line)
        full = file.tell() > _FULL
    if full:
        with _writing, contextlib.suppress(FileNotFoundError):  # another thread may have moved it
            newer.replace(older)


def segment_of(datagram: bytes) -> dict[str, Any] | None:
    """The segment or subsegment in a datagram; None where there is none."""
    try:
        header, _, body = datagram.decode().partition("\n")
        about, document = json.loads(header), json.loads(body)
    except (ValueError, RecursionError):
        return None
    if about != {"format": "json", "version": 1} or not isinstance(document, dict):
        return None
    ids = [document.get("trace_id"), document.get("id"), document.get("parent_id", "0" * 16)]
    if not all(isinstance(each, str) for each in (*ids, document.get("name"))):
        return None
    well_formed = _ROOT.fullmatch(ids[0]) and _ID.fullmatch(ids[1]) and _ID.fullmatch(ids[2])
    times = [document.get("start_time"), document.get("end_time", 0)]
    return document if well_formed and all(type(each) in (int, float) for each in times) else None


def listen() -> None:
    """Opens a port on loopback, and tells functions of it by their environment."""
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    port.bind(("127.0.0.1", 0))
    os.environ[ADDRESS] = f"127.0.0.1:{port.getsockname()[1]}"
    threading.Thread(target=_receive, args=(port,), daemon=True, name="traces").start()


def _receive(port: socket.socket) -> None:
    dropped = 0
    while True:
        datagram = port.recv(65_536)
        document = segment_of(datagram)
        try:
            if document is not None:
                keep(document)
                continue
            reason = "no segment"
        except (OSError, ValueError) as error:  # a full disk; a text that is no Unicode
            reason = type(error).__name__
        dropped += 1
        if dropped & (dropped - 1) == 0:  # the first, the second, the fourth, …
            print(f"traces: {dropped} datagrams dropped so far (the last: {reason})", file=sys.stderr, flush=True)
