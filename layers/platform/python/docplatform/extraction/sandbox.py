"""The parser process: it gets one file and one task, has limits, and is always ended.

The process has the file as standard input, a pipe as standard output, and an environment without credentials. It
limits its own resources (resource_limits.py) before it reads the first byte. Its answer is as untrusted as the file:
this module limits the size, and the caller checks the content.

    parent                                     worker (worker.py)
    starts it, waits up to START_UP            imports its engine, limits itself
                                       ←  +    ready; ExtractionLimits.seconds begin here
                                               parses
    reads up to the maximum size       ←       size of header (4 bytes), header (JSON), parts
    ends the process group             ←       end of file
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from io import FileIO
from typing import IO, cast

from docplatform.extraction.model import ExtractionLimits, FileRejected, RejectionReason

START_UP = 30.0
"""Seconds for the interpreter and its imports. In a cold Lambda environment, these are read from disk."""

READY, UNAVAILABLE = b"+", b"-"
_WORKER = "docplatform.extraction.worker"
# No site packages of its own, no working directory on the path, no bytecode written, no warnings.
_OPTIONS = ("-S", "-P", "-B", "-Wignore", "-m")
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")
_IMAGES = 16 * 1024 * 1024  # bytes for two WebP images, in addition to the text
_HEADER = 64 * 1024
# Native code ends itself by a trap or abort if an allocation fails. The processor limit sends SIGXCPU, then SIGKILL.
_EXHAUSTED = frozenset({signal.SIGXCPU, signal.SIGKILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGILL, signal.SIGALRM})


class ReaderUnavailable(RuntimeError):
    """The parser process does not start, because a library or a resource is missing. The file is not the reason."""


class ParserFault(RuntimeError):
    """The parser process met an error that no file explains: a fault of this code or of a library. The file is not the
    reason, and the user is not told so. ``cause``: a class and a line number, with nothing from the file."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class WorkerResult:
    """The answer of a worker. ``peak_memory``: its largest resident size in bytes, or its parent's at the fork if that
    was larger."""

    header: dict[str, object]
    parts: tuple[bytes, ...]
    peak_memory: int


def run(task: dict[str, object], file: FileIO, limits: ExtractionLimits) -> WorkerResult:
    """Run ``task`` on ``file`` in a process of its own. The file's position changes.

    Raises FileRejected if the worker rejects the file, crashes, takes too long or answers too much. Raises ParserFault
    if the worker meets an error that the file does not explain, and ReaderUnavailable if it never reported that it is
    ready.
    """
    file.seek(0)
    process = _start([sys.executable, *_OPTIONS, _WORKER, json.dumps({**task, "limits": asdict(limits)})], file)
    pipe = cast(IO[bytes], process.stdout).fileno()
    began, data, in_time = False, b"", False
    try:
        first = _read(pipe, time.monotonic() + START_UP, 1)
        began = first == READY
        if began:
            deadline = time.monotonic() + limits.seconds
            data = _read(pipe, deadline, 4 * limits.text_characters + _IMAGES)
            in_time = _exited(process.pid, deadline)
        elif first == UNAVAILABLE:
            data = _read(pipe, time.monotonic() + 1.0, _HEADER)
    except _TooLarge as too_large:
        raise FileRejected(RejectionReason.TOO_COMPLEX, cause="answer too large") from too_large
    finally:
        code, peak = _end(process)
    if not began:
        raise ReaderUnavailable(data.decode(errors="replace") or f"the parser process ended with {code} at its start")
    if not in_time:
        raise FileRejected(RejectionReason.TOO_COMPLEX, cause="out of time")
    if code != 0:
        raise _exit_error(code)
    header, parts = _unpack(data)
    if "fault" in header:
        raise ParserFault(str(header["fault"])[:200])
    if "problem" in header:
        raise _rejection_in(header)
    return WorkerResult(header, parts, peak)


def _start(command: list[str], file: FileIO) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise ReaderUnavailable(str(error)) from error


def _environment() -> dict[str, str]:
    """The worker's environment: no credentials, no URLs, and the same import path as this process."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry), "HOME": "/"}


class _TooLarge(Exception):
    pass


def _read(pipe: int, deadline: float, most: int) -> bytes:
    """Read until the end of file or the deadline. With ``most`` = 1, read a single byte. Raises _TooLarge for more than
    ``most`` bytes."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    chunks: list[bytes] = []
    size = 0
    while (left := deadline - time.monotonic()) > 0:
        if not poll.poll(left * 1000):
            break
        chunk = os.read(pipe, 1 if most == 1 else 1 << 20)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
        if most == 1:
            break
        if size > most:
            raise _TooLarge
    return b"".join(chunks)


def _exited(pid: int, deadline: float) -> bool:
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def _end(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """End the process group, and return the exit code and the peak memory in bytes. The group is ended before the
    process is waited for, because until then no other group can have its number."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout is not None:
        process.stdout.close()
    return process.returncode, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _exit_error(code: int) -> FileRejected | ParserFault:
    if code > 0:
        return ParserFault(f"exit {code}")
    cause = f"signal {-code}"
    return FileRejected(RejectionReason.TOO_COMPLEX if -code in _EXHAUSTED else RejectionReason.DAMAGED, cause=cause)


def _unpack(data: bytes) -> tuple[dict[str, object], tuple[bytes, ...]]:
    size = int.from_bytes(data[:4], "big")
    broken = FileRejected(RejectionReason.DAMAGED, cause="answer incomplete")
    if len(data) < 4 or not 0 < size <= min(_HEADER, len(data) - 4):
        raise broken
    try:
        header = json.loads(data[4 : 4 + size])
        sizes = [int(part) for part in header["sizes"]]
    except (ValueError, KeyError, TypeError) as error:
        raise broken from error
    at = 4 + size
    if any(part < 0 for part in sizes) or sum(sizes) != len(data) - at:
        raise broken
    parts = []
    for part in sizes:
        parts.append(data[at : at + part])
        at += part
    return header, tuple(parts)


def _rejection_in(header: dict[str, object]) -> FileRejected:
    try:
        problem = RejectionReason(str(header["problem"]))
    except ValueError:
        problem = RejectionReason.DAMAGED
    return FileRejected(problem, str(header.get("detail", ""))[:500], str(header.get("cause", ""))[:200])
