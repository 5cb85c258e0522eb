"""Servers in Java on loopback, such as a real OpenSearch node. Maven gets the jars, once.

A server is one source file beside a ``pom.xml`` that lists its jars. It prints ``ready`` when it answers, and lives as
long as its input is open: it never outlives the process that started it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

from local.settings import ROOT

_CLASSPATHS = ROOT / ".local" / "build" / "classpaths"
_RESOLVE, _START, _STOP = 480.0, 360.0, 60.0  # seconds, on a slow machine and network
_OLDEST = 17
_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # a quick start and little memory


class CannotRun(RuntimeError):
    """The message says why the server does not run."""


class JavaServer:
    """A server that has started. Its output goes to ``log``."""

    def __init__(
        self, source: Path, arguments: list[str], log: Path, *options: str, kept_open: tuple[int, ...] = ()
    ) -> None:
        """``source``: the Java file. ``options``: of the virtual machine. ``kept_open``: file descriptors that the server
        inherits. Raises CannotRun."""
        java, jars = check(source)
        command = [java, *_OPTIONS, *options, "-cp", jars, str(source), *arguments]
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, pass_fds=kept_open
            )
        try:
            self._await_ready(log)
        except BaseException:
            self._process.kill()
            self.wait()
            raise

    def wait(self) -> int:
        """Returns the exit code, once the server has ended."""
        return self._process.wait()

    def stop(self) -> int:
        """Ends the server and returns its exit code. A server that does not end in time is killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            return self._process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self.wait()

    def _await_ready(self, log: Path) -> None:
        ready, ended = threading.Event(), threading.Event()
        threading.Thread(target=self._read, args=(ready, ended), daemon=True).start()
        if not ended.wait(_START):
            raise CannotRun("the server did not start in time")
        if not ready.is_set():
            self.wait()
            raise CannotRun(f"the server did not start: {log.read_text(errors='replace').strip()[-500:]}")

    def _read(self, ready: threading.Event, ended: threading.Event) -> None:
        """Reads all output, because a full pipe would stop the server. ``ended``: the start has ended, well or not."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == "ready":
                ready.set()
                ended.set()
        ended.set()


def check(source: Path) -> tuple[str, str]:
    """The ``java`` and the jars of a server. Gets the jars that are missing. Raises CannotRun."""
    java = _program("java")
    shown = subprocess.run([java, "-version"], capture_output=True, text=True).stderr.strip()
    version = re.search(r'version "(\d+)', shown)
    if version is None or int(version[1]) < _OLDEST:
        raise CannotRun(f"Java {_OLDEST} or later is needed; {java} says: {shown[:100]}")
    return java, classpath(source.with_name("pom.xml"))


def classpath(pom: Path) -> str:
    """The jars that a ``pom.xml`` lists, and those that they need. They stay in Maven's own folder. Raises CannotRun."""
    known = _CLASSPATHS / hashlib.sha256(pom.read_bytes()).hexdigest()[:16]
    if known.exists() and all(Path(jar).exists() for jar in known.read_text().split(os.pathsep)):
        return known.read_text()
    maven = _program("mvn")
    known.parent.mkdir(parents=True, exist_ok=True)
    found = known.with_suffix(f".{os.getpid()}")
    command = [maven, "--batch-mode", "--quiet", "--file", str(pom)]
    command += ["dependency:build-classpath", f"-Dmdep.outputFile={found}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_RESOLVE)
    except subprocess.TimeoutExpired:
        raise CannotRun("Maven did not get the jars in time") from None
    if done.returncode or not found.exists():
        raise CannotRun(f"Maven cannot get the jars: {(done.stdout + done.stderr).strip()[-300:]}")
    found.write_text(found.read_text().strip())
    found.replace(known)
    return known.read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise CannotRun(f"{name} is not installed (Java {_OLDEST} or later and Maven are needed)")
    return found
